"""What agents write with `logging`, brought to the run page; and how the worker itself writes.

Must not take in what threads write that an agent started itself: they belong to no attempt.
"""

from __future__ import annotations

import logging

from .context import Level, current


class _ToAttempt(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        context = current.get()
        if context is None or record.name.startswith("weft_worker"):
            return
        try:
            context.log(self.format(record), _level(record.levelno))
        except Exception:  # noqa: BLE001 - as every handler of `logging`: a bad format string is no failure of the agent
            self.handleError(record)


_HANDLER = _ToAttempt(logging.INFO)


def capture() -> None:
    """From now on `logging` inside an agent is part of its attempt."""
    root = logging.getLogger()
    if _HANDLER not in root.handlers:
        root.addHandler(_HANDLER)
        if root.level > logging.INFO or root.level == logging.NOTSET:
            root.setLevel(logging.INFO)


def configure(level: str) -> None:
    """The worker's own log, on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    root = logging.getLogger()
    root.setLevel(level.upper())
    root.addHandler(handler)
    # Kept connections that were cut are nobody's concern.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def _level(number: int) -> Level:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"
