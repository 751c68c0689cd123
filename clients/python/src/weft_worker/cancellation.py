"""The wish that an attempt stops: somebody cancelled it, its time is up, it is another's now, or the worker stops.

Must only tell: whoever does the work decides when to look.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

#: `cancel`, `timeout` and `fenced` are the server's words; `lost` is a lease that ran out, `stop` the worker's end.
Why = Literal["cancel", "timeout", "fenced", "lost", "stop"]


class Cancellation:
    """Like `threading.Event`, and true once it is set: `if ctx.cancelled:` and `ctx.cancelled.wait(5)`."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self.why: Why | None = None

    def __bool__(self) -> bool:
        return self._event.is_set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Sleeps until it is set, or so many seconds."""
        return self._event.wait(timeout)

    def set(self, why: Why) -> None:
        """The first reason stays, but for one that takes the attempt away."""
        with self._lock:
            if self.why is None or why in ("fenced", "lost"):
                self.why = why
            is_first = not self._event.is_set()
            self._event.set()
            listeners = list(self._listeners) if is_first else []
        for listener in listeners:
            listener()

    def on_set(self, listener: Callable[[], None]) -> None:
        """Calls back once, at once if it is set already."""
        with self._lock:
            self._listeners.append(listener)
            is_set = self._event.is_set()
        if is_set:
            listener()
