"""The bridge between Weft, real Celery and real Redis: what a task does is what a step does.

Must break only what these tests started.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from celery_parts import AGENTS, CeleryWorker, Redis, n_began
from weft import Weft, lines, wait_for
from workers import WorkerProcess


@dataclass(frozen=True)
class Team:
    """For tests that break nothing: one Redis, one Celery worker, one bridge."""

    redis: Redis
    celery: CeleryWorker
    bridge: WorkerProcess


@pytest.fixture(scope="module")
def team(weft: Weft, celery_token: str) -> Iterator[Team]:
    server = Redis()
    worker = CeleryWorker(server.url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_REDIS_URL", server.url)
        link = WorkerProcess(weft.url, celery_token, target="celery_tasks:agents")
    try:
        weft.accept(*AGENTS)
        yield Team(server, worker, link)
    finally:
        link.close()
        worker.kill()
        server.stop()
        print(f"--- bridge\n{link.log}\n--- Celery\n{worker.log}")


def test_a_task_is_a_step(weft: Weft, team: Team) -> None:
    run = weft.start_step("cy-shout", {"text": "ab", "times": 2})
    weft.until(run, "completed")
    assert weft.output(run) == "ABAB"


def test_the_key_goes_as_header_and_argument_and_each_attempt_has_its_id(weft: Weft, team: Team) -> None:
    run = weft.start_step("cy-key", {"text": "a"})
    weft.until(run, "completed")
    argument, header, task_id = weft.output(run, "keys")
    assert argument == header
    assert task_id == f"{header}.1"


def test_what_a_reviewer_asked_for_goes_as_an_argument_with_what_was_made(weft: Weft, team: Team) -> None:
    run = weft.start_step("cy-draft", {"text": "rain"}, review={"mode": "always"})
    weft.until(run, "awaiting_review")
    weft.verb(run, "reject", body={"feedback": "shorter"})
    wait_for(lambda: len(weft.artifacts(run)) == 2, 30, "a second draft")
    weft.until(run, "awaiting_review")
    weft.verb(run, "reject", body={"feedback": "warmer"})
    wait_for(lambda: len(weft.artifacts(run)) == 3, 30, "a third draft")
    assert weft.output(run) == "rain, warmer (2, before: rain, shorter (1, before: A draft of rain))"


def test_what_was_asked_for_is_no_port_unless_it_has_another_name() -> None:
    from celery import Celery

    from weft_worker.celery import CeleryAgents

    def draft(text: str, weft_feedback: str = "") -> str:
        return text + weft_feedback

    app = Celery("team", broker="redis://127.0.0.1:1/0", backend="redis://127.0.0.1:1/0", set_as_current=False)
    app.conf.task_track_started = True
    for name, ports in (("weft_feedback", {"text"}), ("asked_for", {"text", "weft_feedback"})):
        agents = CeleryAgents(app, feedback_argument=name)
        agents.agent(app.task(draft), id="draft")
        assert set(agents.agents["draft"].inputs) == ports


@pytest.mark.parametrize(
    ("how", "error_class", "n_attempts"),
    [("quota", "rate_limit", 2), ("lookup", "permanent", 1), ("disk", "server", 2)],
)
def test_exceptions_have_classes(weft: Weft, team: Team, how: str, error_class: str, n_attempts: int) -> None:
    run = weft.start_step("cy-fail", {"how": how}, retry={"max": 1, "initial_ms": 10})
    attempts = weft.until(run, "failed")["attempts"]
    assert [each["error_class"] for each in attempts] == [error_class] * n_attempts


def test_a_task_that_the_worker_does_not_know_fails_for_good(weft: Weft, team: Team) -> None:
    run = weft.start_step("cy-unknown", {"text": "a"})
    assert weft.until(run, "failed")["attempts"][0]["error_class"] == "permanent"


def test_a_process_that_is_killed_in_mid_task_is_followed_by_another(weft: Weft, team: Team, notes: Path) -> None:
    run = weft.start_step("cy-die", {"path": str(notes)})
    weft.until(run, "completed")
    assert n_began(notes) == 2
    assert (len(weft.step(run)["attempts"]), len(weft.artifacts(run))) == (1, 1)


@pytest.mark.long
def test_a_result_that_is_lost_is_told_and_the_step_is_tried_again(weft: Weft, team: Team, notes: Path) -> None:
    run = weft.start_step("cy-wait", {"path": str(notes), "seconds": 4}, retry={"max": 1, "initial_ms": 10})
    wait_for(lambda: n_began(notes) == 1, 30, "it begins")
    time.sleep(1.5)
    for task_id in team.redis.results():
        team.redis.forget_result(task_id)
    wait_for(lambda: len(weft.step(run)["attempts"]) == 2, 20, "the attempt fails")
    attempt = weft.step(run)["attempts"][0]
    assert attempt["error_class"] == "server"
    assert "gone from the result backend" in attempt["error"]
    weft.until(run, "completed")
    assert len(weft.artifacts(run)) == 1


def test_celerys_own_retries_are_inside_the_attempt(weft: Weft, team: Team, notes: Path) -> None:
    run = weft.start_step("cy-retry", {"path": str(notes)})
    step = weft.until(run, "completed")
    assert len(set(lines(notes))) == 1, "under one id"
    assert (n_began(notes), len(step["attempts"])) == (2, 1)


def test_a_task_that_somebody_revokes_fails_for_good(weft: Weft, team: Team, notes: Path) -> None:
    from celery import Celery

    known = team.redis.results()
    run = weft.start_step("cy-wait", {"path": str(notes), "seconds": 60})
    wait_for(lambda: n_began(notes) == 1, 30, "it begins")
    task_id = next(each for each in team.redis.results() if each not in known)
    app = Celery("operator", broker=team.redis.url, set_as_current=False)
    app.control.revoke(task_id, terminate=True)
    attempt = weft.until(run, "failed")["attempts"][-1]
    assert attempt["error_class"] == "permanent"
    assert "was revoked" in attempt["error"]


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
