"""The bridge between Weft, real Celery and real Redis: one result is committed for each step, whatever ends.

Must break only what these tests started.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from celery_parts import CeleryWorker, Redis
from test_faults import RECOVERED_WITHIN_S
from test_worker import lines
from weft import Weft, wait_for
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


@pytest.fixture(scope="module")
def celery_token(weft: Weft) -> str:
    return weft.worker_token("cy-*")[0]


@pytest.fixture
def bridge(weft: Weft, redis: Redis, celery_token: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    """Starts bridges, whose agents are in the library."""
    begun: list[WorkerProcess] = []

    def begin(*arguments: str, start_timeout_s: float = 300) -> WorkerProcess:
        monkeypatch.setenv("TEST_REDIS_URL", redis.url)
        monkeypatch.setenv("TEST_START_TIMEOUT_S", str(start_timeout_s))
        worker = WorkerProcess(weft.url, celery_token, *arguments, target="celery_tasks:agents")
        begun.append(worker)
        weft.accept("cy-shout", "cy-key", "cy-wait", "cy-die", "cy-fail", "cy-unknown")
        return worker

    yield begin
    for worker in begun:
        worker.close()
        print(f"--- bridge {worker.pid}\n{worker.log}")


def n_began(path: Path) -> int:
    return sum(line.startswith("began") for line in lines(path))


def test_a_task_is_a_step(weft: Weft, celery: Begin, bridge: Bridge) -> None:
    celery()
    bridge()
    run = weft.start_step("cy-shout", {"text": "ab", "times": 2})
    weft.until(run, "completed")
    assert weft.output(run) == "ABAB"


def test_the_key_goes_as_header_and_argument_and_each_attempt_has_its_id(
    weft: Weft, celery: Begin, bridge: Bridge
) -> None:
    celery()
    bridge()
    run = weft.start_step("cy-key", {"text": "a"})
    weft.until(run, "completed")
    argument, header, task_id = weft.output(run, "keys")
    assert argument == header
    assert task_id == f"{header}.1"


@pytest.mark.parametrize(
    ("how", "error_class", "n_attempts"),
    [("quota", "rate_limit", 2), ("lookup", "permanent", 1), ("disk", "server", 2)],
)
def test_exceptions_have_classes(
    weft: Weft, celery: Begin, bridge: Bridge, how: str, error_class: str, n_attempts: int
) -> None:
    celery(slots=1)
    bridge()
    run = weft.start_step("cy-fail", {"how": how}, retry={"max": 1, "initial_ms": 10})
    attempts = weft.until(run, "failed")["attempts"]
    assert [each["error_class"] for each in attempts] == [error_class] * n_attempts


def test_a_task_that_the_worker_does_not_know_fails_for_good(weft: Weft, celery: Begin, bridge: Bridge) -> None:
    celery(slots=1)
    bridge()
    run = weft.start_step("cy-unknown", {"text": "a"})
    assert weft.until(run, "failed")["attempts"][0]["error_class"] == "permanent"


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
    run = weft.start_step("cy-wait", {"path": str(notes), "seconds": 5})
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


def test_a_process_that_is_killed_in_mid_task_is_followed_by_another(
    weft: Weft, celery: Begin, bridge: Bridge, notes: Path
) -> None:
    celery()
    bridge()
    run = weft.start_step("cy-die", {"path": str(notes)})
    weft.until(run, "completed")
    assert n_began(notes) == 2
    assert (len(weft.step(run)["attempts"]), len(weft.artifacts(run))) == (1, 1)


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


def test_a_result_that_is_lost_is_told_and_the_step_is_tried_again(
    weft: Weft, celery: Begin, bridge: Bridge, redis: Redis, notes: Path
) -> None:
    celery()
    bridge()
    run = weft.start_step("cy-wait", {"path": str(notes), "seconds": 4}, retry={"max": 1, "initial_ms": 10})
    wait_for(lambda: n_began(notes) == 1, 30, "it begins")
    time.sleep(1.5)
    for task_id in redis.results():
        redis.forget_result(task_id)
    wait_for(lambda: len(weft.step(run)["attempts"]) == 2, 20, "the attempt fails")
    attempt = weft.step(run)["attempts"][0]
    assert attempt["error_class"] == "server"
    assert "gone from the result backend" in attempt["error"]
    weft.until(run, "completed")
    assert len(weft.artifacts(run)) == 1


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


def test_settings_that_would_lose_results_are_refused() -> None:
    from celery import Celery

    from weft_worker.celery import CeleryAgents

    def double(n: int) -> int:
        return 2 * n

    for backend, word in ((None, "result_backend"), ("rpc://", "rpc://")):
        app = Celery("team", broker="redis://127.0.0.1:1/0", backend=backend, set_as_current=False)
        with pytest.raises(ValueError, match=word):
            CeleryAgents(app).agent(app.task(double), id="double")
    app = Celery("team", broker="redis://127.0.0.1:1/0", backend="redis://127.0.0.1:1/0", set_as_current=False)
    with pytest.raises(ValueError, match="task_track_started"):
        CeleryAgents(app).agent(app.task(double), id="double", start_timeout_s=5)
    with pytest.raises(TypeError, match="named"):
        CeleryAgents(app).agent(double, id="double")
