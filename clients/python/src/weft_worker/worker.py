"""A worker as a program: its signals, its end, its exit code.

Must never end while an attempt could still be given back.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Mapping
from typing import Any

from . import health
from .agent import Agent
from .api import Api
from .asyncs import AsyncRunner
from .claims import Executor
from .logs import capture
from .options import Options
from .processes import Processes
from .runtime import Runtime, Threads
from .transport import Transport
from .version import VERSION

log = logging.getLogger("weft_worker")

DRAINED = 0
REFUSED = 3
INTERRUPTED = 130

_LOOK_EVERY_S = 0.1
#: What is asked to stop at the end of the grace gets so long to do it.
_STOP_S = 2.0
_NOW_S = 3.0


class Worker:
    def __init__(
        self,
        agents: Mapping[str, Agent[..., Any]],
        options: Options,
        *,
        target: str = "",
        health_at: str = "",
    ) -> None:
        agent = f"weft-worker/{VERSION} python"
        self._options = options
        self._api = Api(Transport(options.url, options.token, agent=agent, connections=options.slots + 8))
        self._asyncs = AsyncRunner()
        executor: Executor = Threads(self._asyncs)
        if options.processes:
            executor = Processes(options.processes, target, options)
        self.runtime = Runtime(self._api, agents, options, executor)
        self._health_at = health_at
        self._n_asked = 0

    def run(self) -> int:
        """Until it is drained, refused, or interrupted twice; gives the exit code."""
        capture()
        if self._health_at:
            host, _, port = self._health_at.rpartition(":")
            server = health.serve(health.Health(self.runtime, self._asyncs), host or "127.0.0.1", int(port))
            log.info("health is at http://%s:%d/health", *server.server_address[:2])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked)
        log.info(
            "speaking to %s as `%s`, with %d slots",
            self._options.url,
            self._options.name,
            self._options.slots,
        )
        self.runtime.start()
        # A signal is only counted in its handler: a lock taken there could be one that this thread holds.
        while not self._n_asked and not self.runtime.is_draining and not self.runtime.is_over:
            time.sleep(_LOOK_EVERY_S)
        if self.runtime.refusal is not None:
            return self._refused(self.runtime.refusal)
        return self._drain()

    def _asked(self, number: int, _frame: object) -> None:
        # SIGTERM twice is a supervisor that repeats itself; Ctrl-C twice is a person who means it.
        if self._n_asked == 0 or number == signal.SIGINT:
            self._n_asked += 1
        if self._n_asked > 2:
            os._exit(INTERRUPTED)

    def _drain(self) -> int:
        n_running = self.runtime.n_running
        self.runtime.drain()
        if n_running:
            log.info(
                "%d tasks may still take %.0f s; Ctrl-C again gives them back now",
                n_running,
                self._options.grace_s,
            )
        if not self._is_idle_within(self._options.grace_s) and self._n_asked < 2:
            self.runtime.stop_tasks()
            self._is_idle_within(_STOP_S)
        if self.runtime.refusal is not None:
            return self._refused(self.runtime.refusal)
        ending = threading.Thread(target=self.runtime.close, daemon=True)
        ending.start()
        ending.join(_NOW_S)
        code = INTERRUPTED if self._n_asked > 1 else DRAINED
        log.info("the session is ended")
        return code

    def _is_idle_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self.runtime.n_running and not self.runtime.is_over:
            if self._n_asked > 1 or time.monotonic() > end:
                return False
            time.sleep(_LOOK_EVERY_S)
        return True

    def _refused(self, sentence: str) -> int:
        log.error("%s", sentence)
        self.runtime.close()
        return REFUSED
