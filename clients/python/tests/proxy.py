"""Stands between a worker and the server, and does to connections what networks do.

Must change nothing of what passes: it only loses, cuts and delays.
"""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Proxy:
    """`lose` drops answers after the work was done, `cut` drops requests; both by the last word of the route."""

    def __init__(self, upstream: str, *, idle_s: float = 90.0) -> None:
        parts = urlsplit(upstream)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._lose: Counter[str] = Counter()
        self._cut: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.n_cut_idle = 0
        self.is_down = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        # Connections that are cut are what this is for.
        self._server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def lose(self, route: str, n: int = 1) -> None:
        with self._lock:
            self._lose[route] += n

    def cut(self, route: str, n: int = 1) -> None:
        with self._lock:
            self._cut[route] += n

    def n_left(self, route: str) -> int:
        with self._lock:
            return self._lose[route] + self._cut[route]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _is_due(self, which: Counter[str], route: str) -> bool:
        with self._lock:
            if which[route] <= 0:
                return False
            which[route] -= 1
            return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                route = self.path.rsplit("/", 1)[-1]
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                with proxy._lock:
                    proxy.seen[route] += 1
                if proxy.is_down or proxy._is_due(proxy._cut, route):
                    self.close_connection = True
                    return
                upstream = http.client.HTTPConnection(proxy._host, proxy._port, timeout=proxy._idle_s)
                try:
                    kept = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                    upstream.request(self.command, self.path, body, kept)
                    answer = upstream.getresponse()
                    data = answer.read()
                except TimeoutError:
                    proxy.n_cut_idle += 1
                    self.close_connection = True
                    return
                except OSError:
                    self.close_connection = True
                    return
                finally:
                    upstream.close()
                if proxy.is_down or proxy._is_due(proxy._lose, route):
                    self.close_connection = True
                    return
                try:
                    self.pass_on(answer, data)
                except OSError:
                    # Who asked is gone.
                    self.close_connection = True

            def pass_on(self, answer: http.client.HTTPResponse, data: bytes) -> None:
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                        self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler
