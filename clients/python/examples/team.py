"""A Celery app as a team may have it already, one of its tasks made an agent of Weft.

Must stay a Celery app: its workers, and `write_reply.delay(...)`, know nothing of Weft.

    celery -A team worker -c 2
    WEFT_URL=http://127.0.0.1:3000 WEFT_WORKER_TOKEN=... weft-worker run team:agents
"""

import os
import time
from typing import Any

from celery import Celery
from celery.utils.log import get_task_logger

from weft_worker.celery import CeleryAgents

REDIS = os.environ.get("TEAM_REDIS_URL", "redis://127.0.0.1:6379/0")
#: A worker that died gives its tasks back after this time; longer than the longest of them takes.
VISIBILITY_S = int(os.environ.get("TEAM_VISIBILITY_S", "60"))

app = Celery("team", broker=REDIS, backend=REDIS)
app.conf.update(
    task_track_started=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_S,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    },
)
agents = CeleryAgents(app, name="team")
log = get_task_logger(__name__)


@agents.agent(id="write-reply", name="Write a reply", output="reply")
@app.task
def write_reply(text: str, weft_feedback: dict[str, Any] | None = None) -> str:
    """Answers each sentence of a letter, slowly; takes up what a reviewer asked for."""
    sentences = [each.strip() for each in text.split(".") if each.strip()]
    asked = weft_feedback["text"] if weft_feedback else ""
    log.info("answering %d sentences%s", len(sentences), f" once more: {asked}" if asked else "")
    parts = [f"(Once more, because of: {asked})\n"] if asked else []
    for sentence in sentences:
        time.sleep(1.5)
        parts.append(f"You wrote: {sentence}.")
    return "\n".join(parts)
