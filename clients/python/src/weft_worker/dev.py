"""`weft-worker dev`: the worker in a process of its own, begun anew when a Python file changes.

Must not be used where work is real: what runs during a change is given back.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

log = logging.getLogger("weft_worker")

_LOOK_EVERY_S = 0.5
_IGNORED = {".git", ".venv", "venv", "node_modules", "__pycache__", "site-packages"}


def watch(arguments: list[str], folder: Path) -> int:
    """Runs `weft-worker run ARGUMENTS` until it is interrupted."""
    command = [sys.executable, "-m", "weft_worker", "run", *arguments]
    # The child is ended by this process, not by the terminal's Ctrl-C beside it.
    child = subprocess.Popen(command, start_new_session=True)
    seen = times(folder)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            time.sleep(_LOOK_EVERY_S)
            now = times(folder)
            if now == seen:
                continue
            changed = sorted(
                str(path.relative_to(folder)) for path in now.keys() | seen.keys() if now.get(path) != seen.get(path)
            )
            log.info("%s changed: the worker begins anew", ", ".join(changed[:3]))
            seen = now
            _end(child)
            child = subprocess.Popen(command, start_new_session=True)
    except KeyboardInterrupt:
        _end(child)
        return 0


def times(folder: Path) -> dict[Path, int]:
    """When each Python file below the folder was written."""
    found: dict[Path, int] = {}
    waiting = [folder]
    while waiting:
        try:
            entries = list(waiting.pop().iterdir())
        except OSError:
            continue
        for entry in entries:
            if entry.name in _IGNORED:
                continue
            if entry.is_dir() and not entry.is_symlink():
                waiting.append(entry)
            elif entry.suffix == ".py":
                try:
                    found[entry] = entry.stat().st_mtime_ns
                except FileNotFoundError:
                    continue
    return found


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
