"""What the duties of a worker share: the session, what runs, and how one waits for a change of it.

Must never call the server, and must never be held locked while somebody else is called.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from .options import Options
from .running import Running
from .session import Session
from .stats import Stats

log = logging.getLogger("weft_worker")


class Hub:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.stats = Stats()
        self.session: Session | None = None
        #: Sessions that this worker gave up: the server is told when it can be reached.
        self.abandoned: list[Session] = []
        #: The server's sentence, once it will not have this worker.
        self.refusal: str | None = None
        self.is_draining = False
        self.is_over = False
        self.changed = threading.Condition()
        self.running: dict[str, Running] = {}
        #: Slots for which a claim is under way.
        self.reserved = 0
        self._standing: dict[str, Any] = {}
        self.dirty = threading.Event()
        #: Somebody waits for what is carried: not another moment.
        self.hurry = threading.Event()

    @property
    def may_claim(self) -> bool:
        session = self.session
        return session is not None and session.state == "ok" and not self.is_draining and not self.is_over

    @property
    def free(self) -> int:
        return self.options.slots - len(self.running) - self.reserved

    def named(self, session: Session) -> list[Running]:
        """What a beat of the session names."""
        with self.changed:
            return [each for each in self.running.values() if each.session is session and not each.is_dropped]

    def wait_for(self, is_time: Callable[[], bool]) -> bool:
        """False once there is nothing to wait for any more."""
        with self.changed:
            self.changed.wait_for(lambda: self.is_over or is_time())
            return not self.is_over

    def pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        with self.changed:
            while not self.is_over and (left := end - time.monotonic()) > 0:
                self.changed.wait(left)

    def begin(self, session: Session) -> None:
        with self.changed:
            self.session = session
            self.changed.notify_all()

    def lose(self, session: Session, why: str, *, is_abandoned: bool = False) -> None:
        """The session is over: its tasks are stopped, and another one is registered."""
        with self.changed:
            if self.session is not session or self.is_over:
                return
            self.session = None
            if is_abandoned:
                self.abandoned.append(session)
            dropped = [each for each in self.running.values() if each.session is session]
            self.changed.notify_all()
        self.stats.event("lost_sessions")
        log.warning("the session is over (%s): %d tasks are stopped", why, len(dropped))
        for each in dropped:
            each.drop()

    def refuse(self, sentence: str) -> None:
        """The worker is not to go on."""
        with self.changed:
            self.refusal = self.refusal or sentence
            self.is_over = True
            dropped = list(self.running.values())
            self.changed.notify_all()
        self.dirty.set()
        for each in dropped:
            each.drop()

    def tell_standing(self, agents: dict[str, Any]) -> None:
        """What the server says of the agents that were offered; it says it again in several beats."""
        for name, told in agents.items():
            if self._standing.get(name) == told:
                continue
            self._standing[name] = told
            if told["state"] == "accepted":
                log.info("`%s` is accepted (version %s)", name, told.get("version"))
            elif told["state"] == "offered":
                log.warning("`%s` waits for an admin to accept it in the library; until then it gets no task", name)
            else:
                log.error("`%s` is refused: %s", name, told.get("reason"))
