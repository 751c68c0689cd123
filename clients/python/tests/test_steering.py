"""Stopping, draining and steering workers: who is asked to end ends, and what it had is done.

Must end only the workers that these tests started.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from conftest import Start
from weft import Weft, lines, pass_a_file, wait_for


@pytest.mark.parametrize("agent", ["py-wait", "py-async-wait"])
def test_a_worker_without_a_free_slot_hears_of_a_cancel_at_once(
    weft: Weft, start: Start, notes: Path, agent: str
) -> None:
    start("--slots", "1")
    run = weft.start_step(agent, {"path": str(notes), "seconds": 120})
    wait_for(lambda: bool(lines(notes)), 30, "it begins")
    began = time.monotonic()
    weft.ask("POST", f"/api/workflows/runs/{run}/cancel", {})
    wait_for(lambda: len(lines(notes)) == 2, 10, "it is stopped")
    took = time.monotonic() - began
    assert took < 1.5, f"the cancel took {took:.1f} s"
    # The slot is free again.
    other = weft.start_step("py-echo", {"text": "next"})
    weft.until(other, "completed", within_s=15)


@pytest.mark.long
def test_a_file_of_a_gigabyte_is_handed_on_without_being_held(weft: Weft, start: Start) -> None:
    worker = start("--slots", "1")
    pass_a_file(weft, 1024 * 1024 * 1024, 300)
    status = Path(f"/proc/{worker.pid}/status").read_text()
    peak_kb = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
    assert peak_kb < 200 * 1024, f"{peak_kb} KiB"


@pytest.mark.long
def test_a_million_words_take_no_more_memory_than_a_thousand(weft: Weft, start: Start) -> None:
    worker = start("--slots", "1")
    run = weft.start_step("py-many", {"n": 1_000_000})
    weft.until(run, "completed", within_s=120)
    assert weft.artifacts(run)[-1]["size"] == 5_000_000
    status = Path(f"/proc/{worker.pid}/status").read_text()
    peak_kb = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
    assert peak_kb < 90 * 1024, f"{peak_kb} KiB"


def test_somebody_outside_finishes_what_waits(weft: Weft, start: Start, notes: Path) -> None:
    start("--slots", "1")
    run = weft.start_step("py-callback", {"path": str(notes)})
    wait_for(lambda: bool(lines(notes)), 30, "the secret is handed on")
    url, secret = lines(notes)[0].split()
    # It holds no slot while it waits.
    other = weft.start_step("py-echo", {"text": "meanwhile"})
    weft.until(other, "completed", within_s=15)
    result = {"outcome": "completed", "outputs": {"output": {"media_type": "text/plain", "text": "from outside"}}}
    headers = {"weft-callback": secret, "content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(result).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.loads(answer.read())["status"] == "committed"
    weft.until(run, "completed")
    assert weft.output(run) == "from outside"


def test_health_and_metrics_tell_how_it_is(weft: Weft, start: Start) -> None:
    worker = start(health=True)
    wait_for(lambda: worker.get("/health")[0] == 200, 30, "it is healthy")
    run = weft.start_step("py-echo", {"text": "a"})
    weft.until(run, "completed")
    wait_for(lambda: 'tasks_total{agent="py-echo",outcome="completed"} 1' in worker.get("/metrics")[1], 10, "metrics")
    assert json.loads(worker.get("/health")[1])["slots"] == 8
    assert worker.get("/other")[0] == 404


def test_health_and_metrics_tell_neither_values_nor_the_token(weft: Weft, start: Start, accepted: str) -> None:
    worker = start(health=True)
    secret = "what-nobody-else-may-read"
    weft.until(weft.start_step("py-echo", {"text": secret}), "completed")
    wait_for(lambda: 'agent="py-echo"' in worker.get("/metrics")[1], 10, "metrics")
    for path in ("/health", "/metrics", "/other"):
        told = worker.get(path)[1]
        assert secret not in told
        assert accepted not in told


def listening(pid: int) -> list[str]:
    """The addresses at which a process takes connections, as the kernel writes them."""
    held = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        # It may have been closed meanwhile.
        with suppress(FileNotFoundError):
            held.add(str(each.readlink()))
    rows = [row.split() for table in ("tcp", "tcp6") for row in lines(Path(f"/proc/{pid}/net/{table}"))]
    return [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in held]


def test_nothing_listens_unless_it_is_asked_to(weft: Weft, start: Start, notes: Path) -> None:
    worker = start()
    weft.start_step("py-wait", {"path": str(notes), "seconds": 0})
    wait_for(lambda: bool(lines(notes)), 30, "it works")
    assert not listening(worker.pid)
    watched = start(health=True)
    wait_for(lambda: bool(listening(watched.pid)), 30, "it listens")


def test_sigterm_lets_what_runs_finish(weft: Weft, start: Start, notes: Path) -> None:
    worker = start()
    run = weft.start_step("py-wait", {"path": str(notes), "seconds": 2})
    wait_for(lambda: bool(lines(notes)), 30, "it begins")
    worker.signal(signal.SIGTERM)
    assert worker.ended() == 0
    step = weft.step(run)
    assert (step["status"], len(step["attempts"])) == ("completed", 1)


def test_what_does_not_finish_within_the_grace_is_given_to_another(weft: Weft, start: Start, notes: Path) -> None:
    worker = start("--grace", "0.5")
    run = weft.start_step("py-stubborn", {"path": str(notes), "seconds": 3})
    wait_for(lambda: bool(lines(notes)), 30, "it begins")
    worker.signal(signal.SIGTERM)
    assert worker.ended(10) == 0
    start()
    weft.until(run, "completed", within_s=40)
    assert lines(notes) == ["began", "began", "ended"]
    assert all(each["outcome"] != "failed" for each in weft.step(run)["attempts"])


def test_ctrl_c_twice_ends_at_once(weft: Weft, start: Start, notes: Path) -> None:
    worker = start()
    run = weft.start_step("py-stubborn", {"path": str(notes), "seconds": 60})
    wait_for(lambda: bool(lines(notes)), 30, "it begins")
    worker.signal(signal.SIGINT)
    time.sleep(0.5)
    worker.signal(signal.SIGINT)
    began = time.monotonic()
    assert worker.ended(10) == 130
    assert time.monotonic() - began < 5
    wait_for(lambda: weft.step(run)["status"] == "ready", 10, "it is given back")
    weft.ask("POST", f"/api/workflows/runs/{run}/cancel", {})


def test_a_paused_session_takes_nothing_until_it_works_again(weft: Weft, start: Start) -> None:
    worker = start()
    worker.says("py-last` is accepted")
    session = next(each["id"] for each in weft.sessions() if each["pid"] == worker.pid)
    weft.set_session(session, "paused")
    worker.says("the session is told: paused")
    run = weft.start_step("py-echo", {"text": "later"})
    time.sleep(1)
    assert weft.step(run)["status"] == "ready"
    weft.set_session(session, "working")
    weft.until(run, "completed", within_s=15)


def test_a_drained_session_ends_the_worker(weft: Weft, start: Start) -> None:
    worker = start()
    worker.says("py-last` is accepted")
    session = next(each["id"] for each in weft.sessions() if each["pid"] == worker.pid)
    weft.set_session(session, "draining")
    assert worker.ended() == 0


def test_a_client_that_speaks_another_protocol_is_told_so(weft: Weft, accepted: str) -> None:
    program = (
        "import sys, weft_worker.options as o; o.PROTOCOL = 99\nfrom weft_worker.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", program, "run", "agents:app", "--url", weft.url, "--token", accepted]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "99" in done.stderr.splitlines()[-1] or "protocol" in done.stderr.splitlines()[-1]


def test_dev_begins_anew_when_a_file_changes(weft: Weft, tmp_path: Path) -> None:
    module = tmp_path / "changing.py"
    agent = '@app.agent(id="py-dev")\ndef echo(text: str) -> str:\n    return text\n'
    text = 'from weft_worker import App\n\napp = App("{}")\n\n\n' + agent
    module.write_text(text.format("before"))
    log = (tmp_path / "log").open("w+")
    token = weft.worker_token("py-dev-*")[0]
    command = [sys.executable, "-m", "weft_worker", "dev", "changing:app", "--url", weft.url, "--token", token]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: "as `before`" in (tmp_path / "log").read_text(), 20, "it runs")
        module.write_text(text.format("after"))
        wait_for(lambda: "as `after`" in (tmp_path / "log").read_text(), 20, "it runs anew")
        assert "changing.py changed" in (tmp_path / "log").read_text()
        process.send_signal(signal.SIGINT)
        # It ends its child first, which has ten seconds, and another one if it was just beginning anew.
        assert process.wait(40) == 0
    finally:
        if process.poll() is None:
            process.kill()
        log.close()
