"""The process in which one attempt at a time runs; it is made by `processes.py`.

Must do nothing of its own accord: the parent speaks to the server, ends it, and is followed when it is gone. What an
agent started here ends with it.
"""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing.connection import Connection
from typing import Any

from . import pipes
from .api import Api
from .asyncs import AsyncRunner
from .buffers import Buffers, Stored
from .calls import Calls
from .cancellation import Cancellation
from .context import Level
from .execute import execute
from .family import end_group, lead_a_group
from .loading import load
from .logs import capture, configure
from .running import wait_for_checkpoint
from .transport import Transport
from .version import VERSION

_FLUSH_EVERY_S = 0.1


def serve(pipe: Connection, target: str, url: str, token: str) -> None:
    lead_a_group()
    # The parent decides what follows on Ctrl-C, which reaches other groups where there are none.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    configure("info")
    capture()
    _, agents = load(target)
    api = Api(Transport(url, token, agent=f"weft-worker/{VERSION} python", connections=2))
    asyncs = AsyncRunner()
    parent = _Parent(pipe)
    threading.Thread(target=parent.listen, name="weft-parent", daemon=True).start()
    while True:
        task, session, inline_max = parent.next_task()
        link = _Link(api, session, task["token"], parent)
        parent.begin(link)
        result = execute(agents[task["agent"]], task, link, link.cancelled, asyncs, inline_max)
        link.flush()
        parent.done(result)


class _Parent:
    """The other end of the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._sending = threading.Lock()
        self._task: Any = None
        self._has_task = threading.Event()
        self._link: _Link | None = None
        self._cancel: Any = None

    def listen(self) -> None:
        while True:
            try:
                kind, value = pipes.receive(self._pipe)
            except (EOFError, OSError):
                end_group(os.getpid())
                os._exit(1)
            if kind == "task":
                self._task, self._cancel = value, None
                self._has_task.set()
            elif kind == "cancel":
                self._cancel = value
                if self._link is not None:
                    self._link.cancelled.set(value)
            elif kind == "stored" and self._link is not None:
                self._link.stored(value)

    def next_task(self) -> Any:
        self._has_task.wait()
        self._has_task.clear()
        return self._task

    def begin(self, link: _Link) -> None:
        self._link = link
        # It may have come before there was a link to tell.
        if self._cancel is not None:
            link.cancelled.set(self._cancel)

    def send(self, kind: str, value: Any) -> None:
        with self._sending:
            pipes.send(self._pipe, kind, value)

    def done(self, result: Any) -> None:
        self._link = None
        self.send("done", result)


class _Link(Calls):
    """What the agent tells, gathered for a moment: a message for each word would be slower than the work."""

    def __init__(self, api: Api, session: str, token: str, parent: _Parent) -> None:
        super().__init__(api, session, token, Cancellation())
        self._parent = parent
        self._dirty = threading.Event()
        self._is_over = False
        self._flushing = threading.Lock()
        self._waiting: list[Stored] = []
        self.buffers = Buffers(self._dirty.set)
        threading.Thread(target=self._carry, name="weft-carry", daemon=True).start()

    def delta(self, output: str, text: str) -> None:
        self.buffers.delta(output, text)

    def progress(self, done: int, total: int | None, note: str) -> None:
        self.buffers.progress(done, total, note)

    def log(self, level: Level, text: str) -> None:
        self.buffers.log(level, text)

    def checkpoint(self, value: Any) -> None:
        wait_for_checkpoint(self.buffers, value, self.cancelled)

    def stored(self, refusal: str | None) -> None:
        waiting, self._waiting = self._waiting, []
        for stored in waiting:
            stored.set(refusal)

    def flush(self) -> None:
        """The last of it, before the result."""
        self._is_over = True
        self._dirty.set()
        self._send()

    def _send(self) -> None:
        with self._flushing:
            told, waiting = self.buffers.take()
            self._waiting = [*self._waiting, *waiting]
            if told:
                self._parent.send("told", told)

    def _carry(self) -> None:
        pause = threading.Event()
        while not self._is_over:
            self._dirty.wait()
            self._dirty.clear()
            pause.wait(_FLUSH_EVERY_S)
            if not self._is_over:
                self._send()
