"""Registers, claims what is to be done, has it done, and tells what came of it.

Must tell each result until somebody knows that it was told, or that it is nobody's concern any more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, Protocol

from . import contents
from .agent import Agent, Outputs
from .api import Api, Fenced, Gone, Later, Patience, Rejected, Stop
from .errors import Permanent, message_of
from .execute import Result
from .holding import Holding
from .hub import Hub
from .running import Running
from .session import Session, clock
from .transport import Unreachable

log = logging.getLogger("weft_worker")

#: So long does a result wait for the last lines of its attempt.
_LOGS_WITHIN_S = 2.0


class Executor(Protocol):
    """Where agents run: in threads here, or in processes."""

    def run(self, running: Running) -> Result | None: ...
    def close(self) -> None: ...


class Claims:
    def __init__(self, hub: Hub, api: Api, agents: Mapping[str, Agent[..., Any]], executor: Executor) -> None:
        self._hub = hub
        self._api = api
        self._agents = agents
        self._executor = executor

    def register(self) -> None:
        hub, patience = self._hub, Patience()
        while hub.wait_for(lambda: hub.session is None and not hub.is_draining):
            sent = clock()
            try:
                self._end_abandoned()
                told = self._api.register(hub.options.offer(self._agents))
            except (Unreachable, Later) as error:
                hub.pause(patience.after(error))
                continue
            patience.over()
            hub.stats.event("sessions")
            hub.tell_standing(told["agents"])
            hub.begin(Session.granted(told, sent))

    def _end_abandoned(self) -> None:
        """So that what they held is given back now, and not when their lease is over."""
        while self._hub.abandoned:
            try:
                self._api.end(self._hub.abandoned[0].id)
            except (Gone, Fenced, Rejected) as error:
                log.debug("the old session: %s", error)
            self._hub.abandoned.pop(0)

    def claim(self) -> None:
        hub = self._hub
        patience, holding = Patience(), Holding(hub.options.wait_ms / 1000)
        while hub.wait_for(lambda: hub.may_claim and hub.free > 0):
            with hub.changed:
                session, n = hub.session, min(hub.free, 1000)
                if session is None or n < 1:
                    continue
                hub.reserved += n
            wait_s = holding.begin(session.wait_ms_max / 1000)
            tasks, pause_s = [], 0.0
            try:
                tasks = self._api.claim(session.id, n, round(wait_s * 1000))
                patience.over()
                holding.answered()
            except (Gone, Fenced) as error:
                hub.lose(session, str(error))
            except (Unreachable, Later) as error:
                pause_s = 0.0 if holding.was_cut() else patience.after(error)
            except Rejected as error:
                raise Stop(str(error)) from error
            finally:
                with hub.changed:
                    hub.reserved -= n
                    self._take(session, tasks)
            hub.pause(pause_s)

    def _take(self, session: Session, tasks: list[dict[str, Any]]) -> None:
        """Begins what was claimed. The caller holds the lock."""
        hub = self._hub
        for task in tasks:
            agent = self._agents.get(task["agent"])
            if task["token"] in hub.running or hub.session is not session:
                continue
            if agent is None:
                agent = _nobody(task["agent"])
            running = Running(task, agent, session, self._api, hub.dirty.set)
            if hub.is_draining:
                running.cancelled.set("stop")
            hub.running[running.token] = running
            threading.Thread(target=self._run, args=(running,), name=f"weft-{agent.id}", daemon=True).start()
        hub.changed.notify_all()

    def _run(self, running: Running) -> None:
        result: Result | None = {"outcome": "released"}
        more: list[dict[str, Any]] = []
        outcome = "dropped"
        try:
            if running.cancelled.why != "stop":
                result = self._executor.run(running)
                self._await_logs(running)
            outcome, more = self._tell(running, result)
        except Stop as stop:
            self._hub.refuse(str(stop))
        except Exception as error:
            # What agents do is caught where they run: this is a fault of the worker, and must not keep a slot.
            log.exception("%s could not be run", running.agent.id)
            outcome, more = self._tell_fault(running, error)
        finally:
            self._hub.stats.task(running.agent.id, outcome, running.seconds)
            with self._hub.changed:
                running.is_dropped = True
                self._hub.running.pop(running.token, None)
                self._take(running.session, more)

    def _tell_fault(self, running: Running, error: Exception) -> tuple[str, list[dict[str, Any]]]:
        try:
            return self._tell(running, _failed("server", f"the worker could not run it: {message_of(error)}"))
        except Stop as stop:
            self._hub.refuse(str(stop))
            return "dropped", []

    def _tell(self, running: Running, result: Result | None) -> tuple[str, list[dict[str, Any]]]:
        """What became of it, and what is to be done next."""
        hub, patience = self._hub, Patience()
        while result is not None and not running.is_dropped and not hub.is_over:
            told = {"token": running.token, **_sendable(result)}
            try:
                status, more = self._api.complete(running.session.id, told, 1 if hub.may_claim else 0)
            except (Unreachable, Later) as error:
                hub.pause(patience.after(error))
            except Rejected as error:
                result = _refused_result(result, str(error))
            except (Gone, Fenced) as error:
                hub.lose(running.session, str(error))
                break
            else:
                return _outcome(running, result, status), more
        return "dropped", []

    def _await_logs(self, running: Running) -> None:
        """The last lines go before the result: after it they would be nobody's."""
        end = time.monotonic() + _LOGS_WITHIN_S
        while running.buffers.owes_logs and not running.is_dropped and not self._hub.is_over:
            if time.monotonic() > end:
                return
            self._hub.hurry.set()
            time.sleep(0.005)


def _nobody(agent: str) -> Agent[..., Any]:
    """Stands for an agent that this worker did not offer: the attempt fails, and is not handed round for ever."""

    def absent() -> None:
        raise Permanent(f"this worker has no agent `{agent}`")

    return Agent(
        function=absent,
        id=agent,
        name=agent,
        description="",
        side_effects="none",
        timeout_s=1,
        inputs={},
        outputs=Outputs(hints={"output": Any}, schemas={"output": {}}, single="output"),
        context=None,
        is_async=False,
        streams=False,
    )


def _failed(error_class: str, message: str, *, no_retry: bool = False) -> Result:
    return {"outcome": "failed", "error": {"class": error_class, "message": message[:500], "no_retry": no_retry}}


def _sendable(result: Result) -> Result:
    """A result that cannot be written as JSON is a failure, not a thread that ends with its slot."""
    try:
        contents.to_json(result)
    except (ValueError, TypeError, RecursionError) as error:
        return _failed("invalid_output", f"The result cannot be sent: {message_of(error)}", no_retry=True)
    return result


def _refused_result(result: Result, why: str) -> Result | None:
    """A result that the server does not take fails the attempt; a failure that it does not take is dropped."""
    if result["outcome"] == "failed":
        log.error("the server does not take the failure: %s", why)
        return None
    return _failed("invalid_output", why, no_retry=True)


def _outcome(running: Running, result: Result, status: dict[str, Any]) -> str:
    if status["status"] == "committed":
        return str(result["outcome"])
    if status["status"] == "invalid_output":
        log.warning("the result of %s does not fit: %s", running.agent.id, status.get("problems"))
    return str(status["status"])
