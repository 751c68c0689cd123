"""What a context asks of the server itself: content by its hash, and the secret of a callback.

Must give up once nobody wants the attempt any more, and must never do so before.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable
from typing import Any, BinaryIO

import urllib3

from . import contents
from .api import Api, Fenced, Gone, Rejected, repeated
from .cancellation import Cancellation
from .download import Download
from .errors import Cancelled, Permanent


class Calls:
    """Of one attempt; the same in a thread of the worker and in a process of its own."""

    def __init__(self, api: Api, session: str, token: str, cancelled: Cancellation) -> None:
        self._api = api
        self._session = session
        self.token = token
        self.cancelled = cancelled

    def put(self, content: contents.Content) -> None:
        self._asked(lambda: self._api.put(self._session, content))

    def get(self, blob: str) -> BinaryIO:
        def open_at(start: int) -> urllib3.BaseHTTPResponse:
            response: urllib3.BaseHTTPResponse = self._asked(lambda: self._api.get(self._session, blob, start))
            return response

        return io.BufferedReader(Download(blob, open_at), contents.CHUNK)

    def callback(self, within_s: float) -> tuple[str, str, str]:
        told = self._asked(lambda: self._api.callback(self._session, self.token, math.ceil(within_s)))
        url: str = told["url"]
        return (
            told["callback"],
            f"{self._api.transport.url}{url}" if url.startswith("/") else url,
            told["expires_at"],
        )

    def _asked(self, call: Callable[[], Any]) -> Any:
        try:
            told = repeated(call, self._sleep)
        except (Rejected, Fenced, contents.Changed) as error:
            raise Permanent(str(error)) from error
        except Gone as error:
            self.cancelled.set("lost")
            raise Cancelled("lost") from error
        if told is None:
            raise Cancelled(self.cancelled.why or "cancel")
        return told

    def _sleep(self, seconds: float) -> bool:
        """True once nobody waits any more. What a worker's end interrupts may still send what it finished."""
        if not self._is_stopping():
            return self.cancelled.wait(seconds) and not self._is_stopping()
        time.sleep(seconds)
        return False

    def _is_stopping(self) -> bool:
        return self.cancelled.why == "stop"
