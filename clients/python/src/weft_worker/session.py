"""A session as the server granted it, and how long it is since it was renewed.

Must go by a clock that goes on while the machine sleeps: a lease does too.
"""

from __future__ import annotations

import datetime
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
    #: What this machine's clock is behind the server's.
    behind: datetime.timedelta = datetime.timedelta()

    @classmethod
    def granted(cls, told: dict[str, Any], sent: float) -> Session:
        return cls(
            id=told["session"],
            beat_every_s=told["beat_every_ms"] / 1000,
            lease_s=told["lease_ms"] / 1000,
            wait_ms_max=told["wait_ms_max"],
            inline_max=told["inline_max"],
            renewed=sent,
            behind=_behind(told),
        )

    def renew(self, sent: float, told: dict[str, Any]) -> None:
        self.renewed = max(self.renewed, sent)
        # A held answer tells the time of its end, so any answer will do.
        self.behind = _behind(told)

    def now(self) -> datetime.datetime:
        """The server's time: its clock alone decides."""
        return datetime.datetime.now(datetime.timezone.utc) + self.behind

    @property
    def silent_s(self) -> float:
        return clock() - self.renewed

    @property
    def is_doubtful(self) -> bool:
        """Three quarters of the lease without a beat: what runs may be somebody else's soon."""
        return self.silent_s > 0.75 * self.lease_s


def _behind(told: dict[str, Any]) -> datetime.timedelta:
    server = datetime.datetime.fromisoformat(_short(told["server_time"]))
    return server - datetime.datetime.now(datetime.timezone.utc)


def _short(time: str) -> str:
    """Python 3.10 reads neither `Z` nor nanoseconds."""
    seconds, _, fraction = time.rstrip("Z").partition(".")
    return f"{seconds}.{(fraction + '000000')[:6]}+00:00"
