"""What an attempt told and no beat has carried yet: text, lines, how far it is, a checkpoint.

Must stay bounded whatever the agent does: what is too much is dropped, and that it was is said.
"""

from __future__ import annotations

import datetime
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from .context import Level

MAX_DELTAS = 64 * 1024
MAX_LOGS = 256 * 1024
_MAX_LINES = 1000
#: Bytes of a line, as the server has it.
_MAX_LINE = 8 * 1024


def clean(text: str) -> str:
    """Half a character would make the whole message unreadable; of two that came one by one there is one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def shortened(line: str) -> str:
    """Its beginning and its end where it is too long for a line: a traceback says at its end what happened."""
    if len(line) * 4 <= _MAX_LINE or len(data := line.encode()) <= _MAX_LINE:
        return line
    half = _MAX_LINE // 2 - 64
    left_out = len(data) - 2 * half
    begin, end = (part.decode(errors="ignore") for part in (data[:half], data[-half:]))
    return f"{begin}\n… {left_out} bytes are left out here …\n{end}"


class Stored:
    """Whether the server has a checkpoint, for whoever waits for it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.refusal: str | None = None

    def set(self, refusal: str | None = None) -> None:
        self.refusal = refusal
        self.done.set()


def local_time() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


class Buffers:
    """Of one attempt. `wake` is called when there is something to carry; `now` is the server's time."""

    def __init__(self, wake: Callable[[], None], now: Callable[[], datetime.datetime] = local_time) -> None:
        self._wake = wake
        self._now = now
        self._lock = threading.Lock()
        self._deltas: dict[str, list[str]] = {}
        self._n_delta_chars = 0
        self._is_cut = False
        self._logs: deque[dict[str, str]] = deque()
        self._log_size = 0
        self._n_dropped = 0
        self._are_logs_on_their_way = False
        self._progress: dict[str, Any] | None = None
        self._checkpoint: tuple[Any, list[Stored]] | None = None

    def delta(self, output: str, text: str) -> None:
        output = clean(output)
        with self._lock:
            if self._n_delta_chars + len(text) > MAX_DELTAS // 4:
                # Too fast to be read: the artifact will have it, here stands an ellipsis.
                if not self._is_cut:
                    self._is_cut = True
                    self._deltas.setdefault(output, []).append(" … ")
                return
            self._deltas.setdefault(output, []).append(text)
            self._n_delta_chars += len(text)
        self._wake()

    def log(self, level: Level, text: str) -> None:
        line = {"at": self._stamp(), "level": level, "text": shortened(clean(text))}
        with self._lock:
            self._logs.append(line)
            self._log_size += len(line["text"])
            self._drop_logs()
        self._wake()

    def progress(self, done: int, total: int | None, note: str) -> None:
        with self._lock:
            told: dict[str, Any] = {"done": done, "note": clean(note)}
            self._progress = told if total is None else {**told, "total": total}
        self._wake()

    def checkpoint(self, value: Any) -> Stored:
        """Is set once the server has it."""
        stored = Stored()
        with self._lock:
            # Two threads of an agent may keep something: the newest is stored, and both are told.
            waiting = self._checkpoint[1] if self._checkpoint is not None else []
            self._checkpoint = (value, [*waiting, stored])
        self._wake()
        return stored

    def is_empty(self) -> bool:
        with self._lock:
            has_text = bool(self._deltas or self._logs or self._n_dropped)
            return not has_text and self._progress is None and self._checkpoint is None

    @property
    def owes_logs(self) -> bool:
        """Lines that the server does not have yet: they are lost once the attempt is over."""
        with self._lock:
            return bool(self._logs) or self._are_logs_on_their_way

    def take(self) -> tuple[dict[str, Any], list[Stored]]:
        """What a beat carries now, and who waits for its answer."""
        told: dict[str, Any] = {}
        with self._lock:
            if self._deltas:
                told["deltas"] = [{"output": name, "text": clean("".join(each))} for name, each in self._deltas.items()]
            if self._n_dropped:
                text = f"{self._n_dropped} lines were dropped here: they came faster than they could be sent"
                told["logs"] = [{"at": self._stamp(), "level": "warning", "text": text}]
            if self._logs:
                told["logs"] = [*told.get("logs", []), *self._logs]
            if self._progress is not None:
                told["progress"] = self._progress
            waiting: list[Stored] = []
            if self._checkpoint is not None:
                told["checkpoint"], waiting = self._checkpoint
            self._are_logs_on_their_way = bool(self._logs)
            self._deltas, self._n_delta_chars, self._is_cut = {}, 0, False
            self._logs, self._log_size, self._n_dropped = deque(), 0, 0
            self._progress = self._checkpoint = None
        return told, waiting

    def answered(self) -> None:
        with self._lock:
            self._are_logs_on_their_way = False

    def give_back(self, told: dict[str, Any], waiting: list[Stored]) -> None:
        """A beat whose answer was lost: text would be shown twice, the rest is sent again."""
        with self._lock:
            self._are_logs_on_their_way = False
            for line in reversed(told.get("logs", [])):
                self._logs.appendleft(line)
                self._log_size += len(line["text"])
            self._drop_logs()
            if self._progress is None:
                self._progress = told.get("progress")
            if waiting:
                value, newer = self._checkpoint or (told["checkpoint"], [])
                self._checkpoint = (value, [*waiting, *newer])
        self._wake()

    def _drop_logs(self) -> None:
        while len(self._logs) > _MAX_LINES or self._log_size > MAX_LOGS // 4:
            self._log_size -= len(self._logs.popleft()["text"])
            self._n_dropped += 1

    def _stamp(self) -> str:
        return self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
