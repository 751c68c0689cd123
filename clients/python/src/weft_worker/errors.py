"""What an agent raises to say how it failed, and how any other exception is classed.

Must never decide by the text of a message: the class of an exception is its type.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any, Literal

ErrorClass = Literal["timeout", "rate_limit", "server", "permanent", "refused", "invalid_output"]

_MAX_MESSAGE = 500
#: Longer than any step waits by itself; what asks for more asks for this.
_MAX_WAIT_S = 1e12


class AgentError(Exception):
    """The base of those below; raise one of them."""

    error_class: ErrorClass = "server"
    no_retry = False

    def __init__(self, message: str = "", *, retry_after: float | str | None = None) -> None:
        super().__init__(message)
        #: Seconds to wait at least before the next attempt; the text of a `Retry-After` will do.
        self.retry_after = retry_after


class Temporary(AgentError):
    """Something outside was not there; the step's retry rule applies."""


class RateLimited(AgentError):
    """Somebody asked for patience: `raise RateLimited(retry_after=30)`."""

    error_class: ErrorClass = "rate_limit"

    def __init__(self, retry_after: float | str | None = None, message: str = "") -> None:
        super().__init__(message or "The rate limit was reached", retry_after=retry_after)
        # By these a copy is made of it in another process.
        self.args = (retry_after, message)

    def __str__(self) -> str:
        return str(self.args[1] or "The rate limit was reached")


class Permanent(AgentError):
    """Another attempt would fail alike: the step fails at once."""

    error_class: ErrorClass = "permanent"
    no_retry = True


class Refused(AgentError):
    """The work was refused on purpose, by a model or a rule."""

    error_class: ErrorClass = "refused"
    no_retry = True


class BadInput(Permanent):
    """An input does not fit the hint of its parameter."""


class BadOutput(AgentError):
    """What was returned does not fit the hint of the function."""

    error_class: ErrorClass = "invalid_output"


class BadAgent(ValueError, TypeError):
    """An agent cannot be what its definition says; told when it is defined."""


class Cancelled(BaseException):
    """Nobody wants the result any more; raised where the context is used after that.

    It is no `Exception`, so that an `except Exception` does not swallow it.
    """


class Suspend(BaseException):
    """Ends the function now; the attempt goes on when its callback is used. Raise what `wait_for_callback` gave."""

    def __init__(self, within_s: float) -> None:
        super().__init__(f"waits for a callback for up to {within_s} s")
        self.within_s = within_s


def classify(error: BaseException) -> dict[str, Any]:
    """The `error` of a failed result. What says nothing of itself is `server`: retried as the step says."""
    if isinstance(error, AgentError):
        told: dict[str, Any] = {
            "class": error.error_class,
            "message": message_of(error),
            "no_retry": error.no_retry,
        }
        wait_s = _seconds(error.retry_after)
        return told if wait_s is None else {**told, "retry_after_ms": round(wait_s * 1000)}
    is_timeout = isinstance(error, (TimeoutError, asyncio.TimeoutError))
    return {"class": "timeout" if is_timeout else "server", "message": message_of(error), "no_retry": False}


def _seconds(asked: Any) -> float | None:
    """What stands in a `Retry-After` is a text, and may be a date: what is no number of seconds is not waited for."""
    try:
        wait_s = float(asked)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(wait_s) else min(max(0.0, wait_s), _MAX_WAIT_S)


def message_of(error: BaseException) -> str:
    """One short line; the traceback belongs into the log."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001 - exceptions of others may fail to say what they are
        lines = []
    text = lines[0].strip() if lines else ""
    if not isinstance(error, AgentError) or not text:
        name = type(error).__name__
        text = f"{name}: {text}" if text else name
    # Half a character, as in names of files that are no UTF-8, would make the whole result unreadable.
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"
