"""Requests to the server: one pool of kept connections, a proxy where the environment names one, bytes as streams.

Must never repeat anything by itself, and must never log the token.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from . import contents

ROOT = "/api/worker/v1"
_CONNECT_S = 10.0
_ANSWER_S = 15.0
_CONTENT = urllib3.Timeout(connect=_CONNECT_S, read=120.0)


class Unreachable(Exception):
    """Nobody knows whether the request was done."""


class BadUrl(Exception):
    """The server's address is none."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    retry_after_s: float | None
    location: str = ""

    @property
    def sentence(self) -> str:
        """The server's own words."""
        told = self.body if isinstance(self.body, dict) else {}
        words = told.get("detail") or told.get("title")
        return str(words) if words else f"the server answered {self.status}"

    @property
    def code(self) -> str:
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""


class Transport:
    """Speaks to one server with one token; may be used by any number of threads."""

    def __init__(self, url: str, token: str, *, agent: str, connections: int = 16) -> None:
        self.url = checked(url)
        self._token = token
        self._headers = {"authorization": f"Bearer {token}", "user-agent": agent}
        self._pool = _pool(self.url, connections)

    def send(
        self, method: str, path: str, body: Any = None, *, hold_s: float = 0.0, patience_s: float = _ANSWER_S
    ) -> Answer:
        """`hold_s` is for how long the server may hold the answer, `patience_s` for how much longer it may take."""
        headers, data = dict(self._headers), None
        if body is not None:
            headers["content-type"] = "application/json"
            data = contents.to_json(body)
        limits = urllib3.Timeout(connect=min(_CONNECT_S, patience_s), read=hold_s + patience_s)
        return _answer(self._request(method, path, headers, data, limits))

    def put(self, path: str, content: contents.Content) -> Answer:
        headers = {**self._headers, "content-type": "application/octet-stream", "content-length": str(content.size)}
        with content.open() as stream:
            return _answer(self._request("PUT", path, headers, contents.chunks(content, stream), _CONTENT))

    def get(self, path: str, start: int = 0) -> tuple[Answer, urllib3.BaseHTTPResponse | None]:
        """The bytes as they come, from that one on, where there are any."""
        headers = {**self._headers, "range": f"bytes={start}-"} if start else dict(self._headers)
        response = self._request("GET", path, headers, None, _CONTENT, is_stream=True)
        if response.status != (206 if start else 200):
            return _answer(response), None
        return Answer(response.status, None, None), response

    def close(self) -> None:
        self._pool.clear()

    def _request(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes | Iterator[bytes] | None,
        limits: urllib3.Timeout,
        *,
        is_stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(
                method,
                f"{self.url}{path}",
                headers=headers,
                body=body,
                timeout=limits,
                retries=False,
                redirect=False,
                preload_content=not is_stream,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(_why(error)) from error


def checked(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadUrl(f"{url!r} is no address of a server: write http:// or https://, a host and perhaps a port")
    if parts.path.strip("/") or parts.query:
        raise BadUrl(f"{url!r} has a path: give the server's address alone, such as https://weft.example.org")
    if parts.username is not None or parts.password is not None:
        raise BadUrl("the address has a user or a password in it: a worker has a token instead, WEFT_WORKER_TOKEN")
    return f"{parts.scheme}://{parts.netloc}"


def _pool(url: str, connections: int) -> urllib3.PoolManager:
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if proxy is None or proxy_bypass(parts.netloc):
        return urllib3.PoolManager(maxsize=connections)
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    account = urlsplit(proxy)
    if account.scheme not in ("http", "https"):
        raise BadUrl(f"the proxy {account.scheme}://{account.hostname} cannot be used: only http and https ones")
    login = f"{account.username}:{account.password or ''}" if account.username else None
    headers = urllib3.make_headers(proxy_basic_auth=login) if login else None
    return urllib3.ProxyManager(proxy, maxsize=connections, proxy_headers=headers)


def _answer(response: urllib3.BaseHTTPResponse) -> Answer:
    try:
        data = response.data
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unreachable(_why(error)) from error
    try:
        body = json.loads(data) if data else None
    except ValueError as error:
        if response.status < 400:
            # Half an answer, or something between that answers in the server's place.
            raise Unreachable("the answer is no JSON") from error
        body = None
    after = response.headers.get("retry-after")
    return Answer(response.status, body, _seconds(after) if after else None, response.headers.get("location", ""))


def _seconds(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        return None


def _why(error: BaseException) -> str:
    """Of an error that wraps another only the innermost says something."""
    reason = getattr(error, "reason", None)
    text = str(reason if reason is not None else error)
    return text.rsplit(": ", 1)[-1] or type(error).__name__
