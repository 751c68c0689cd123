"""Requests to the server: one pool of kept connections, a proxy where the environment names one, bytes as streams.

Must never repeat anything by itself, and must never log the token.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from . import contents

ROOT = "/api/worker/v1"
_CONNECT_S = 10.0
_CONTENT_S = 120.0


class Unreachable(Exception):
    """Nobody knows whether the request was done."""


class BadUrl(Exception):
    """The server's address is none."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    retry_after_s: float | None

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

    def send(self, method: str, path: str, body: Any = None, *, wait_s: float = 0.0) -> Answer:
        """`wait_s` is for how long the server may hold the answer."""
        headers, data = dict(self._headers), None
        if body is not None:
            headers["content-type"] = "application/json"
            data = contents.to_json(body)
        response = self._request(method, path, headers, data, wait_s + 15.0)
        return _answer(response)

    def put(self, path: str, content: contents.Content) -> Answer:
        headers = {
            **self._headers,
            "content-type": "application/octet-stream",
            "content-length": str(content.size),
        }
        with content.open() as stream:
            return _answer(self._request("PUT", path, headers, _chunks(stream), _CONTENT_S))

    def get(self, path: str) -> tuple[Answer, BinaryIO | None]:
        """The bytes as they come, where the status is 200."""
        response = self._request("GET", path, dict(self._headers), None, _CONTENT_S, is_stream=True)
        if response.status != 200:
            return _answer(response), None
        # Else it closes itself at its end, and the reader around it takes that for a mistake.
        if isinstance(response, urllib3.HTTPResponse):
            response.auto_close = False
        return Answer(200, None, None), cast(BinaryIO, response)

    def close(self) -> None:
        self._pool.clear()

    def _request(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes | Iterator[bytes] | None,
        read_s: float,
        *,
        is_stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(
                method,
                f"{self.url}{path}",
                headers=headers,
                body=body,
                timeout=urllib3.Timeout(connect=_CONNECT_S, read=read_s),
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
    return Answer(response.status, body, _seconds(after) if after else None)


def _seconds(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        return None


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(contents.CHUNK):
        yield chunk


def _why(error: BaseException) -> str:
    """Of an error that wraps another only the innermost says something."""
    reason = getattr(error, "reason", None)
    text = str(reason if reason is not None else error)
    return text.rsplit(": ", 1)[-1] or type(error).__name__
