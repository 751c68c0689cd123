"""Redis and Celery workers as the tests start them, with nothing kept on disk.

Must never touch a Redis that it did not start.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import redis

from weft import lines, wait_for

AGENTS = ("cy-shout", "cy-key", "cy-draft", "cy-wait", "cy-die", "cy-fail", "cy-retry", "cy-unknown")


def n_began(path: Path) -> int:
    return sum(line.startswith("began") for line in lines(path))


class Redis:
    """Forgets all when it is restarted, as one without persistence does."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = tempfile.mkdtemp(prefix="weft-redis-")
        self.client = redis.Redis.from_url(self.url, decode_responses=True)
        self.start()

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no", "--dir", self._folder]
        self._server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for(self._answers, 20, "Redis answers")

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.exceptions.ConnectionError:
            return False

    def stop(self) -> None:
        self._server.kill()
        self._server.wait()

    def forget_result(self, task_id: str) -> None:
        self.client.delete(f"celery-task-meta-{task_id}")

    def results(self) -> list[str]:
        found = self.client.keys("celery-task-meta-*")
        assert isinstance(found, list)
        return sorted(str(each).removeprefix("celery-task-meta-") for each in found)


class CeleryWorker:
    def __init__(self, redis_url: str, *, pool: str = "prefork", slots: int = 2, visibility_s: int = 3600) -> None:
        env = {**os.environ, "TEST_REDIS_URL": redis_url, "TEST_VISIBILITY_S": str(visibility_s)}
        command = [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "-l", "info", "-P", pool]
        self._process = subprocess.Popen(
            [*command, "-c", str(slots), "-n", f"w{id(self)}@%h"],
            cwd=Path(__file__).parent,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.says(" ready.")

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.append(line)

    @property
    def log(self) -> str:
        return "".join(self._lines)

    def says(self, text: str, within_s: float = 40) -> None:
        wait_for(lambda: text in self.log, within_s, lambda: f"Celery says {text!r}:\n{self.log}")

    def kill(self) -> None:
        """The worker and the processes of its pool."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
