"""What the bridge makes of what stands in a result backend: one that says what it is told to.

Must need neither Redis nor a worker of Celery.
"""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from celery.exceptions import TaskRevokedError
from kombu.exceptions import ContentDisallowed, DecodeError

from weft_worker import App, Context, Permanent, Temporary
from weft_worker.celery import attempt
from weft_worker.trial import Trial


class Team:
    """An app whose backend says one thing after the other, and the last of them from then on."""

    def __init__(self, *said: Any) -> None:
        self._said = list(said)
        self.sent: list[str] = []
        self.tasks: dict[str, Any] = {}
        self.backend = self.control = self

    def get_task_meta(self, task_id: str, cache: bool) -> dict[str, Any]:
        said = self._said.pop(0) if len(self._said) > 1 else self._said[0]
        if isinstance(said, Exception):
            raise said
        meta: dict[str, Any] = said
        return meta

    def send_task(self, name: str, **options: Any) -> None:
        self.sent.append(options["task_id"])

    def revoke(self, task_id: str, **options: Any) -> None:
        """Nobody has it."""


def watched(team: Team) -> Trial:
    sending = attempt.Sending(
        app=team,
        task="team.task",
        key_argument=None,
        feedback_argument=None,
        start_timeout_s=0,
        errors={},
        queue=None,
    )
    app = App("watch")

    @app.agent(id="watched")
    def run(ctx: Context) -> str:
        made: str = attempt.Attempt(sending, ctx).result({})
        return made

    return Trial(run, {})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that nobody started is late at once."""
    monkeypatch.setattr(attempt, "_LEEWAY_S", 0)
    monkeypatch.setattr(attempt, "_FIRST_LOOK_S", 0.001)
    monkeypatch.setattr(attempt, "_LOOK_EVERY_S", 0.001)


DONE = {"status": "SUCCESS", "result": "done"}


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Exception information must include the exception type"),
        ContentDisallowed("Refusing to deserialize untrusted content of type pickle"),
        DecodeError("'utf-8' codec can't decode byte 0x80"),
    ],
)
def test_what_cannot_be_read_fails_the_attempt_and_is_not_waited_for(error: Exception) -> None:
    team = Team(error)
    tried = watched(team)
    with pytest.raises(Permanent, match="cannot be read"):
        tried.outputs()
    assert tried.checkpoint_left["over"], "the next attempt sends a message of its own"
    assert len(team.sent) == 1


def test_a_backend_that_is_away_or_wrong_for_a_moment_is_asked_again() -> None:
    away = [ConnectionError("refused"), ssl.SSLCertVerificationError("the certificate has expired")] * 10
    wrong = [ValueError("this is a page of a proxy")] * 3
    assert watched(Team(*away, *wrong, *away, *wrong, DONE)).outputs() == {"output": "done"}


def test_a_task_that_tells_how_far_it_is_has_started() -> None:
    team = Team({"status": "PROGRESS", "result": {"done": 1}}, {"status": "PENDING", "result": None}, DONE)
    with pytest.raises(Temporary, match="gone from the result backend"):
        watched(team).outputs()
    assert len(team.sent) == 1, "it is not begun a second time"
    team = Team(
        {"status": "PROGRESS", "result": {"done": 1}},
        {"status": "REVOKED", "result": TaskRevokedError("terminated")},
        DONE,
    )
    with pytest.raises(Permanent, match=r"was revoked there \(TaskRevokedError: terminated\)"):
        watched(team).outputs()
    assert len(team.sent) == 1
