"""A worker against a real server: what a step asks for is done once, and what is told of it is shown.

Must look only at what people see: runs, artifacts, logs, the exit code.
"""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from conftest import Start
from weft import Weft, wait_for


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_typed_function_is_a_step(weft: Weft, start: Start) -> None:
    start()
    run = weft.start_step("py-parts", {"text": "two words", "tone": "loud"})
    weft.until(run, "completed")
    assert weft.output(run, "summary") == "TWO WORDS"
    assert weft.output(run, "n_words") == 2


def test_an_input_that_is_left_out_has_the_functions_default(weft: Weft, start: Start) -> None:
    start()
    run = weft.start_step("py-echo", {"text": "ab"})
    weft.until(run, "completed")
    assert weft.output(run) == "ab"


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True]}, "text", 7, [], None])
def test_values_go_there_and_back_as_they_are(weft: Weft, start: Start, value: object) -> None:
    start()
    run = weft.start_step("py-any", {"value": {"it": value}})
    weft.until(run, "completed")
    assert weft.output(run) == {"it": value}


@pytest.mark.parametrize(("agent", "output"), [("py-words", "output"), ("py-async-words", "text")])
def test_what_a_generator_yields_is_joined(weft: Weft, start: Start, agent: str, output: str) -> None:
    start()
    run = weft.start_step(agent, {"text": "one two three"})
    weft.until(run, "completed")
    assert weft.output(run, output) == "one two three "


def test_a_value_that_a_generator_yields_is_its_output(weft: Weft, start: Start) -> None:
    start()
    run = weft.start_step("py-last", {"n": 41})
    weft.until(run, "completed")
    assert weft.output(run) == 41


def test_a_reviewer_is_heard(weft: Weft, start: Start) -> None:
    start()
    run = weft.start_step("py-draft", {"text": "rain"}, review={"mode": "always"})
    weft.until(run, "awaiting_review")
    weft.verb(run, "reject", body={"feedback": "shorter"})
    wait_for(lambda: len(weft.artifacts(run)) == 2, 30, "a second version")
    assert weft.output(run) == "rain, shorter (before: A draft of rain)"


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


def test_a_step_that_takes_too_long_is_stopped(weft: Weft, start: Start, notes: Path) -> None:
    start()
    run = weft.start_step("py-wait", {"path": str(notes), "seconds": 120}, timeout_s=2, retry={"max": 0})
    step = weft.until(run, "failed")
    assert step["attempts"][-1]["error_class"] == "timeout"
    wait_for(lambda: len(lines(notes)) == 2, 10, "the agent is told")


@pytest.mark.parametrize(
    ("how", "error_class", "n_attempts"),
    [
        ("rate_limit", "rate_limit", 2),
        ("permanent", "permanent", 1),
        ("refused", "refused", 1),
        ("timeout", "timeout", 2),
        ("anything", "server", 2),
        ("exit", "server", 2),
    ],
)
def test_an_exception_has_a_class(
    weft: Weft, start: Start, notes: Path, how: str, error_class: str, n_attempts: int
) -> None:
    start()
    retry = {"max": 1, "initial_ms": 10}
    run = weft.start_step("py-fail", {"how": how, "path": str(notes)}, retry=retry)
    step = weft.until(run, "failed")
    assert {each["error_class"] for each in step["attempts"]} == {error_class}
    assert len(lines(notes)) == n_attempts
    assert "\n" not in step["attempts"][0]["error"]


def test_the_next_attempt_has_the_checkpoint_of_the_last(weft: Weft, start: Start, notes: Path) -> None:
    start()
    run = weft.start_step("py-once-more", {"path": str(notes)}, retry={"max": 2, "initial_ms": 10})
    weft.until(run, "completed")
    assert weft.output(run) == "from page 7"
    wait_for(lambda: bool(weft.logs(run, 1)), 10, "the log of the first attempt")
    texts = [each["text"] for each in weft.logs(run, 1)]
    assert "attempt 1" in texts[0]
    assert any("ConnectionError" in text and "Traceback" in text for text in texts)


def test_an_output_of_another_type_is_told_by_its_name(weft: Weft, start: Start) -> None:
    start()
    run = weft.start_step("py-wrong", {"what": "no number"}, retry={"max": 0})
    attempt = weft.until(run, "failed")["attempts"][-1]
    assert attempt["error_class"] == "invalid_output"
    assert "`output`" in attempt["error"]
    assert "a whole number" in attempt["error"]


def test_four_megabytes_come_and_go(weft: Weft, start: Start) -> None:
    start()
    size = 4 * 1024 * 1024
    steps = {
        "make": {"agent_id": "py-large", "inputs": {"n": {"const": size}}},
        "it": {
            "agent_id": "py-echo",
            "inputs": {"text": {"from": "step", "step": "make", "artifact": "text"}},
        },
    }
    run = weft.start(weft.publish(f"large {time.monotonic_ns()}", {"steps": steps}))
    weft.until(run, "completed")
    assert weft.artifacts(run)[-1]["size"] == size


def pass_a_file(weft: Weft, size: int, within_s: float) -> None:
    steps = {
        "make": {"agent_id": "py-make-file", "inputs": {"size": {"const": size}}},
        "it": {
            "agent_id": "py-read-file",
            "inputs": {"file": {"from": "step", "step": "make", "artifact": "file"}},
        },
    }
    run = weft.start(weft.publish(f"file {time.monotonic_ns()}", {"steps": steps}))
    weft.until(run, "completed", within_s=within_s)
    assert weft.output(run) == size


def test_a_file_is_handed_from_step_to_step(weft: Weft, start: Start) -> None:
    start()
    pass_a_file(weft, 3 * 1024 * 1024, 60)


@pytest.mark.long
def test_a_file_of_a_gigabyte_is_handed_on_without_being_held(weft: Weft, start: Start) -> None:
    worker = start("--slots", "1")
    pass_a_file(weft, 1024 * 1024 * 1024, 300)
    status = Path(f"/proc/{worker.pid}/status").read_text()
    peak_kb = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
    assert peak_kb < 200 * 1024, f"{peak_kb} KiB"


def test_a_hundred_thousand_words_are_streamed_and_none_is_missing(weft: Weft, start: Start) -> None:
    start()
    run = weft.start_step("py-many", {"n": 100_000})
    weft.until(run, "completed")
    assert weft.artifacts(run)[-1]["size"] == 500_000


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
    run = weft.start_step("py-stubborn", {"path": str(notes), "seconds": 4})
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
