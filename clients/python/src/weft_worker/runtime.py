"""A worker while it runs: registers, claims, beats, and sees to it that no more is done than may be.

Must never let an agent's code stand between it and a beat: each duty has a thread of its own, agents have theirs.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .agent import Agent
from .api import Api, Fenced, Gone, Later, Patience, Rejected, Stop
from .asyncs import AsyncRunner
from .execute import Result, execute
from .options import Options
from .running import Running
from .session import Session, clock
from .stats import Stats
from .transport import Unreachable

log = logging.getLogger("weft_worker")

#: Text that streams is carried this often at most.
_FLUSH_EVERY_S = 0.1
#: So long does a result wait for the last lines of its attempt.
_LOGS_WITHIN_S = 2.0
#: Characters that one beat carries, over all attempts.
_MAX_CARRIED = 512 * 1024


class Executor(Protocol):
    """Where agents run: in threads here, or in processes."""

    def run(self, running: Running) -> Result | None: ...
    def close(self) -> None: ...


class Threads:
    """In the thread that the runtime made for the attempt."""

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
        self.stats = Stats()
        self.session: Session | None = None
        #: The server's sentence, once it will not have this worker.
        self.refusal: str | None = None
        self.is_draining = False
        self.is_over = False
        self._api = api
        self._agents = agents
        self._executor = executor
        self._changed = threading.Condition()
        self._running: dict[str, Running] = {}
        self._reserved = 0
        self._dirty = threading.Event()
        #: Somebody waits for what is carried: not another moment.
        self._hurry = threading.Event()

    # What others ask

    def start(self) -> None:
        for duty in (self._register, self._claim, self._beat, self._flush, self._guard):
            threading.Thread(target=self._do, args=(duty,), name=f"weft{duty.__name__}", daemon=True).start()

    @property
    def n_running(self) -> int:
        with self._changed:
            return len(self._running)

    def drain(self) -> None:
        """Takes nothing more."""
        with self._changed:
            self.is_draining = True
            self._changed.notify_all()

    def stop_tasks(self) -> None:
        """Asks what still runs to stop, so that it is given back."""
        with self._changed:
            running = list(self._running.values())
        for each in running:
            each.cancelled.set("stop")

    def close(self) -> None:
        """Ends the session: what it still holds is given back. The process is to end after this."""
        with self._changed:
            self.is_over = self.is_draining = True
            session = self.session
            self._changed.notify_all()
        self._dirty.set()
        if session is not None and self.refusal is None:
            try:
                self._api.end(session.id)
            except (Unreachable, Later, Stop, Fenced, Gone, Rejected) as error:
                log.info("the session could not be ended, its lease will: %s", error)
        self._executor.close()

    # Duties

    def _do(self, duty: Callable[[], None]) -> None:
        try:
            duty()
        except Stop as stop:
            self._refused(str(stop))
        except Exception as error:  # a worker without one of its duties must not go on
            log.exception("the worker has a fault")
            self._refused(f"the worker has a fault: {error!r}")

    def _refused(self, sentence: str) -> None:
        with self._changed:
            self.refusal = self.refusal or sentence
            self.is_over = True
            dropped = list(self._running.values())
            self._changed.notify_all()
        for each in dropped:
            each.drop()

    def _register(self) -> None:
        patience = Patience()
        while self._wait_for(lambda: self.session is None and not self.is_draining):
            sent = clock()
            try:
                told = self._api.register(self.options.offer(self._agents))
            except (Unreachable, Later) as error:
                self._pause(patience.after(error))
                continue
            patience.over()
            self.stats.event("sessions")
            for name, state in told["agents"].items():
                self._tell_standing(name, state)
            with self._changed:
                self.session = Session.granted(told, sent)
                self._changed.notify_all()

    def _claim(self) -> None:
        patience = Patience()
        while self._wait_for(lambda: self._may_claim and self._free > 0):
            with self._changed:
                session, n = self.session, min(self._free, 1000)
                if session is None or n < 1:
                    continue
                self._reserved += n
            wait_ms = min(session.wait_ms_max, self.options.wait_ms)
            tasks, pause_s = [], 0.0
            try:
                tasks = self._api.claim(session.id, n, wait_ms)
                patience.over()
            except (Gone, Fenced) as error:
                self._lost(session, str(error))
            except (Unreachable, Later) as error:
                pause_s = patience.after(error)
            finally:
                with self._changed:
                    self._reserved -= n
                    self._take(session, tasks)
            self._pause(pause_s)

    def _beat(self) -> None:
        """The held beat: renews the lease, and hears at once of what changed."""
        patience = Patience()
        while self._wait_for(lambda: self.session is not None):
            session = self.session
            if session is None:
                continue
            hold_s = min(session.beat_every_s, self.options.wait_ms / 1000)
            sent = clock()
            try:
                has_news = self._sent(session, hold_s, {})
            except (Unreachable, Later) as error:
                self.stats.event("failed_beats")
                self._pause(min(patience.after(error), session.beat_every_s))
                continue
            patience.over()
            early_s = hold_s - (clock() - sent)
            if not has_news and early_s > 0.05:
                # What is known already is answered at once: a paused session, a cancelled task that winds down.
                self._pause(min(early_s, 1.0))

    def _flush(self) -> None:
        """Quick beats beside the held one, for what is to be seen soon."""
        patience = Patience()
        while not self.is_over:
            self._dirty.wait()
            self._dirty.clear()
            self._hurry.wait(_FLUSH_EVERY_S)
            self._hurry.clear()
            session = self.session
            if session is None or self.is_over:
                continue
            carried = self._collect()
            if not carried:
                continue
            try:
                self._sent(session, 0.0, {each.token: told for each, told, _ in carried})
            except (Unreachable, Later) as error:
                for each, told, stored in carried:
                    each.buffers.give_back(told, stored)
                self._pause(patience.after(error))
            except Rejected as error:
                log.warning("what agents told was refused: %s", error)
                _answered(carried, str(error))
            else:
                patience.over()
                _answered(carried, None)

    def _guard(self) -> None:
        while not self.is_over:
            session = self.session
            self._pause(0.25 if session is None else min(0.25, session.lease_s / 16))
            if session is None or session is not self.session or not session.is_doubtful:
                continue
            with self._changed:
                doubtful = [each for each in self._running.values() if not each.is_dropped]
            for each in doubtful:
                log.warning("no beat for %.0f s: %s is stopped", session.silent_s, each.task["step"])
                each.drop()

    # Steps of the duties

    def _collect(self) -> list[Any]:
        carried, size = [], 0
        with self._changed:
            running = [each for each in self._running.values() if not each.is_dropped]
        for each in running:
            if each.buffers.is_empty():
                continue
            if size > _MAX_CARRIED:
                self._dirty.set()
                break
            told, stored = each.buffers.take()
            size += sum(len(part["text"]) for part in [*told.get("deltas", []), *told.get("logs", [])])
            carried.append((each, told, stored))
        return carried

    def _sent(self, session: Session, hold_s: float, carried: Mapping[str, Any]) -> bool:
        """One beat for all tasks of the session. True if its answer had news."""
        with self._changed:
            named = [each for each in self._running.values() if each.session is session and not each.is_dropped]
            free = max(0, self.options.slots - len(self._running))
        tasks = [{"token": each.token, **carried.get(each.token, {})} for each in named]
        sent = clock()
        try:
            told = self._api.beat(session.id, {"wait_ms": round(hold_s * 1000), "free": free, "tasks": tasks})
        except (Gone, Fenced) as error:
            self._lost(session, str(error))
            return True
        session.renew(sent)
        self.stats.event("beats")
        return self._heard(session, told)

    def _heard(self, session: Session, told: dict[str, Any]) -> bool:
        has_news = False
        for name, state in told.get("agents", {}).items():
            self._tell_standing(name, state)
        for told_task in told.get("tasks", []):
            with self._changed:
                running = self._running.get(told_task["token"])
            state = told_task["state"]
            if running is None or state == "ok" or (running.cancelled.why is not None and state != "fenced"):
                continue
            has_news = True
            running.cancelled.set(state)
            running.is_dropped = running.is_dropped or state == "fenced"
        if told["session"] != session.state:
            has_news = True
            log.info("the session is told: %s", told["session"])
            with self._changed:
                session.state = told["session"]
                self.is_draining = self.is_draining or session.state == "drain"
                self._changed.notify_all()
        return has_news

    def _lost(self, session: Session, why: str) -> None:
        with self._changed:
            if self.session is not session or self.is_over:
                return
            self.session = None
            dropped = [each for each in self._running.values() if each.session is session]
            self._changed.notify_all()
        self.stats.event("lost_sessions")
        log.warning("the session is over (%s): %d tasks are stopped", why, len(dropped))
        for each in dropped:
            each.drop()

    def _take(self, session: Session, tasks: list[dict[str, Any]]) -> None:
        """Begins what was claimed. The caller holds the lock."""
        for task in tasks:
            agent = self._agents.get(task["agent"])
            if agent is None or task["token"] in self._running:
                continue
            running = Running(task, agent, session, self._api, self._dirty.set)
            if self.session is not session:
                continue
            if self.is_draining:
                running.cancelled.set("stop")
            self._running[running.token] = running
            threading.Thread(target=self._run, args=(running,), name=f"weft-{agent.id}", daemon=True).start()
        self._changed.notify_all()

    def _run(self, running: Running) -> None:
        result: Result | None
        if running.cancelled.why == "stop":
            result = {"outcome": "released"}
        else:
            try:
                result = self._executor.run(running)
            except Exception:  # what the agent did is caught inside: this is a fault of the worker
                log.exception("%s could not be run", running.agent.id)
                error = {"class": "server", "message": "the worker could not run it; its log says why"}
                result = {"outcome": "failed", "error": error}
        self._finish(running, result)

    def _finish(self, running: Running, result: Result | None) -> None:
        more: list[dict[str, Any]] = []
        outcome = "dropped"
        patience = Patience()
        self._await_logs(running)
        try:
            while result is not None and not running.is_dropped:
                try:
                    status, more = self._api.complete(
                        running.session.id, {"token": running.token, **result}, 1 if self._may_claim else 0
                    )
                except (Unreachable, Later) as error:
                    time.sleep(patience.after(error))
                except Rejected as error:
                    result = _refused_result(result, str(error))
                else:
                    outcome = _outcome(running, result, status)
                    break
        except (Gone, Fenced) as error:
            self._lost(running.session, str(error))
        except Stop as stop:
            self._refused(str(stop))
        self.stats.task(running.agent.id, outcome, running.seconds)
        with self._changed:
            running.is_dropped = True
            self._running.pop(running.token, None)
            self._take(running.session, more)

    def _await_logs(self, running: Running) -> None:
        """The last lines go before the result: after it they would be nobody's."""
        end = time.monotonic() + _LOGS_WITHIN_S
        while running.buffers.owes_logs and not running.is_dropped and not self.is_over and time.monotonic() < end:
            self._hurry.set()
            time.sleep(0.005)

    # Small things

    @property
    def _may_claim(self) -> bool:
        session = self.session
        return session is not None and session.state == "ok" and not self.is_draining and not self.is_over

    @property
    def _free(self) -> int:
        return self.options.slots - len(self._running) - self._reserved

    def _wait_for(self, is_time: Callable[[], bool]) -> bool:
        """False once there is nothing to wait for any more."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_over or is_time())
            return not self.is_over

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        with self._changed:
            while not self.is_over and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)

    def _tell_standing(self, name: str, state: dict[str, Any]) -> None:
        if state["state"] == "accepted":
            log.info("`%s` is accepted (version %s)", name, state.get("version"))
        elif state["state"] == "offered":
            log.warning("`%s` waits for an admin to accept it in the library; until then it gets no task", name)
        else:
            log.error("`%s` is refused: %s", name, state.get("reason"))


def _answered(carried: list[Any], refusal: str | None) -> None:
    for each, _, stored in carried:
        each.buffers.answered()
        if stored is not None:
            stored.set(refusal)


def _refused_result(result: Result, why: str) -> Result | None:
    """A result that the server does not take fails the attempt; a failure that it does not take is dropped."""
    if result["outcome"] == "failed":
        log.error("the server does not take the failure: %s", why)
        return None
    return {"outcome": "failed", "error": {"class": "invalid_output", "message": why[:500], "no_retry": True}}


def _outcome(running: Running, result: Result, status: dict[str, Any]) -> str:
    if status["status"] == "committed":
        return str(result["outcome"])
    if status["status"] == "invalid_output":
        log.warning("the result of %s does not fit: %s", running.agent.id, status.get("problems"))
    return str(status["status"])
