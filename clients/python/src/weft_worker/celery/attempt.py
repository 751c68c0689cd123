"""One attempt of a step as one Celery task: sent once under an id of its own, and watched until it ends.

Must keep the id before the message is sent: whoever takes over after a crash watches that task, and sends no other.
"""

from __future__ import annotations

import dataclasses
import logging
import pickle
import time
from dataclasses import dataclass
from typing import Any

from celery import states
from celery.exceptions import SecurityError
from kombu.exceptions import SerializationError, SerializerNotInstalled

from ..context import Context, Revision
from ..errors import Cancelled, Permanent, Temporary, message_of
from ..files import File
from .failures import Classes, failure_of

log = logging.getLogger("weft_worker")

HEADER = "weft_idempotency_key"

_FIRST_LOOK_S = 0.05
_LOOK_EVERY_S = 1.0
#: Clocks of bridge and Celery worker differ: by so much later than the message expires it is sent again.
_LEEWAY_S = 5.0
#: Of what stands in a result backend and is no result: a failure that a task wrote by itself, another serializer's
#: bytes, a type that this program does not have. What a backend raises that is away is none of these.
_UNREADABLE = (
    *(ValueError, TypeError, KeyError, AttributeError, ImportError, pickle.UnpicklingError),
    *(SerializationError, SerializerNotInstalled, SecurityError),
)
#: So often in a row: a proxy in front of a backend may answer something else for a moment.
_UNREADABLE_LOOKS = 10
#: Before anybody is at work on it. Any other word may be a task's own, as in `update_state(state="PROGRESS")`.
_WAITING = (None, states.PENDING, states.RECEIVED)


@dataclass(frozen=True)
class Sending:
    """How the messages of one agent are sent; `task` is a name."""

    app: Any
    task: str
    key_argument: str | None
    feedback_argument: str | None
    start_timeout_s: float | None
    errors: Classes
    queue: str | None


@dataclass(frozen=True)
class Sent:
    """What is kept with the attempt, before the message goes."""

    id: str
    at: float
    #: The task was seen at work: if it is unknown after that, its result is lost.
    has_started: bool = False
    #: Its end was told: the next attempt sends a message of its own.
    is_over: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"celery_id": self.id, "sent_at": self.at, "started": self.has_started, "over": self.is_over}

    @classmethod
    def of(cls, kept: Any) -> Sent | None:
        if not isinstance(kept, dict) or "celery_id" not in kept:
            return None
        return cls(kept["celery_id"], kept["sent_at"], kept.get("started", False), kept.get("over", False))


def _is_unreadable(error: Exception) -> bool:
    # A certificate that nobody trusts is a `ValueError` too, of a backend that was not reached.
    return isinstance(error, _UNREADABLE) and not isinstance(error, OSError)


def _why(result: Any) -> str:
    """A message that expired says so: the clock of its worker may be ahead."""
    return f" ({message_of(result)})" if isinstance(result, BaseException) else ""


def _trace(context: Context) -> dict[str, str]:
    """The header by which OpenTelemetry's instrumentation of Celery hangs the task's spans below this attempt."""
    return {} if context.traceparent is None else {"traceparent": context.traceparent}


def _as_json(feedback: Revision) -> dict[str, Any] | None:
    """For a message, which carries JSON; None where nothing was sent back."""
    if not feedback:
        return None
    outputs = {name: value.to_json() if isinstance(value, File) else value for name, value in feedback.outputs.items()}
    reviews = [dataclasses.asdict(each) for each in feedback.reviews]
    return {"text": feedback.text, "reviews": reviews, "outputs": outputs}


