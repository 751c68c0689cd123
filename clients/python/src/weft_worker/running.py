"""One attempt that this process runs, and the link over which its agent tells.

Must never speak to the server about its state: the runtime beats and completes for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .agent import Agent
from .api import Api
from .buffers import Buffers
from .calls import Calls
from .cancellation import Cancellation
from .context import Level
from .session import Session, clock


class Running(Calls):
    def __init__(
        self,
        task: dict[str, Any],
        agent: Agent[..., Any],
        session: Session,
        api: Api,
        wake: Callable[[], None],
    ) -> None:
        super().__init__(api, session.id, task["token"], Cancellation())
        self.task = task
        self.agent = agent
        self.session = session
        self.buffers = Buffers(wake, session.now)
        self.began = clock()
        #: Its result was told, or is nobody's concern any more: it is not named in beats.
        self.is_dropped = False

    def drop(self) -> None:
        self.is_dropped = True
        self.cancelled.set("lost")

    def delta(self, output: str, text: str) -> None:
        self.buffers.delta(output, text)

    def progress(self, done: int, total: int | None, note: str) -> None:
        self.buffers.progress(done, total, note)

    def log(self, level: Level, text: str) -> None:
        self.buffers.log(level, text)

    def checkpoint(self, value: Any) -> None:
        wait_for_checkpoint(self.buffers, value, self.cancelled)

    @property
    def seconds(self) -> float:
        return clock() - self.began


def wait_for_checkpoint(buffers: Buffers, value: Any, cancelled: Cancellation) -> None:
    stored = buffers.checkpoint(value)
    cancelled.on_set(stored.done.set)
    stored.done.wait()
    if stored.refusal is not None:
        raise ValueError(f"the checkpoint was refused: {stored.refusal}")
