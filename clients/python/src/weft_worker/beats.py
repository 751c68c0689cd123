"""Keeps the session alive, hears what the server has to say, and carries what agents tell.

Must never wait for an agent: what none of them can hold up is why a lease is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .api import Api, Fenced, Gone, Later, Patience, Rejected, Stop
from .buffers import Stored
from .holding import Holding
from .hub import Hub
from .running import Running
from .session import Session, clock
from .transport import Unreachable

log = logging.getLogger("weft_worker")

#: Text that streams is carried this often at most.
_FLUSH_EVERY_S = 0.1
#: Characters that one beat carries, over all attempts.
_MAX_CARRIED = 256 * 1024


@dataclass(frozen=True)
class _Carried:
    by: Running
    told: dict[str, Any]
    waiting: list[Stored]

    def answered(self, refusal: str | None) -> None:
        self.by.buffers.answered()
        for stored in self.waiting:
            stored.set(refusal)


class Beats:
    def __init__(self, hub: Hub, api: Api) -> None:
        self._hub = hub
        self._api = api

    def hold(self) -> None:
        """The held beat: renews the lease, and hears at once of what changed."""
        hub = self._hub
        patience, holding, is_doubtful = Patience(), Holding(hub.options.wait_ms / 1000), False
        while hub.wait_for(lambda: hub.session is not None):
            session = hub.session
            if session is None:
                continue
            # After a failure the next one is not held: what counts then is to know soon.
            hold_s = 0.0 if is_doubtful else holding.begin(session.beat_every_s)
            sent = clock()
            try:
                has_news = self._send(session, hold_s, {})
            except (Unreachable, Later) as error:
                hub.stats.event("failed_beats")
                was_idle = not is_doubtful and holding.was_cut()
                is_doubtful = True
                if not was_idle:
                    hub.pause(min(patience.after(error), session.beat_every_s / 4))
                continue
            except Rejected as error:
                raise Stop(str(error)) from error
            patience.over()
            if is_doubtful:
                is_doubtful = False
                continue
            holding.answered()
            early_s = hold_s - (clock() - sent)
            if not has_news and early_s > 0.05:
                # What is known already is answered at once: a paused session, a cancelled task that winds down.
                hub.pause(min(early_s, 1.0))

    def flush(self) -> None:
        """Quick beats beside the held one, for what is to be seen soon."""
        hub, patience = self._hub, Patience()
        while not hub.is_over:
            hub.dirty.wait()
            hub.dirty.clear()
            hub.hurry.wait(_FLUSH_EVERY_S)
            hub.hurry.clear()
            session = hub.session
            carried = [] if session is None or hub.is_over else self._collect(session)
            if session is None or not carried:
                continue
            try:
                self._carry(session, carried)
                patience.over()
            except (Unreachable, Later) as error:
                for each in carried:
                    each.by.buffers.give_back(each.told, each.waiting)
                hub.pause(patience.after(error))

    def guard(self) -> None:
        """Three quarters of a lease without a beat: what runs may be somebody else's soon, so it is stopped."""
        hub = self._hub
        while not hub.is_over:
            session = hub.session
            hub.pause(0.25 if session is None else min(0.25, session.lease_s / 16))
            if session is not None and session is hub.session and session.is_doubtful:
                hub.lose(session, f"no beat for {session.silent_s:.0f} s", is_abandoned=True)

    def _collect(self, session: Session) -> list[_Carried]:
        carried, size = [], 0
        for each in self._hub.named(session):
            if each.buffers.is_empty():
                continue
            if size > _MAX_CARRIED:
                self._hub.dirty.set()
                break
            told, waiting = each.buffers.take()
            size += sum(len(part["text"]) for part in [*told.get("deltas", []), *told.get("logs", [])])
            carried.append(_Carried(each, told, waiting))
        return carried

    def _carry(self, session: Session, carried: list[_Carried]) -> None:
        try:
            self._send(session, 0.0, {each.by.token: each.told for each in carried})
        except Rejected as error:
            if len(carried) == 1:
                log.warning("what %s told was refused: %s", carried[0].by.agent.id, error)
                carried[0].answered(str(error))
                return
            # One of them told what cannot be told; the others have nothing to do with it.
            for each in carried:
                self._carry(session, [each])
        else:
            for each in carried:
                each.answered(None)

    def _send(self, session: Session, hold_s: float, carried: Mapping[str, Any]) -> bool:
        """One beat for all tasks of the session. True if its answer had news."""
        named = self._hub.named(session)
        tasks = [{"token": each.token, **carried.get(each.token, {})} for each in named]
        body = {"wait_ms": round(hold_s * 1000), "free": max(0, self._hub.free), "tasks": tasks}
        sent = clock()
        try:
            told = self._api.beat(session.id, body, session.lease_s / (8 if hold_s else 4))
        except (Gone, Fenced) as error:
            self._hub.lose(session, str(error))
            return True
        session.renew(sent, told)
        self._hub.stats.event("beats")
        self._hub.tell_standing(told.get("agents", {}))
        has_news = self._hear(session, told)
        # A task that was handed out meanwhile is named by the next beat, and its cancel is to be heard at once.
        return has_news or len(self._hub.named(session)) != len(named)

    def _hear(self, session: Session, told: dict[str, Any]) -> bool:
        hub, has_news = self._hub, bool(told.get("agents"))
        for task in told.get("tasks", []):
            with hub.changed:
                running = hub.running.get(task["token"])
            state = task["state"]
            if running is None or state == "ok" or (running.cancelled.why is not None and state != "fenced"):
                continue
            has_news = True
            running.is_dropped = running.is_dropped or state == "fenced"
            running.cancelled.set(state)
        if told["session"] != session.state and not hub.is_over:
            has_news = True
            log.info("the session is told: %s", told["session"])
            with hub.changed:
                session.state = told["session"]
                hub.is_draining = hub.is_draining or session.state == "drain"
                hub.changed.notify_all()
        return has_news
