"""What networks, servers and machines do to a worker: one result is committed for each step, whatever is lost.

Must break only what these tests started.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Start
from proxy import Proxy
from weft import Weft, lines, wait_for

#: A lease, two sweeps, and what a loaded machine takes.
RECOVERED_WITHIN_S = 60.0


@pytest.mark.parametrize("how", ["lose", "cut"])
def test_a_result_is_committed_once_though_its_answer_is_lost(
    weft: Weft, start: Start, proxy: Proxy, notes: Path, how: str
) -> None:
    start("--slots", "1", url=proxy.url)
    run = weft.start_step("py-wait", {"path": str(notes), "seconds": 0.2})
    wait_for(lambda: bool(lines(notes)), 30, "it begins")
    getattr(proxy, how)("complete", 2)
    weft.until(run, "completed")
    wait_for(lambda: proxy.n_left("complete") == 0, 30, "both answers are lost")
    assert (len(lines(notes)), len(weft.artifacts(run))) == (1, 1)


@pytest.mark.long
def test_a_claim_whose_answer_is_lost_is_given_back_and_done_once(weft: Weft, start: Start, proxy: Proxy) -> None:
    proxy.lose("claim", 1)
    run = weft.start_step("py-echo", {"text": "found again"})
    start("--slots", "1", url=proxy.url)
    weft.until(run, "completed", within_s=RECOVERED_WITHIN_S)
    assert len(weft.artifacts(run)) == 1


@pytest.mark.long
def test_lost_answers_of_every_kind_leave_no_step_behind(weft: Weft, start: Start, proxy: Proxy) -> None:
    for route in ("sessions", "complete", "beat"):
        proxy.lose(route, 2)
        proxy.cut(route, 2)
    start("--slots", "4", url=proxy.url)
    runs = [weft.start_step("py-words", {"text": f"run {n}"}) for n in range(12)]
    for n, run in enumerate(runs):
        weft.until(run, "completed", within_s=RECOVERED_WITHIN_S)
        assert weft.output(run) == f"run {n} "
        assert len(weft.artifacts(run)) == 1


def test_an_outage_shorter_than_the_lease_interrupts_nothing(
    weft: Weft, start: Start, proxy: Proxy, notes: Path
) -> None:
    start(url=proxy.url)
    run = weft.start_step("py-wait", {"path": str(notes), "seconds": 2})
    wait_for(lambda: bool(lines(notes)), 30, "it begins")
    proxy.is_down = True
    time.sleep(3)
    proxy.is_down = False
    weft.until(run, "completed")
    assert len(weft.step(run)["attempts"]) == 1


@pytest.mark.long
def test_a_proxy_that_cuts_idle_connections_is_not_noticed(weft: Weft, start: Start) -> None:
    proxy = Proxy(weft.url, idle_s=1.5)
    try:
        worker = start("--slots", "2", url=proxy.url)
        wait_for(lambda: proxy.n_cut_idle >= 4, 30, "connections are cut")
        run = weft.start_step("py-echo", {"text": "through"})
        weft.until(run, "completed", within_s=RECOVERED_WITHIN_S)
        n_cut = proxy.n_cut_idle
        time.sleep(5)
        assert proxy.n_cut_idle == n_cut, "it has learned how long a connection may be idle"
        assert not [line for line in worker.log.splitlines() if "cannot be reached" in line or "over" in line]
    finally:
        proxy.close()


@pytest.mark.long
def test_a_session_that_was_ended_stops_its_tasks_and_registers_again(weft: Weft, start: Start, notes: Path) -> None:
    worker = start()
    run = weft.start_step("py-wait", {"path": str(notes), "seconds": 60})
    wait_for(lambda: bool(lines(notes)), 30, "it begins")
    session = next(each["id"] for each in weft.sessions() if each["pid"] == worker.pid)
    weft.set_session(session, "gone")
    wait_for(lambda: any(line.startswith("stopped 1 lost") for line in lines(notes)), 15, "its task is stopped")
    wait_for(lambda: any(each["pid"] == worker.pid for each in weft.sessions()), 15, "another session")
    wait_for(lambda: sum(line.startswith("began") for line in lines(notes)) == 2, RECOVERED_WITHIN_S, "it begins again")
    weft.ask("POST", f"/api/workflows/runs/{run}/cancel", {})


def test_a_revoked_token_stops_the_worker_with_the_servers_words(weft: Weft, accepted: str, start: Start) -> None:
    secret, token_id = weft.worker_token("other-*")
    worker = start(token=secret)
    worker.says("py-parts` is refused")
    weft.revoke(token_id)
    assert worker.ended(15) == 3
    assert "token" in worker.log.splitlines()[-1]


def test_an_unknown_token_is_a_sentence(start: Start) -> None:
    worker = start(token="weftw_nobody")
    assert worker.ended(15) == 3
    assert "token" in worker.log.splitlines()[-1]
    assert "Traceback" not in worker.log


@pytest.fixture
def other_build(tmp_path: Path) -> Iterator[str]:
    """The same agent with another port."""
    module = Path(__file__).parent / f"build_{os.getpid()}.py"
    module.write_text(
        '"""Another build."""\nfrom weft_worker import App\n\napp = App("build")\n\n\n'
        '@app.agent(id="py-echo")\ndef echo(text: str, loud: bool) -> str:\n    return text.upper() if loud else text\n'
    )
    yield f"{module.stem}:app"
    module.unlink()


def test_a_changed_port_gets_no_task_until_it_is_accepted(weft: Weft, start: Start, other_build: str) -> None:
    start(target=other_build).says("`py-echo` waits for an admin")
    run = weft.start_step("py-echo", {"text": "old"})
    time.sleep(1.5)
    assert weft.step(run)["status"] == "ready"
    start()
    weft.until(run, "completed")
    assert weft.output(run) == "old"


@pytest.mark.long
def test_a_killed_workers_step_is_finished_by_another(weft: Weft, start: Start, notes: Path) -> None:
    first = start("--slots", "1")
    run = weft.start_step("py-wait", {"path": str(notes), "seconds": 3})
    wait_for(lambda: bool(lines(notes)), 30, "it begins")
    first.kill()
    start()
    weft.until(run, "completed", within_s=RECOVERED_WITHIN_S)
    assert (len(lines(notes)), len(weft.artifacts(run))) == (2, 1)


@pytest.mark.long
def test_a_worker_that_slept_through_its_lease_tells_nothing(weft: Weft, start: Start, notes: Path) -> None:
    first = start("--slots", "1")
    run = weft.start_step("py-wait", {"path": str(notes), "seconds": 3})
    wait_for(lambda: bool(lines(notes)), 30, "it begins")
    first.signal(signal.SIGSTOP)
    start()
    weft.until(run, "completed", within_s=RECOVERED_WITHIN_S)
    first.signal(signal.SIGCONT)
    wait_for(lambda: "the session is over" in first.log, 20, "it hears of it")
    time.sleep(1)
    assert len(weft.artifacts(run)) == 1


@pytest.mark.long
def test_a_worker_cut_off_for_three_quarters_of_its_lease_stops_by_itself(
    weft: Weft, start: Start, proxy: Proxy, notes: Path
) -> None:
    worker = start(url=proxy.url, health=True)
    run = weft.start_step("py-wait", {"path": str(notes), "seconds": 120})
    wait_for(lambda: bool(lines(notes)), 30, "it begins")
    proxy.is_down = True
    wait_for(lambda: "stopped 1 lost" in lines(notes), 40, "it stops")
    wait_for(lambda: worker.get("/health")[0] == 503, 30, "it is not healthy")
    proxy.is_down = False
    wait_for(lambda: sum(line.startswith("began") for line in lines(notes)) == 2, RECOVERED_WITHIN_S, "it begins again")
    wait_for(lambda: worker.get("/health")[0] == 200, 30, "it is healthy")
    weft.ask("POST", f"/api/workflows/runs/{run}/cancel", {})


@pytest.mark.long
def test_a_busy_loop_keeps_its_lease(weft: Weft, start: Start) -> None:
    start("--slots", "2")
    runs = [weft.start_step("py-busy", {"seconds": 40}) for _ in range(2)]
    for run in runs:
        weft.until(run, "completed", within_s=120)
        assert len(weft.step(run)["attempts"]) == 1


def test_a_process_that_dies_is_a_failed_attempt_and_no_lost_worker(weft: Weft, start: Start, notes: Path) -> None:
    worker = start("--processes", "2")
    run = weft.start_step("py-die", {"path": str(notes)}, retry={"max": 1, "initial_ms": 10})
    step = weft.until(run, "completed")
    assert [each["error_class"] for each in step["attempts"]] == ["server", None]
    assert "ended with 9" in worker.log


def test_processes_stream_log_and_keep_checkpoints_as_threads_do(weft: Weft, start: Start, notes: Path) -> None:
    start("--processes", "1")
    run = weft.start_step("py-once-more", {"path": str(notes)}, retry={"max": 2, "initial_ms": 10})
    weft.until(run, "completed")
    assert weft.output(run) == "from page 7"
    assert "attempt 1" in weft.logs(run, 1)[0]["text"]


@pytest.mark.long
def test_a_cancel_ends_a_process_that_looks_at_nothing(weft: Weft, start: Start, notes: Path) -> None:
    worker = start("--processes", "1")
    run = weft.start_step("py-stubborn", {"path": str(notes), "seconds": 300})
    wait_for(lambda: bool(lines(notes)), 30, "it begins")
    weft.ask("POST", f"/api/workflows/runs/{run}/cancel", {})
    worker.says("its process is ended", within_s=20)
    other = weft.start_step("py-echo", {"text": "next"})
    weft.until(other, "completed", within_s=20)


@pytest.mark.long
def test_a_process_that_holds_the_interpreter_keeps_its_lease(weft: Weft, start: Start) -> None:
    start("--processes", "2")
    run = weft.start_step("py-hold", {"n": 40_000_000})
    weft.until(run, "completed", within_s=200)
    assert len(weft.step(run)["attempts"]) == 1
