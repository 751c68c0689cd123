"""What becomes of steps when bridge, broker, Celery or a result is gone: one result is committed for each.

Must break only what these tests started.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from celery_parts import AGENTS, CeleryWorker, Redis, n_began
from test_faults import RECOVERED_WITHIN_S
from weft import Weft, lines, wait_for
from workers import WorkerProcess

Begin = Callable[..., CeleryWorker]
Bridge = Callable[..., WorkerProcess]


@pytest.fixture
def redis() -> Iterator[Redis]:
    server = Redis()
    yield server
    server.stop()


@pytest.fixture
def celery(redis: Redis) -> Iterator[Begin]:
    """Starts Celery workers."""
    begun: list[CeleryWorker] = []

    def begin(**settings: object) -> CeleryWorker:
        worker = CeleryWorker(redis.url, **settings)  # type: ignore[arg-type]
        begun.append(worker)
        return worker

    yield begin
    for worker in begun:
        worker.kill()
        print(f"--- Celery\n{worker.log}")


@pytest.fixture
def bridge(weft: Weft, redis: Redis, celery_token: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    """Starts bridges, whose agents are in the library."""
    begun: list[WorkerProcess] = []

    def begin(*arguments: str, start_timeout_s: float = 300) -> WorkerProcess:
        monkeypatch.setenv("TEST_REDIS_URL", redis.url)
        monkeypatch.setenv("TEST_START_TIMEOUT_S", str(start_timeout_s))
        worker = WorkerProcess(weft.url, celery_token, *arguments, target="celery_tasks:agents")
        begun.append(worker)
        weft.accept(*AGENTS)
        return worker

    yield begin
    for worker in begun:
        worker.close()
        print(f"--- bridge {worker.pid}\n{worker.log}")


@pytest.mark.long
def test_a_cancel_ends_the_process_and_the_task_is_not_taken_again(
    weft: Weft, celery: Begin, bridge: Bridge, notes: Path
) -> None:
    worker = celery(visibility_s=3)
    bridge()
    run = weft.start_step("cy-wait", {"path": str(notes), "seconds": 60})
    wait_for(lambda: n_began(notes) == 1, 30, "it begins")
    weft.ask("POST", f"/api/workflows/runs/{run}/cancel", {})
    worker.says("Terminating")
    pid = int(lines(notes)[0].split()[1])
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), 10, "its process is gone")
    # `reject_on_worker_lost` puts back what a lost process was at: not what was cancelled, though its time comes.
    time.sleep(6)
    assert lines(notes) == [f"began {pid}"]
    assert weft.run(run)["status"] == "cancelled"


@pytest.mark.long
def test_where_no_process_can_be_ended_a_cancelled_result_is_nobodys(
    weft: Weft, celery: Begin, bridge: Bridge, notes: Path
) -> None:
    celery(pool="threads")
    bridge("--slots", "1")
    run = weft.start_step("cy-wait", {"path": str(notes), "seconds": 3})
    wait_for(lambda: n_began(notes) == 1, 30, "it begins")
    weft.ask("POST", f"/api/workflows/runs/{run}/cancel", {})
    # The slot of the bridge is free at once, the task goes on.
    other = weft.start_step("cy-shout", {"text": "b"})
    weft.until(other, "completed", within_s=15)
    wait_for(lambda: "ended" in lines(notes), 10, "it goes on")
    assert weft.artifacts(run) == []
    assert weft.run(run)["status"] == "cancelled"


def test_a_bridge_that_takes_over_watches_the_task_that_runs(
    weft: Weft, celery: Begin, bridge: Bridge, notes: Path
) -> None:
    celery()
    first = bridge("--grace", "0")
    run = weft.start_step("cy-wait", {"path": str(notes), "seconds": 3})
    wait_for(lambda: n_began(notes) == 1, 30, "it begins")
    first.signal(signal.SIGTERM)
    first.ended()
    bridge()
    weft.until(run, "completed")
    assert n_began(notes) == 1
    assert len(weft.artifacts(run)) == 1
    last = weft.step(run)["attempts"][-1]["number"]
    assert any("takes over" in line["text"] for line in weft.logs(run, last))


@pytest.mark.long
def test_a_killed_bridge_leaves_the_task_to_another(weft: Weft, celery: Begin, bridge: Bridge, notes: Path) -> None:
    celery()
    first = bridge()
    run = weft.start_step("cy-wait", {"path": str(notes), "seconds": 5})
    wait_for(lambda: n_began(notes) == 1, 30, "it begins")
    first.kill()
    bridge()
    weft.until(run, "completed", within_s=RECOVERED_WITHIN_S)
    assert n_began(notes) == 1
    assert len(weft.artifacts(run)) == 1


@pytest.mark.long
def test_a_celery_worker_that_is_killed_whole_is_followed_once_the_message_is_visible_again(
    weft: Weft, celery: Begin, bridge: Bridge, notes: Path
) -> None:
    first = celery(visibility_s=3)
    bridge()
    run = weft.start_step("cy-wait", {"path": str(notes), "seconds": 2})
    wait_for(lambda: n_began(notes) == 1, 30, "it begins")
    first.kill()
    celery(visibility_s=3)
    weft.until(run, "completed")
    assert (len(weft.step(run)["attempts"]), len(weft.artifacts(run))) == (1, 1)


@pytest.mark.long
def test_a_visibility_timeout_shorter_than_the_task_runs_it_twice_and_commits_once(
    weft: Weft, celery: Begin, bridge: Bridge, notes: Path
) -> None:
    celery(visibility_s=2)
    celery(visibility_s=2)
    bridge()
    run = weft.start_step("cy-wait", {"path": str(notes), "seconds": 12})
    weft.until(run, "completed")
    wait_for(lambda: n_began(notes) > 1, 30, "it is taken twice")
    time.sleep(12)
    assert (len(weft.step(run)["attempts"]), len(weft.artifacts(run))) == (1, 1)


@pytest.mark.long
def test_a_message_that_nobody_starts_is_sent_again_under_another_id(
    weft: Weft, celery: Begin, bridge: Bridge, redis: Redis, notes: Path
) -> None:
    bridge(start_timeout_s=1)
    run = weft.start_step("cy-wait", {"path": str(notes), "seconds": 0})
    wait_for(lambda: any("sent again" in line["text"] for line in weft.logs(run)), 30, "it is sent again")
    celery()
    weft.until(run, "completed")
    # The first message is still in the queue: it has expired, and is not run.
    time.sleep(1)
    assert n_began(notes) == 1
    assert len(weft.step(run)["attempts"]) == 1


@pytest.mark.long
def test_a_broker_that_is_restarted_without_its_messages_loses_no_step(
    weft: Weft, celery: Begin, bridge: Bridge, redis: Redis, notes: Path, tmp_path: Path
) -> None:
    celery(slots=1)
    bridge(start_timeout_s=8)
    first = weft.start_step("cy-wait", {"path": str(notes), "seconds": 4})
    wait_for(lambda: n_began(notes) == 1, 30, "it begins")
    queued = weft.start_step("cy-wait", {"path": str(tmp_path / "other"), "seconds": 0})
    time.sleep(1)
    redis.stop()
    time.sleep(2)
    redis.start()
    for run in (first, queued):
        weft.until(run, "completed", within_s=90)
        assert len(weft.artifacts(run)) == 1


@pytest.mark.long
def test_an_id_that_was_kept_and_never_sent_is_followed_by_another(
    redis: Redis, celery: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    from celery import Celery

    from weft_worker.celery import CeleryAgents
    from weft_worker.trial import Trial

    celery()
    app = Celery("team", broker=redis.url, backend=redis.url, set_as_current=False)
    agents = CeleryAgents(app)

    @agents.named("celery_tasks.shout", id="shout", start_timeout_s=1)
    def shout(text: str) -> str:
        raise NotImplementedError

    kept = {"celery_id": "never-sent.1", "sent_at": time.time() - 10}
    tried = Trial(shout, {"text": "a"}, checkpoint=kept, attempt=2)
    assert tried.outputs() == {"output": "A"}
    assert tried.checkpoint_left["celery_id"] == "test.shout.1.2"
    assert any("takes over" in text for _, text in tried.logs)
