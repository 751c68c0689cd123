"""What a worker did, as numbers for `/metrics`.

Must hold no value that grows with time but for counters: labels are agents and outcomes only.
"""

from __future__ import annotations

import threading
from collections import Counter


class Stats:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: Counter[tuple[str, str]] = Counter()
        self._seconds: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._events: Counter[str] = Counter()

    def task(self, agent: str, outcome: str, seconds: float) -> None:
        with self._lock:
            self._tasks[agent, outcome] += 1
            self._ended[agent] += 1
            self._seconds[agent] += seconds  # type: ignore[assignment]

    def event(self, name: str) -> None:
        with self._lock:
            self._events[name] += 1

    def count(self, name: str) -> int:
        with self._lock:
            return self._events[name]

    def lines(self) -> list[str]:
        """In Prometheus' text format."""
        with self._lock:
            told = ["# TYPE weft_worker_tasks_total counter"]
            for (agent, outcome), n in sorted(self._tasks.items()):
                told.append(f'weft_worker_tasks_total{{agent="{agent}",outcome="{outcome}"}} {n}')
            told.append("# TYPE weft_worker_task_seconds summary")
            for agent, n in sorted(self._ended.items()):
                told.append(f'weft_worker_task_seconds_sum{{agent="{agent}"}} {self._seconds[agent]:.3f}')
                told.append(f'weft_worker_task_seconds_count{{agent="{agent}"}} {n}')
            for name in ("beats", "failed_beats", "sessions", "lost_sessions"):
                told += [
                    f"# TYPE weft_worker_{name}_total counter",
                    f"weft_worker_{name}_total {self._events[name]}",
                ]
            return told
