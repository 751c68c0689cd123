"""What agents do to the processes that they run in: each is a failed attempt, and nothing that it started outlives it.

Must need no server, and must leave nothing running.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from agents import app
from weft import lines, wait_for
from weft_worker import family, pipes, processes
from weft_worker.api import Api
from weft_worker.execute import Result
from weft_worker.options import Options
from weft_worker.processes import Processes
from weft_worker.running import Running
from weft_worker.session import Session, clock
from weft_worker.transport import Transport

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no groups of processes")

TESTS = Path(__file__).parent
NOBODY = Options(url="http://127.0.0.1:9", token="weftw_nobody")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """Room for one process."""
    monkeypatch.chdir(TESTS)
    made = Processes(1, "agents:app", NOBODY)
    yield made
    made.close()


def attempt(agent: str, **inputs: Any) -> Running:
    task = {
        "token": "t",
        "agent": agent,
        "run": "00000000-0000-7000-8000-000000000000",
        "step": "a",
        "attempt": 1,
        "generation": 1,
        "idempotency_key": "k",
        "inputs": {name: {"value": value} for name, value in inputs.items()},
    }
    return Running(
        task, app.agents[agent], session(), Api(Transport(NOBODY.url, NOBODY.token, agent="tests")), lambda: None
    )


def session() -> Session:
    return Session(id="s", beat_every_s=1, lease_s=30, wait_ms_max=1_000, inline_max=65_536, renewed=clock())


def ends(place: Processes, running: Running) -> Result | None:
    """Within the time in which something is noticed, not that in which it is given up."""
    told: list[Result | None] = []
    thread = threading.Thread(target=lambda: told.append(place.run(running)), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive(), "it is still waited for"
    return told[0]


def is_gone(pid: int) -> bool:
    """Who nobody has waited for yet is."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return stat.rsplit(") ", 1)[1].startswith("Z")


def noted(notes: Path) -> list[int]:
    return [int(line.split()[1]) for line in lines(notes)]


@pytest.mark.parametrize(("how", "sign"), [("abort", 6), ("kill", 9), ("exit", None)])
def test_a_process_that_dies_takes_what_it_started_with_it(
    place: Processes, notes: Path, how: str, sign: int | None
) -> None:
    result = ends(place, attempt("py-fork", path=str(notes), how=how))
    assert result is not None
    said = "with 9" if sign is None else f"by signal {sign}"
    assert result["error"] == {"class": "server", "message": f"Its process ended {said}"}
    pids = noted(notes)
    assert len(pids) == 3
    wait_for(lambda: all(map(is_gone, pids)), 20, "they are gone")
    after = ends(place, attempt("py-echo", text="next"))
    assert after is not None
    assert after["outcome"] == "completed"


def test_who_ignores_every_wish_is_ended_with_what_it_started(
    place: Processes, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_KILL_AFTER_S", 0.5)
    running = attempt("py-fork", path=str(notes), how="hang")
    threading.Thread(target=cancel, args=(running, notes)).start()
    assert ends(place, running) == {"outcome": "cancelled"}
    wait_for(lambda: all(map(is_gone, noted(notes))), 20, "they are gone")


def cancel(running: Running, notes: Path) -> None:
    wait_for(lambda: len(lines(notes)) == 3, 30, "it hangs")
    running.cancelled.set("cancel")


def test_the_number_of_a_group_is_used_once(place: Processes, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []

    def end_group(leader: int) -> None:
        ended.append(leader)
        family.end_group(leader)

    monkeypatch.setattr(processes, "end_group", end_group)
    for running in (attempt("py-fork", path=str(notes), how="exit"), attempt("py-echo", text="next")):
        assert ends(place, running) is not None
    assert ended == noted(notes)[:1], "later on it may be somebody else's"


def test_a_copy_that_comes_back_tells_nothing(place: Processes) -> None:
    result = ends(place, attempt("py-come-back"))
    assert result is not None
    assert result["outputs"]["output"]["text"] == "ended with 7"
    after = ends(place, attempt("py-echo", text="next"))
    assert after is not None
    assert after["outputs"]["output"]["text"] == "next", "and no word of it is taken for another's"


def test_what_cannot_be_copied_to_another_process_is_told_as_what_it_is(place: Processes) -> None:
    result = ends(place, attempt("py-cut", text="a part"))
    assert result == {
        "outcome": "completed",
        "outputs": {"output": {"media_type": "text/plain", "text": "a part"}},
    }


def test_a_process_that_cannot_be_understood_is_used_no_more(place: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    def receive(pipe: Connection) -> tuple[str, Any]:
        pipe.recv_bytes()
        raise LookupError("no such word")

    with monkeypatch.context() as patch:
        patch.setattr(pipes, "receive", receive)
        with pytest.raises(LookupError):
            place.run(attempt("py-wait", path=os.devnull, seconds=0))
    after = ends(place, attempt("py-echo", text="next"))
    assert after is not None
    assert after["outputs"]["output"]["text"] == "next"


def test_what_an_agent_left_behind_ends_with_the_worker(place: Processes, notes: Path) -> None:
    result = ends(place, attempt("py-fork", path=str(notes), how="return"))
    assert result is not None
    assert result["outcome"] == "completed"
    pids = noted(notes)
    assert not any(map(is_gone, pids)), "its process serves on, and so may what it started"
    place.close()
    wait_for(lambda: all(map(is_gone, pids)), 20, "they are gone")


def test_when_the_worker_is_killed_everything_ends(notes: Path) -> None:
    script = (
        "import sys, test_processes as t\n"
        "t.Processes(1, 'agents:app', t.NOBODY).run(t.attempt('py-fork', path=sys.argv[1], how='hang'))\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    worker = subprocess.Popen([sys.executable, "-c", guarded(script), str(notes)], cwd=TESTS, env=env)
    try:
        wait_for(lambda: len(lines(notes)) == 3, 30, "it hangs")
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    wait_for(lambda: all(map(is_gone, noted(notes))), 20, "they are gone")


def guarded(script: str) -> str:
    """A process that is spawned reads the main module again."""
    body = "".join(f"    {line}\n" for line in script.splitlines())
    return f"if __name__ == '__main__':\n{body}"


def test_a_flood_is_cut_and_holds_up_nobody(place: Processes) -> None:
    running = attempt("py-flood", n=30_000)
    result = ends(place, running)
    assert result is not None
    assert result["outcome"] == "completed"
    told, _ = running.buffers.take()
    assert len(told["logs"]) <= 1001
    assert len(told["deltas"][0]["text"].encode()) <= 64 * 1024
