"""Runs agents in processes of their own, for work that would not let other threads of Python run.

Must never hold more than one attempt in a process, and must answer for a process that died.
"""

from __future__ import annotations

import logging
import multiprocessing
import queue
import threading
from multiprocessing.context import SpawnProcess
from typing import Any

from . import pipes
from .buffers import Stored
from .child import serve
from .execute import Result
from .family import end_group
from .options import Options
from .running import Running
from .session import clock

log = logging.getLogger("weft_worker")

#: So long may an attempt go on that was asked to stop; then its process is ended.
_KILL_AFTER_S = 10.0
_LOOK_EVERY_S = 0.2


class Processes:
    """As many processes as were asked for, each made when it is first needed."""

    def __init__(self, n: int, target: str, options: Options) -> None:
        self._target = target
        self._options = options
        self._free: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        self._all: set[_Process] = set()
        for _ in range(n):
            self._free.put(None)

    def run(self, running: Running) -> Result | None:
        process = self._free.get()
        try:
            if process is None or not process.is_alive:
                if process is not None:
                    process.kill()
                    self._all.discard(process)
                process = _Process(self._target, self._options)
                self._all.add(process)
            return process.run(running)
        finally:
            if process is not None and not process.is_alive:
                self._all.discard(process)
            self._free.put(process)

    def close(self) -> None:
        for process in list(self._all):
            process.kill()


class _Process:
    def __init__(self, target: str, options: Options) -> None:
        # Forking a process that has threads copies their locks as they are: spawned it is.
        spawned = multiprocessing.get_context("spawn")
        self._ours, theirs = spawned.Pipe()
        self._sending = threading.Lock()
        self._has_group = True
        args = (theirs, target, options.url, options.token)
        self._process: SpawnProcess = spawned.Process(target=serve, args=args, daemon=True)
        self._process.start()
        theirs.close()

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        """With all that its agents started. Those once: later on their number may be that of somebody else's group."""
        if self._has_group and self._process.pid is not None:
            self._has_group = False
            end_group(self._process.pid)
        # It may not lead its group yet.
        self._process.kill()
        self._process.join(5)

    def run(self, running: Running) -> Result | None:
        kill_at: float | None = None
        waiting: Stored | None = None
        told_cancel = False
        try:
            self._send("task", (running.task, running.session.id, running.session.inline_max))
            while True:
                if running.cancelled and not told_cancel:
                    told_cancel, kill_at = True, clock() + _KILL_AFTER_S
                    self._send("cancel", running.cancelled.why)
                if kill_at is not None and clock() > kill_at:
                    return self._killed(running)
                if waiting is not None and waiting.done.is_set():
                    self._send("stored", waiting.refusal)
                    waiting = None
                if not self._ours.poll(_LOOK_EVERY_S if waiting is None else 0.02):
                    # What it forked holds the other end of the pipe, and says nothing.
                    if not self.is_alive and not self._ours.poll(0):
                        return self._died(running)
                    continue
                kind, value = pipes.receive(self._ours)
                if kind == "done":
                    result: Result | None = value
                    return result
                waiting = _take_in(running, value) or waiting
        except (EOFError, OSError):
            return self._died(running)
        except BaseException:
            # What it says from now on would be taken for the words of another attempt.
            self.kill()
            raise

    def _send(self, kind: str, value: Any) -> None:
        with self._sending:
            pipes.send(self._ours, kind, value)

    def _killed(self, running: Running) -> Result | None:
        log.warning("%s did not stop when asked: its process is ended", running.agent.id)
        self.kill()
        outcomes: dict[str, Result] = {
            "cancel": {"outcome": "cancelled"},
            "timeout": {"outcome": "cancelled"},
        }
        return outcomes.get(running.cancelled.why or "")

    def _died(self, running: Running) -> Result:
        self.kill()
        code = self._process.exitcode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with {code}"
        log.error("the process of %s ended %s", running.agent.id, how)
        return {"outcome": "failed", "error": {"class": "server", "message": f"Its process ended {how}"}}


def _take_in(running: Running, told: dict[str, Any]) -> Stored | None:
    for delta in told.get("deltas", []):
        running.delta(delta["output"], delta["text"])
    for line in told.get("logs", []):
        running.log(line["level"], line["text"])
    if "progress" in told:
        progress = told["progress"]
        running.progress(progress["done"], progress.get("total"), progress["note"])
    return running.buffers.checkpoint(told["checkpoint"]) if "checkpoint" in told else None
