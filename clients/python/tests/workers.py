"""A worker as a process of its own, as people run it.

Must never be ended by name: only the processes that were started here.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

from weft import wait_for


class WorkerProcess:
    def __init__(self, url: str, token: str, *arguments: str, target: str = "agents:app", health: bool = False) -> None:
        extra = ["--health", "127.0.0.1:0"] if health else []
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        env = {**kept, "WEFT_URL": url, "WEFT_WORKER_TOKEN": token, "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "weft_worker", "run", target, *extra, *arguments],
            cwd=Path(__file__).parent,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.append(line)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return "".join(self._lines)

    def says(self, text: str, within_s: float = 30) -> None:
        wait_for(lambda: text in self.log, within_s, lambda: f"the worker says {text!r}:\n{self.log}")

    def health_url(self) -> str:
        self.says("health is at")
        found = re.search(r"health is at (http://\S+)/health", self.log)
        assert found is not None
        return found[1]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.health_url() + path, timeout=10) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def ended(self, within_s: float = 30) -> int:
        return self._process.wait(within_s)

    def close(self) -> None:
        if self._process.poll() is None:
            # One that was stopped hears nothing else.
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(0.7)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(8)
            except subprocess.TimeoutExpired:
                self.kill()
