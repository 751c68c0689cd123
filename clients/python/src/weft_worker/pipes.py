"""Messages between the worker and its processes: a word and a value, as JSON.

Must never carry objects. What an agent returns may look like a text and hold a whole document, or be of a type that
the other side does not have; and what cannot be read there would be taken for the next attempt's.
"""

from __future__ import annotations

import json
from multiprocessing.connection import Connection
from typing import Any


def send(pipe: Connection, kind: str, value: Any) -> None:
    # Numbers too large for a double are infinite here; they pass as what they are.
    pipe.send_bytes(json.dumps([kind, value]).encode())


def receive(pipe: Connection) -> tuple[str, Any]:
    kind, value = json.loads(pipe.recv_bytes())
    return kind, value
