"""A session as the server granted it, and how long it is since it was renewed.

Must go by a clock that goes on while the machine sleeps: a lease does too.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["ok", "paused", "drain"]


def clock() -> float:
    """Seconds, also those in which the machine slept, where it can tell."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass
class Session:
    id: str
    beat_every_s: float
    lease_s: float
    wait_ms_max: int
    inline_max: int
    #: When the request was sent that renewed the lease last.
    renewed: float
    state: State = "ok"

    @classmethod
    def granted(cls, told: dict[str, Any], sent: float) -> Session:
        return cls(
            id=told["session"],
            beat_every_s=told["beat_every_ms"] / 1000,
            lease_s=told["lease_ms"] / 1000,
            wait_ms_max=told["wait_ms_max"],
            inline_max=told["inline_max"],
            renewed=sent,
        )

    def renew(self, sent: float) -> None:
        self.renewed = max(self.renewed, sent)

    @property
    def silent_s(self) -> float:
        return clock() - self.renewed

    @property
    def is_doubtful(self) -> bool:
        """Three quarters of the lease without a beat: what runs may be somebody else's soon."""
        return self.silent_s > 0.75 * self.lease_s
