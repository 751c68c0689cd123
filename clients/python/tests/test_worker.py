"""A worker against a real server: what a step asks for is done once, and what is told of it is shown.

Must look only at what people see: runs, artifacts, logs, the exit code.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from weft import Weft, lines, pass_a_file, wait_for
from workers import WorkerProcess


@pytest.fixture(scope="module", autouse=True)
def worker(weft: Weft, accepted: str) -> Iterator[WorkerProcess]:
    """One for all of them: they break nothing."""
    started = WorkerProcess(weft.url, accepted)
    yield started
    started.close()
    print(f"--- worker\n{started.log}")


def test_a_typed_function_is_a_step(weft: Weft) -> None:
    run = weft.start_step("py-parts", {"text": "two words", "tone": "loud"})
    weft.until(run, "completed")
    assert weft.output(run, "summary") == "TWO WORDS"
    assert weft.output(run, "n_words") == 2


def test_an_input_that_is_left_out_has_the_functions_default(weft: Weft) -> None:
    run = weft.start_step("py-echo", {"text": "ab"})
    weft.until(run, "completed")
    assert weft.output(run) == "ab"


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True]}, "text", 7, [], None])
def test_values_go_there_and_back_as_they_are(weft: Weft, value: object) -> None:
    run = weft.start_step("py-any", {"value": {"it": value}})
    weft.until(run, "completed")
    assert weft.output(run) == {"it": value}


@pytest.mark.parametrize(("agent", "output"), [("py-words", "output"), ("py-async-words", "text")])
def test_what_a_generator_yields_is_joined(weft: Weft, agent: str, output: str) -> None:
    run = weft.start_step(agent, {"text": "one two three"})
    weft.until(run, "completed")
    assert weft.output(run, output) == "one two three "


def test_a_value_that_a_generator_yields_is_its_output(weft: Weft) -> None:
    run = weft.start_step("py-last", {"n": 41})
    weft.until(run, "completed")
    assert weft.output(run) == 41


def test_a_reviewer_is_heard(weft: Weft) -> None:
    run = weft.start_step("py-draft", {"text": "rain"}, review={"mode": "always"})
    weft.until(run, "awaiting_review")
    weft.verb(run, "reject", body={"feedback": "shorter"})
    wait_for(lambda: len(weft.artifacts(run)) == 2, 30, "a second version")
    assert weft.output(run) == "rain, shorter (before: A draft of rain)"


def test_a_step_that_takes_too_long_is_stopped(weft: Weft, notes: Path) -> None:
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
def test_an_exception_has_a_class(weft: Weft, notes: Path, how: str, error_class: str, n_attempts: int) -> None:
    retry = {"max": 1, "initial_ms": 10}
    run = weft.start_step("py-fail", {"how": how, "path": str(notes)}, retry=retry)
    step = weft.until(run, "failed")
    assert {each["error_class"] for each in step["attempts"]} == {error_class}
    assert len(lines(notes)) == n_attempts
    assert "\n" not in step["attempts"][0]["error"]


def test_the_next_attempt_has_the_checkpoint_of_the_last(weft: Weft, notes: Path) -> None:
    run = weft.start_step("py-once-more", {"path": str(notes)}, retry={"max": 2, "initial_ms": 10})
    weft.until(run, "completed")
    assert weft.output(run) == "from page 7"
    wait_for(lambda: bool(weft.logs(run, 1)), 10, "the log of the first attempt")
    texts = [each["text"] for each in weft.logs(run, 1)]
    assert "attempt 1" in texts[0]
    assert any("ConnectionError" in text and "Traceback" in text for text in texts)


def test_an_output_of_another_type_is_told_by_its_name(weft: Weft) -> None:
    run = weft.start_step("py-wrong", {"what": "no number"}, retry={"max": 0})
    attempt = weft.until(run, "failed")["attempts"][-1]
    assert attempt["error_class"] == "invalid_output"
    assert "`output`" in attempt["error"]
    assert "a whole number" in attempt["error"]


def test_four_megabytes_come_and_go(weft: Weft) -> None:
    size = 4 * 1024 * 1024
    steps = {
        "make": {"agent_id": "py-large", "inputs": {"n": {"const": size}}},
        "it": {
            "agent_id": "py-echo",
            "depends_on": ["make"],
            "inputs": {"text": {"from": "step", "step": "make", "artifact": "text"}},
        },
    }
    run = weft.start(weft.publish(f"large {time.monotonic_ns()}", {"steps": steps}))
    weft.until(run, "completed")
    assert weft.artifacts(run)[-1]["size"] == size


def test_a_file_is_handed_from_step_to_step(weft: Weft) -> None:
    pass_a_file(weft, 3 * 1024 * 1024, 60)


def test_a_hundred_thousand_words_are_streamed_and_none_is_missing(weft: Weft) -> None:
    run = weft.start_step("py-many", {"n": 100_000})
    weft.until(run, "completed")
    assert weft.artifacts(run)[-1]["size"] == 500_000
