"""What a running agent may ask and tell: a parameter annotated `Context` gets one.

Must stay the same in every place where agents run (a thread, a process of its own, a test): those are `Link`s.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, get_args

from . import contents
from .cancellation import Cancellation
from .errors import Cancelled, Suspend
from .files import File

Level = Literal["debug", "info", "warning", "error"]

_LEVELS = get_args(Level)
_MAX_NOTE = 200
_MAX_NUMBER = 2**63 - 1
_MAX_CHECKPOINT = 16 * 1024


@dataclass(frozen=True)
class Feedback:
    """What a reviewer asked for when sending the step back."""

    round: int
    by: str
    text: str


@dataclass(frozen=True)
class Revision:
    """The last outputs by name, and what the reviewers wrote, the newest last. False where nothing was sent back."""

    outputs: Mapping[str, Any] = field(default_factory=dict)
    reviews: tuple[Feedback, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.reviews)

    @property
    def text(self) -> str:
        """What was asked last; empty if nothing was."""
        return self.reviews[-1].text if self.reviews else ""


@dataclass(frozen=True)
class Callback:
    """With the secret in the header `Weft-Callback`, whoever has it posts the result to the URL, once."""

    secret: str
    url: str
    expires_at: str
    suspend: Suspend


class Link(Protocol):
    """Where a context's words go."""

    def delta(self, output: str, text: str) -> None: ...
    def progress(self, done: int, total: int | None, note: str) -> None: ...
    def log(self, level: Level, text: str) -> None: ...
    def checkpoint(self, value: Any) -> None: ...
    def put(self, content: contents.Content) -> None: ...
    def get(self, blob: str) -> BinaryIO: ...
    def callback(self, within_s: float) -> tuple[str, str, str]: ...


current: contextvars.ContextVar[Context | None] = contextvars.ContextVar("weft_worker_context", default=None)


class Context:
    """One attempt, as its agent sees it."""

    def __init__(self, link: Link, task: Mapping[str, Any], main_output: str, cancelled: Cancellation) -> None:
        self._link = link
        self._main_output = main_output
        self._usage: dict[str, Any] = {}
        #: Set once nobody wants the result: `if ctx.cancelled: return`. An async agent is cancelled instead.
        self.cancelled = cancelled
        #: The same for every attempt of one generation: what is done outside under it is done once.
        self.idempotency_key: str = task["idempotency_key"]
        #: Where spans of the agent's own belong (W3C Trace Context): the run is the trace, this attempt the parent.
        self.traceparent: str | None = task.get("traceparent")
        self.attempt: int = task["attempt"]
        self.generation: int = task["generation"]
        self.run: str = task["run"]
        self.step: str = task["step"]
        self.item: str | None = task.get("item")
        #: A prompt that the step's author or the run puts in the place of the agent's own.
        self.prompt: str | None = task.get("prompt")
        #: What an earlier attempt of this generation left with `checkpoint`.
        self.last_checkpoint: Any = task.get("checkpoint")
        self.feedback = Revision()

    def stream(self, text: str, output: str | None = None) -> None:
        """Shows text on the run page as it comes. It is lossy: what is returned takes its place."""
        self.raise_if_cancelled()
        if text:
            self._link.delta(output or self._main_output, text)

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        """Shows how far it is: `ctx.progress(3, 10, "page 3")`."""
        self.raise_if_cancelled()
        done, total = int(done), None if total is None else int(total)
        if done < 0 or (total is not None and done > total) or max(done, total or 0) > _MAX_NUMBER:
            raise ValueError(f"progress of {done} out of {total}: done is from 0 to total")
        self._link.progress(done, total, note[:_MAX_NOTE])

    def log(self, text: object, level: Level = "info") -> None:
        """A line for the run page. `logging` inside the agent comes there too."""
        if level not in _LEVELS:
            raise ValueError(f"the level {level!r} is none of {', '.join(_LEVELS)}")
        self._link.log(level, str(text))

    def checkpoint(self, value: Any) -> None:
        """Keeps any JSON up to 16 KiB for the next attempt of this generation; stored when this returns."""
        self._about_to_wait("checkpoint")
        kept = contents.to_json(value)
        if len(kept) > _MAX_CHECKPOINT:
            raise ValueError(f"a checkpoint has up to 16 KiB, not {len(kept)} bytes; send a file and keep its name")
        # A copy, as it is now: other threads of the agent may go on with theirs while it is sent.
        self._link.checkpoint(json.loads(kept))
        self.raise_if_cancelled()

    def file(
        self,
        source: bytes | str | os.PathLike[str],
        media_type: str = "application/octet-stream",
        name: str = "",
    ) -> File:
        """Sends bytes, or a file by its path, and gives what a `File` output returns. A path is streamed."""
        self._about_to_wait("file")
        content = contents.of_bytes(source) if isinstance(source, bytes) else contents.of_path(Path(source))
        self._link.put(content)
        title = name or ("" if isinstance(source, bytes) else Path(source).name)
        return File(blob=content.sha256, media_type=media_type, name=title, size=content.size)

    def open(self, file: File) -> BinaryIO:
        """Reads a file that came as an input: `with ctx.open(scan) as stream: ...`."""
        self._about_to_wait("open")
        return self._link.get(file.blob)

    def usage(
        self,
        model: str | None = None,
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
        cost_micros: int | None = None,
    ) -> None:
        """What a language model took; several calls add up."""
        for count in (prompt_tokens, completion_tokens, cost_micros):
            if count is not None and (type(count) is not int or not 0 <= count <= _MAX_NUMBER):
                raise ValueError(f"usage is counted in whole numbers from 0, not {count!r}")
        if model is not None and not isinstance(model, str):
            raise ValueError(f"the model is named by a text, not {model!r}")
        told = self._usage
        if model is not None:
            told["model"] = model
        told["prompt_tokens"] = told.get("prompt_tokens", 0) + prompt_tokens
        told["completion_tokens"] = told.get("completion_tokens", 0) + completion_tokens
        if cost_micros is not None:
            told["cost_micros"] = told.get("cost_micros", 0) + cost_micros

    @property
    def used(self) -> dict[str, Any] | None:
        return self._usage or None

    def wait_for_callback(self, within_s: float) -> Callback:
        """A secret for somebody outside. Hand it on and `raise callback.suspend`: the attempt waits without a slot."""
        self._about_to_wait("wait_for_callback")
        secret, url, expires_at = self._link.callback(within_s)
        return Callback(secret=secret, url=url, expires_at=expires_at, suspend=Suspend(within_s))

    def raise_if_cancelled(self) -> None:
        if self.cancelled:
            raise Cancelled(self.cancelled.why or "cancel")

    def _about_to_wait(self, name: str) -> None:
        """All async agents of a process share one loop, which must not wait for the server."""
        self.raise_if_cancelled()
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise RuntimeError(
            f"ctx.{name} waits for the server: in an async agent, `await asyncio.to_thread(ctx.{name}, ...)`"
        )
