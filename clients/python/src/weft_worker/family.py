"""The group of processes that an agent's process leads, so that what it started ends with it.

Must never end a process that is not of such a group. Who leaves the group, as daemons do, is left alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def lead_a_group() -> None:
    """From now on this process and whatever it starts are one group."""
    if sys.platform != "win32":
        os.setpgid(0, 0)


def end_group(leader: int) -> None:
    """At once, also where its leader is gone: its number is nobody else's while one of the group is there."""
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
