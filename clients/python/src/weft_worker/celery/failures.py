"""What an exception of a Celery task is to a step.

Must go by types and their names, never by messages.
"""

from __future__ import annotations

from collections.abc import Mapping

from celery.exceptions import NotRegistered, SoftTimeLimitExceeded, TimeLimitExceeded

from ..errors import AgentError, ErrorClass, Permanent, Temporary, classify, message_of

Classes = Mapping["type[BaseException] | str", ErrorClass]

_OF_CELERY: Classes = {
    SoftTimeLimitExceeded: "timeout",
    TimeLimitExceeded: "timeout",
    NotRegistered: "permanent",
}


def failure_of(error: object, classes: Classes) -> AgentError:
    """To be raised in the place of what the task raised."""
    if not isinstance(error, BaseException):
        return Temporary(f"the task failed: {error!r}")
    if isinstance(error, AgentError):
        return error
    found = _class_of(error, classes) or _class_of(error, _OF_CELERY)
    if found is None:
        found = classify(error)["class"]
    failure = Permanent(message_of(error)) if found == "permanent" else Temporary(message_of(error))
    failure.error_class = found
    failure.no_retry = found in ("permanent", "refused")
    return failure


def _class_of(error: BaseException, classes: Classes) -> ErrorClass | None:
    # A class that this program does not have is made anew by Celery, with its name and module: so both are looked at.
    for kind in type(error).__mro__:
        for wanted, error_class in classes.items():
            if wanted in (kind, kind.__name__, f"{kind.__module__}.{kind.__name__}"):
                return error_class
    return None
