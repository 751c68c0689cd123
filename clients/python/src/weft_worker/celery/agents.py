"""Which tasks of a Celery app are agents, and what has to be true of the app.

Must refuse an app whose settings would lose results, when the agent is defined and in a sentence.
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..agent import Agent, SideEffects, define
from ..context import Context
from ..errors import BadAgent
from .attempt import Attempt, Sending
from .failures import Classes

log = logging.getLogger("weft_worker")

T = TypeVar("T")

_CONTEXT = "weft_context"


class CeleryAgents:
    """`agents = CeleryAgents(app)`, `agents.agent(task, id=...)`, then `weft-worker run module:agents`."""

    def __init__(
        self,
        app: Any,
        *,
        name: str = "celery",
        start_timeout_s: float | None = 300.0,
        key_argument: str = "idempotency_key",
        feedback_argument: str = "weft_feedback",
    ) -> None:
        """`start_timeout_s`: a message that nobody started for so long is revoked and sent again; None waits for ever.

        A task that has a parameter called `key_argument` gets the idempotency key there. One that has a parameter
        called `feedback_argument` gets None there, or, where a reviewer sent the step back, what was asked and what
        was made: `{"text": ..., "reviews": [...], "outputs": {...}}`.
        """
        self.app = app
        self.name = name
        self._start_timeout_s = start_timeout_s
        self._key_argument = key_argument
        self._feedback_argument = feedback_argument
        self._agents: dict[str, Agent[..., Any]] = {}

    @property
    def agents(self) -> Mapping[str, Agent[..., Any]]:
        return self._agents

    def agent(
        self,
        task: Any = None,
        *,
        id: str,
        name: str = "",
        description: str = "",
        side_effects: SideEffects = "none",
        timeout_s: int = 600,
        output: str = "output",
        outputs: bool | dict[str, Any] = False,
        errors: Classes | None = None,
        queue: str | None = None,
        start_timeout_s: float | None = None,
    ) -> Any:
        """Makes an agent of a task, and gives the task back: call it, or put it above `@shared_task`.

        `errors` says the class of an exception by its type or its name, as in `{"QuotaExceeded": "rate_limit"}`.
        """

        def decorate(found: T) -> T:
            function = getattr(found, "run", None)
            if not callable(function):
                raise BadAgent(f"agent {id!r}: {found!r} is no Celery task; for one of another program use `named`")
            self._add(
                function,
                task=found,
                settings={
                    "id": id,
                    "name": name,
                    "description": description,
                    "side_effects": side_effects,
                    "timeout_s": timeout_s,
                    "output": output,
                    "outputs": outputs,
                },
                sending={"errors": errors, "queue": queue, "start_timeout_s": start_timeout_s},
            )
            return found

        return decorate if task is None else decorate(task)

    def named(
        self,
        task: str,
        *,
        id: str,
        name: str = "",
        description: str = "",
        side_effects: SideEffects = "none",
        timeout_s: int = 600,
        output: str = "output",
        outputs: bool | dict[str, Any] = False,
        errors: Classes | None = None,
        queue: str | None = None,
        start_timeout_s: float | None = None,
    ) -> Callable[[Callable[..., Any]], Agent[..., Any]]:
        """The same for a task of another program, by its name; it decorates a function that has only its signature."""

        def decorate(signature: Callable[..., Any]) -> Agent[..., Any]:
            return self._add(
                signature,
                task=task,
                settings={
                    "id": id,
                    "name": name,
                    "description": description,
                    "side_effects": side_effects,
                    "timeout_s": timeout_s,
                    "output": output,
                    "outputs": outputs,
                },
                sending={"errors": errors, "queue": queue, "start_timeout_s": start_timeout_s},
            )

        return decorate

    def _add(
        self, function: Callable[..., Any], *, task: Any, settings: dict[str, Any], sending: dict[str, Any]
    ) -> Agent[..., Any]:
        ports = define(function, **settings, ignore=(self._key_argument, self._feedback_argument))
        if ports.id in self._agents:
            raise BadAgent(f"two agents have the id {ports.id!r}")
        if ports.is_async or ports.streams or ports.context is not None:
            raise BadAgent(f"agent {ports.id!r}: a Celery task is a plain function, without a Context")
        told = Sending(
            app=self.app,
            # By name: a shared task belongs to the app that is current in a thread, and the bridge's threads have none.
            task=task if isinstance(task, str) else task.name,
            key_argument=self._key_argument if _takes(function, self._key_argument) else None,
            feedback_argument=self._feedback_argument if _takes(function, self._feedback_argument) else None,
            start_timeout_s=self._start_timeout(ports.id, task, sending["start_timeout_s"]),
            errors=sending["errors"] or {},
            queue=sending["queue"],
        )

        def run(**arguments: Any) -> Any:
            context: Context = arguments.pop(_CONTEXT)
            return Attempt(told, context).result(arguments)

        # A message carries JSON: the values go as they came, and the task reads them as it always did.
        inputs = {name: dataclasses.replace(port, hint=Any) for name, port in ports.inputs.items()}
        made: Agent[..., Any] = dataclasses.replace(ports, function=run, inputs=inputs, context=_CONTEXT)
        self._agents[made.id] = made
        return made

    def _start_timeout(self, agent: str, task: Any, wish_s: float | None) -> float | None:
        _check_backend(agent, self.app)
        tracks = self.app.conf.task_track_started or bool(getattr(task, "track_started", False))
        if tracks or (isinstance(task, str) and wish_s is not None):
            return wish_s if wish_s is not None else self._start_timeout_s
        if wish_s is not None:
            raise BadAgent(f"agent {agent!r}: start_timeout_s wants task_track_started=True: who knows what started?")
        log.warning("%s: without task_track_started a message that nobody takes is waited for to the end", agent)
        return None


def _check_backend(agent: str, app: Any) -> None:
    kind = type(app.backend).__name__
    if kind == "DisabledBackend":
        raise BadAgent(f"agent {agent!r}: the Celery app has no result backend: set result_backend, such as redis://")
    if kind == "RPCBackend":
        raise BadAgent(
            f"agent {agent!r}: results by rpc:// can be read only by the process that sent the task, and are gone "
            "with it: set another result_backend, such as redis://"
        )


def _takes(function: Callable[..., Any], parameter: str) -> bool:
    return parameter in inspect.signature(function).parameters
