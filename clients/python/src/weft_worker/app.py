"""The agents of one program, and a way to try them without a server.

Must behave in a test as it does for a server: the same ports, the same reading and writing of values.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

from . import trial
from .agent import Agent, SideEffects
from .agent import agent as make_agent
from .errors import BadAgent

P = ParamSpec("P")
R = TypeVar("R")


class App:
    """`app = App("reports")`, `@app.agent(id="summarize")`, then `weft-worker run module:app`."""

    def __init__(self, name: str = "worker", agents: tuple[Agent[..., Any], ...] = ()) -> None:
        self.name = name
        self._agents: dict[str, Agent[..., Any]] = {}
        self.include(*agents)

    @property
    def agents(self) -> Mapping[str, Agent[..., Any]]:
        return self._agents

    def include(self, *agents: Agent[..., Any]) -> None:
        """Takes in agents that were made elsewhere with `@agent`."""
        for each in agents:
            if each.id in self._agents and self._agents[each.id] is not each:
                raise BadAgent(f"two agents have the id {each.id!r}")
            self._agents[each.id] = each

    def agent(
        self,
        *,
        id: str,
        name: str = "",
        description: str = "",
        side_effects: SideEffects = "none",
        timeout_s: int = 600,
        output: str = "output",
        outputs: bool | dict[str, Any] = False,
    ) -> Callable[[Callable[P, R]], Agent[P, R]]:
        """As `weft_worker.agent`, and includes it."""
        decorate: Callable[[Callable[P, R]], Agent[P, R]] = make_agent(
            id=id,
            name=name,
            description=description,
            side_effects=side_effects,
            timeout_s=timeout_s,
            output=output,
            outputs=outputs,
        )

        def included(function: Callable[P, R]) -> Agent[P, R]:
            made = decorate(function)
            self.include(made)
            return made

        return included

    def test(self, agent: Agent[..., Any] | str, inputs: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
        """Runs an agent as a step would, and gives its outputs by name. What it raises is raised.

        Settings are those of `trial.Trial`: `feedback` with `last_outputs`, `attempt`, `checkpoint`, `files`.
        """
        return self.trial(agent, inputs, **settings).outputs()

    def test_stream(
        self, agent: Agent[..., Any] | str, inputs: Mapping[str, Any], **settings: Any
    ) -> Generator[str, None, dict[str, Any]]:
        """Yields the text that the agent streams; the generator returns the outputs."""
        tried = self.trial(agent, inputs, **settings)
        parts: Iterator[str] = tried.stream()
        yield from parts
        return tried.outputs()

    def trial(self, agent: Agent[..., Any] | str, inputs: Mapping[str, Any], **settings: Any) -> trial.Trial:
        """For a closer look: `logs`, `progress`, `checkpoint`, and `cancel()` from another thread."""
        found = self._agents[agent] if isinstance(agent, str) else agent
        return trial.Trial(found, inputs, **settings)
