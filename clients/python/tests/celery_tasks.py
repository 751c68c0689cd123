"""A Celery app as a team has one, and its tasks as agents.

Must keep Celery's own habits: the tasks know nothing of Weft but for an argument and a header.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from celery import Celery, shared_task

from weft_worker.celery import CeleryAgents

URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:1/0")

app = Celery("team", broker=URL, backend=URL)
app.conf.update(
    task_track_started=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={
        "visibility_timeout": int(os.environ.get("TEST_VISIBILITY_S", "3600")),
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    },
    broker_connection_retry_on_startup=True,
)
agents = CeleryAgents(app, name="team", start_timeout_s=float(os.environ.get("TEST_START_TIMEOUT_S", "300")))


class QuotaExceeded(Exception):
    """Of the team's own making."""


def note(path: str, line: str) -> None:
    with Path(path).open("a") as stream:
        stream.write(line + "\n")


@agents.agent(id="cy-shout")
@shared_task
def shout(text: str, times: int = 1) -> str:
    return text.upper() * times


@agents.agent(id="cy-key", output="keys", side_effects="idempotent")
@shared_task(bind=True)
def key(self: Any, text: str, idempotency_key: str = "") -> list[str]:
    headers = self.request.headers or {}
    return [idempotency_key, headers["weft_idempotency_key"], self.request.id]


@agents.agent(id="cy-draft")
@shared_task
def draft(text: str, weft_feedback: dict[str, Any] | None = None) -> str:
    if weft_feedback is None:
        return f"A draft of {text}"
    asked = weft_feedback["reviews"][-1]
    return f"{text}, {weft_feedback['text']} ({asked['round']}, before: {weft_feedback['outputs']['output']})"


@agents.agent(id="cy-wait", timeout_s=300)
@shared_task
def wait(path: str, seconds: float) -> str:
    note(path, f"began {os.getpid()}")
    time.sleep(seconds)
    note(path, "ended")
    return "waited"


@agents.agent(id="cy-die", timeout_s=300)
@shared_task
def die(path: str) -> str:
    """Is killed in the middle, the first time."""
    note(path, "began")
    if len(Path(path).read_text().splitlines()) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


@agents.agent(id="cy-fail", errors={QuotaExceeded: "rate_limit", "LookupError": "permanent"})
@shared_task
def fail(how: str) -> str:
    if how == "quota":
        raise QuotaExceeded("enough for today")
    if how == "lookup":
        raise LookupError("no such customer")
    raise OSError("the disk is full")


@agents.agent(id="cy-retry", timeout_s=300)
@shared_task(bind=True, max_retries=2)
def retry(self: Any, path: str) -> str:
    """Takes Celery's own second chance."""
    note(path, f"began {self.request.id}")
    if self.request.retries == 0:
        raise self.retry(countdown=0)
    return "at last"


@agents.named("celery_tasks.nobody_knows_it", id="cy-unknown")
def unknown(text: str) -> str:
    raise NotImplementedError
