"""One event loop for all async agents of a process, in a thread of its own.

Must never be where beats come from: an agent that blocks the loop blocks only its like.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

from .cancellation import Cancellation

_LOOK_EVERY_S = 0.5


class AsyncRunner:
    """Runs coroutines from threads, and knows for how long the loop has not come round."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._came_round = time.monotonic()

    def run(self, work: Coroutine[Any, Any, Any], cancelled: Cancellation) -> Any:
        """The coroutine's result. Once `cancelled` is set, `CancelledError` is raised in it."""
        loop = self._started()
        done: Future[Any] = Future()

        def start() -> None:
            task = loop.create_task(_guarded(work))
            task.add_done_callback(lambda ended: _hand_on(ended, done))
            cancelled.on_set(lambda: _quietly(loop, task))

        loop.call_soon_threadsafe(start, context=contextvars.copy_context())
        return done.result()

    def blocked_s(self) -> float:
        """Seconds that one step of an async agent has taken so far; 0 where none runs."""
        if self._loop is None:
            return 0.0
        return max(0.0, time.monotonic() - self._came_round - 2 * _LOOK_EVERY_S)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._came_round = time.monotonic()
                threading.Thread(target=self._serve, args=(self._loop,), name="weft-loop", daemon=True).start()
            return self._loop

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.call_soon(self._look, loop)
        loop.run_forever()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._came_round = time.monotonic()
        loop.call_later(_LOOK_EVERY_S, self._look, loop)


async def _guarded(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:
        # These would end the loop, and with it every other agent's work.
        raise RuntimeError(f"the agent asked its process to end ({type(error).__name__})") from error


def _quietly(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    loop.call_soon_threadsafe(task.cancel)


def _hand_on(ended: asyncio.Task[Any], done: Future[Any]) -> None:
    # A Future of another thread has no word for CancelledError raised inside, so it is set as any exception is.
    if ended.cancelled():
        done.set_exception(asyncio.CancelledError())
    elif (error := ended.exception()) is not None:
        done.set_exception(error)
    else:
        done.set_result(ended.result())
