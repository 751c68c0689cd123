"""How a worker is run: what the command line and the environment say.

Must be the only place that reads the environment, but for the proxies that the transport honours.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .agent import Agent
from .version import VERSION

PROTOCOL = 1


@dataclass(frozen=True)
class Options:
    url: str
    token: str = field(repr=False)
    name: str = "worker"
    slots: int = 8
    #: Milliseconds that the server may hold an answer; proxies cut what is idle for longer.
    wait_ms: int = 25_000
    #: Seconds that what runs may still take once the worker is asked to end.
    grace_s: float = 30.0
    build_id: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    #: 0 runs agents in threads.
    processes: int = 0

    def offer(self, agents: Mapping[str, Agent[..., Any]]) -> dict[str, Any]:
        """What registers a session."""
        offer: dict[str, Any] = {
            "protocol": PROTOCOL,
            "sdk": {"name": "weft-worker", "version": VERSION, "language": "python"},
            "name": self.name,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "slots": self.slots,
            "labels": dict(self.labels),
            "agents": [agent.offer() for agent in agents.values()],
        }
        return {**offer, "build_id": self.build_id} if self.build_id else offer


def of_environment(name: str, default: str | None = None) -> str | None:
    """`WEFT_URL` and its like; an empty one is none."""
    return os.environ.get(name, "").strip() or default
