"""A worker while it runs: a thread for each duty, and what others may ask of it.

Must let no duty end in silence: a worker without one of them must not go on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from .agent import Agent
from .api import Api, Fenced, Gone, Later, Rejected, Stop
from .asyncs import AsyncRunner
from .beats import Beats
from .claims import Claims, Executor
from .execute import Result, execute
from .hub import Hub
from .options import Options
from .running import Running
from .session import Session
from .stats import Stats
from .transport import Unreachable

log = logging.getLogger("weft_worker")


class Threads:
    """Runs each attempt in the thread that was made for it."""

    def __init__(self, asyncs: AsyncRunner) -> None:
        self._asyncs = asyncs

    def run(self, running: Running) -> Result | None:
        inline_max = running.session.inline_max
        return execute(running.agent, running.task, running, running.cancelled, self._asyncs, inline_max)

    def close(self) -> None:
        """There is nothing to end: threads end with the process."""


class Runtime:
    def __init__(self, api: Api, agents: Mapping[str, Agent[..., Any]], options: Options, executor: Executor) -> None:
        self.options = options
        self._api = api
        self._executor = executor
        self._hub = Hub(options)
        self._claims = Claims(self._hub, api, agents, executor)
        self._beats = Beats(self._hub, api)

    def start(self) -> None:
        duties = (self._claims.register, self._claims.claim, self._beats.hold, self._beats.flush, self._beats.guard)
        for duty in duties:
            threading.Thread(target=self._do, args=(duty,), name=f"weft-{duty.__name__}", daemon=True).start()

    def _do(self, duty: Callable[[], None]) -> None:
        try:
            duty()
        except Stop as stop:
            self._hub.refuse(str(stop))
        except Exception as error:
            log.exception("the worker has a fault")
            self._hub.refuse(f"the worker has a fault: {error!r}")

    @property
    def session(self) -> Session | None:
        return self._hub.session

    @property
    def stats(self) -> Stats:
        return self._hub.stats

    @property
    def refusal(self) -> str | None:
        return self._hub.refusal

    @property
    def is_draining(self) -> bool:
        return self._hub.is_draining

    @property
    def is_over(self) -> bool:
        return self._hub.is_over

    @property
    def n_running(self) -> int:
        with self._hub.changed:
            return len(self._hub.running)

    def drain(self) -> None:
        """Takes nothing more."""
        with self._hub.changed:
            self._hub.is_draining = True
            self._hub.changed.notify_all()

    def stop_tasks(self) -> None:
        """Asks what still runs to stop, so that it is given back."""
        with self._hub.changed:
            running = list(self._hub.running.values())
        for each in running:
            each.cancelled.set("stop")

    def close(self) -> None:
        """Ends the session: what it still holds is given back. The process is to end after this."""
        hub = self._hub
        with hub.changed:
            hub.is_over = hub.is_draining = True
            session = hub.session
            hub.changed.notify_all()
        hub.dirty.set()
        if session is not None and hub.refusal is None:
            try:
                self._api.end(session.id)
            except (Unreachable, Later, Stop, Fenced, Gone, Rejected) as error:
                log.info("the session could not be ended, its lease will: %s", error)
        self._executor.close()
