"""One attempt of an agent without a server, for tests of the people who write agents.

Must not be used by the worker itself.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from . import check, contents, hints, values
from .agent import Agent
from .asyncs import AsyncRunner
from .cancellation import Cancellation
from .context import Level
from .errors import BadInput, Suspend
from .execute import execute
from .files import File
from .logs import capture

_INLINE_MAX = 65_536
_ASYNCS = AsyncRunner()


class Trial:
    """`Trial(agent, {"text": "..."}).outputs()`; afterwards `logs`, `progress` and `checkpoint` say what it told."""

    def __init__(
        self,
        agent: Agent[..., Any],
        inputs: Mapping[str, Any],
        *,
        feedback: str = "",
        last_outputs: Mapping[str, Any] | None = None,
        attempt: int = 1,
        checkpoint: Any = None,
        prompt: str | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        self.agent = agent
        self.cancelled = Cancellation()
        self.deltas: list[tuple[str, str]] = []
        self.logs: list[tuple[str, str]] = []
        self.progressed: list[tuple[int, int | None, str]] = []
        self.checkpoint_left: Any = None
        self.blobs: dict[str, bytes] = {}
        self._parts: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._result: dict[str, Any] | None = None
        self._error: BaseException | None = None
        given = {name: value for name, value in inputs.items() if value is not None}
        for name, data in (files or {}).items():
            given[name] = self.file(data, name=name)
        self._task = {
            "idempotency_key": f"test.{agent.id}.1",
            "run": "test",
            "step": agent.id,
            "item": None,
            "generation": 1,
            "attempt": attempt,
            "prompt": prompt,
            "checkpoint": checkpoint,
            "inputs": {name: self._wire(name, value) for name, value in given.items()},
            "revision": _revision(feedback, last_outputs),
        }

    def cancel(self) -> None:
        self.cancelled.set("cancel")

    def file(self, data: bytes, media_type: str = "application/octet-stream", name: str = "") -> File:
        content = contents.of_bytes(data)
        self.put(content)
        return File(blob=content.sha256, media_type=media_type, name=name, size=content.size)

    def stream(self) -> Iterator[str]:
        """What it streams, as it comes."""
        self._started()
        while (part := self._parts.get()) is not None:
            yield part

    def outputs(self) -> dict[str, Any]:
        """Waits for its end; raises what it raised, `Suspend` where it waits for a callback."""
        self._started().join()
        if self._error is not None:
            raise self._error
        result = self._result or {"outcome": "cancelled"}
        if result["outcome"] == "waiting":
            raise Suspend(result["resume_within_s"])
        return {name: values.read(wire, self.get) for name, wire in result.get("outputs", {}).items()}

    # The link

    def delta(self, output: str, text: str) -> None:
        self.deltas.append((output, text))
        self._parts.put(text)

    def progress(self, done: int, total: int | None, note: str) -> None:
        self.progressed.append((done, total, note))

    def log(self, level: Level, text: str) -> None:
        self.logs.append((level, text))

    def checkpoint(self, value: Any) -> None:
        self.checkpoint_left = value

    def put(self, content: contents.Content) -> None:
        with content.open() as stream:
            self.blobs[content.sha256] = stream.read()

    def get(self, blob: str) -> BinaryIO:
        if blob not in self.blobs:
            raise BadInput(f"no file {blob} was given to this test")
        return contents.of_bytes(self.blobs[blob]).open()

    def callback(self, within_s: float) -> tuple[str, str, str]:
        return "secret", "http://weft.invalid/api/worker/v1/callback", "2030-01-01T00:00:00Z"

    # Inside

    def _started(self) -> threading.Thread:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        return self._thread

    def _run(self) -> None:
        capture()
        try:
            self._result = execute(
                self.agent, self._task, self, self.cancelled, _ASYNCS, _INLINE_MAX, on_error=self._raised
            )
        finally:
            self._parts.put(None)

    def _raised(self, error: BaseException) -> None:
        self._error = error

    def _wire(self, name: str, value: Any) -> dict[str, Any]:
        if name not in self.agent.inputs:
            raise BadInput(f"{self.agent.id} has no input `{name}`: it has {', '.join(self.agent.inputs) or 'none'}")
        plain = hints.encode(value)
        found = check.faults(self.agent.inputs[name].schema, plain)
        if found:
            raise BadInput(f"The input `{name}` does not fit: {found[0]}")
        if isinstance(plain, str):
            return {"media_type": "text/plain", "text": plain}
        return {"media_type": "application/json", "value": plain}


def _revision(feedback: str, last_outputs: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not feedback:
        return None
    outputs = {}
    for name, value in (last_outputs or {}).items():
        plain = hints.encode(value)
        is_text = isinstance(plain, str)
        kind = "text/plain" if is_text else "application/json"
        outputs[name] = {"media_type": kind, "text" if is_text else "value": plain}
    return {"outputs": outputs, "feedback": [{"round": 1, "by": "reviewer@example.com", "text": feedback}]}