class Attempt:
    def __init__(self, sending: Sending, context: Context) -> None:
        self._sending = sending
        self._context = context
        self._n_sent = 0
        self._sent: Sent | None = None

    def result(self, arguments: dict[str, Any]) -> Any:
        """What the task returned; raises what its failure is to the step."""
        kept = Sent.of(self._context.last_checkpoint)
        if kept is not None and not kept.is_over:
            self._context.log(f"takes over the Celery task {kept.id}")
            self._sent = kept
        try:
            sent = self._sent or self._send(arguments)
            while True:
                ended, sent = self._watch(sent)
                if ended is not None:
                    return self._told(ended, sent)
                sent = self._send(arguments)
        except Cancelled:
            # A bridge that only stops leaves the task to the next one.
            if self._context.cancelled.why in ("cancel", "timeout") and self._sent is not None:
                # Ends the process in the prefork pool only. Elsewhere the task goes on, and nobody takes its result.
                self._revoke(self._sent, is_terminated=True)
            raise

    def _send(self, arguments: dict[str, Any]) -> Sent:
        context, sending = self._context, self._sending
        # Celery ignores every state after a success under one id, and its workers remember revoked ids.
        self._n_sent += 1
        suffix = "" if self._n_sent == 1 else f".{self._n_sent}"
        sent = Sent(f"{context.idempotency_key}.{context.attempt}{suffix}", time.time())
        context.checkpoint(sent.to_json())
        self._sent = sent
        given = dict(arguments)
        if sending.key_argument is not None:
            given[sending.key_argument] = context.idempotency_key
        if sending.feedback_argument is not None:
            given[sending.feedback_argument] = _as_json(context.feedback)
        options: dict[str, Any] = {
            "kwargs": given,
            "task_id": sent.id,
            "headers": {HEADER: context.idempotency_key, **_trace(context)},
            "ignore_result": False,
        }
        if sending.start_timeout_s is not None:
            # A revoke is lost on workers that are not up: what nobody starts in time is not started later either.
            options["expires"] = sending.start_timeout_s
        if sending.queue is not None:
            options["queue"] = sending.queue
        try:
            task = sending.app.tasks.get(sending.task)
            if task is None:
                sending.app.send_task(sending.task, **options)
            else:
                task.apply_async(**options)
        except Exception as error:  # noqa: BLE001 - each broker has its own; nobody knows whether the message went
            context.log(f"sending {sent.id} failed, it is waited for nevertheless: {error}", "warning")
        return sent

    def _watch(self, sent: Sent) -> tuple[dict[str, Any] | None, Sent]:
        """The task's end, or None where nobody started it in time."""
        look_s, n_failed, n_unreadable = _FIRST_LOOK_S, 0, 0
        while True:
            try:
                meta: dict[str, Any] = self._sending.app.backend.get_task_meta(sent.id, cache=False)
            except Exception as error:
                # Each backend has its own; the step's time limit ends the wait.
                if n_failed == 0:
                    self._context.log(f"the result backend cannot be read, it is tried again: {error}", "warning")
                meta, n_failed = {"status": None}, n_failed + 1
                n_unreadable = n_unreadable + 1 if _is_unreadable(error) else 0
                if n_unreadable >= _UNREADABLE_LOOKS:
                    self._over(sent)
                    raise Permanent(
                        f"What the result backend has of the Celery task {sent.id} cannot be read "
                        f"({message_of(error)}): look at result_serializer and accept_content, and at what the task "
                        "stores by `update_state`"
                    ) from error
            else:
                n_failed = n_unreadable = 0
            status = meta["status"]
            if status == states.REVOKED and not sent.has_started and self._has_expired(sent):
                self._context.log(f"nobody started {sent.id} in time: it is sent again", "warning")
                return None, sent
            if status in states.READY_STATES:
                return meta, sent
            if status == states.PENDING and sent.has_started:
                self._over(sent)
                raise Temporary(
                    f"The result of the Celery task {sent.id} is gone from the result backend: it was emptied, or "
                    "result_expires is shorter than the task waits to be looked at"
                )
            if status == states.PENDING and self._is_late(sent):
                self._context.log(f"nobody started {sent.id}: it is revoked and sent again", "warning")
                self._revoke(sent, is_terminated=False)
                return None, sent
            if status not in _WAITING and not sent.has_started:
                sent = Sent(sent.id, sent.at, has_started=True)
                self._context.checkpoint(sent.to_json())
            if self._context.cancelled.wait(look_s):
                raise Cancelled(self._context.cancelled.why or "cancel")
            look_s = min(look_s * 1.5, _LOOK_EVERY_S)

    def _has_expired(self, sent: Sent) -> bool:
        """Rather than that somebody revoked it."""
        timeout_s = self._sending.start_timeout_s
        return timeout_s is not None and time.time() > sent.at + timeout_s - _LEEWAY_S

    def _is_late(self, sent: Sent) -> bool:
        timeout_s = self._sending.start_timeout_s
        return timeout_s is not None and time.time() > sent.at + timeout_s + _LEEWAY_S

    def _told(self, meta: dict[str, Any], sent: Sent) -> Any:
        if meta["status"] == states.SUCCESS:
            return meta["result"]
        self._over(sent)
        if meta["status"] == states.REVOKED:
            raise Permanent(f"The Celery task {sent.id} was revoked there{_why(meta.get('result'))}")
        traceback = meta.get("traceback")
        if traceback:
            self._context.log(traceback, "error")
        raise failure_of(meta["result"], self._sending.errors)

    def _over(self, sent: Sent) -> None:
        """Before the failure is told: a bridge that dies in between finds the failure again, and tells it."""
        self._context.checkpoint(Sent(sent.id, sent.at, sent.has_started, is_over=True).to_json())

    def _revoke(self, sent: Sent, *, is_terminated: bool) -> None:
        try:
            self._sending.app.control.revoke(sent.id, terminate=is_terminated, signal="SIGTERM")
        except Exception as error:  # noqa: BLE001 - each broker has its own; the result is nobody's either way
            self._context.log(f"{sent.id} could not be revoked: {error}", "warning")
