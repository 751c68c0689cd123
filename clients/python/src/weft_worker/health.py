"""`/health` and `/metrics` over HTTP, for whoever watches the process.

Must tell nothing of inputs, outputs or the token, and must answer while agents keep the processor busy.
"""

from __future__ import annotations

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .asyncs import AsyncRunner
from .runtime import Runtime

log = logging.getLogger("weft_worker")

#: So long may one step of an async agent hold up the others.
_BLOCKED_S = 5.0


class BadAddress(Exception):
    """Nobody can listen there."""


class Health:
    def __init__(self, runtime: Runtime, asyncs: AsyncRunner) -> None:
        self._runtime = runtime
        self._asyncs = asyncs

    def problem(self) -> str | None:
        """What is wrong, in a sentence; none where all is well."""
        session = self._runtime.session
        if self._runtime.refusal is not None:
            return self._runtime.refusal
        if session is None:
            return "There is no session: the server was not reached yet, or ended it"
        if session.silent_s > session.lease_s:
            return f"No beat succeeded for {session.silent_s:.0f} s"
        blocked_s = self._asyncs.blocked_s()
        if blocked_s > _BLOCKED_S:
            return f"An async agent blocks the event loop for {blocked_s:.0f} s: call what blocks in a thread"
        return None

    def state(self) -> dict[str, object]:
        session = self._runtime.session
        problem = self.problem()
        return {
            "status": "ok" if problem is None else "failing",
            "problem": problem,
            "session": session.id if session is not None else None,
            "state": session.state if session is not None else None,
            "draining": self._runtime.is_draining,
            "running": self._runtime.n_running,
            "slots": self._runtime.options.slots,
        }

    def metrics(self) -> str:
        runtime = self._runtime
        session = runtime.session
        lines = [
            "# TYPE weft_worker_slots gauge",
            f"weft_worker_slots {runtime.options.slots}",
            "# TYPE weft_worker_slots_used gauge",
            f"weft_worker_slots_used {runtime.n_running}",
            "# TYPE weft_worker_healthy gauge",
            f"weft_worker_healthy {int(self.problem() is None)}",
        ]
        if session is not None:
            lines += [
                "# TYPE weft_worker_last_beat_seconds gauge",
                f"weft_worker_last_beat_seconds {session.silent_s:.3f}",
            ]
        return "\n".join([*lines, *runtime.stats.lines(), ""])


def serve(health: Health, host: str, port: int) -> ThreadingHTTPServer:
    """In a thread; the port that 0 became is the server's own."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            if self.path == "/health":
                state = health.state()
                self._answer(200 if state["status"] == "ok" else 503, "application/json", json.dumps(state))
            elif self.path == "/metrics":
                self._answer(200, "text/plain; version=0.0.4", health.metrics())
            else:
                self._answer(404, "text/plain", "There are /health and /metrics\n")

        def _answer(self, status: int, kind: str, text: str) -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            log.debug(format, *args)

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except (OSError, OverflowError) as error:
        raise BadAddress(f"--health {host}:{port} cannot be listened at: {error}") from error
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="weft-health", daemon=True).start()
    return server
