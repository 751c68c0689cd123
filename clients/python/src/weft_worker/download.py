"""Content as it is read: goes on where a connection was cut, and is what its hash says.

Must never hold more than a chunk of it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

import urllib3

from .errors import Temporary


class Download(io.RawIOBase):
    """`open_at(start)` asks for the bytes from there on, as often as it has to."""

    def __init__(self, sha256: str, open_at: Callable[[int], urllib3.BaseHTTPResponse]) -> None:
        self._sha256 = sha256
        self._open_at = open_at
        self._digest = hashlib.sha256()
        self._n_read = 0
        self._response: urllib3.BaseHTTPResponse | None = open_at(0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        n_failed = 0
        while True:
            response = self._response
            if response is None:
                return 0
            try:
                data = response.read(len(view))
            except (urllib3.exceptions.HTTPError, OSError):
                # Each connection that brought something is worth another one.
                response.close()
                n_failed += 1
                if n_failed > 5:
                    raise Temporary("the content cannot be read: each connection is cut") from None
                self._response = self._open_at(self._n_read)
                continue
            if data:
                self._digest.update(data)
                self._n_read += len(data)
                view[: len(data)] = data
                return len(data)
            response.release_conn()
            self._response = None
            if self._digest.hexdigest() != self._sha256:
                raise Temporary("the content is not what its hash says")

    def close(self) -> None:
        if self._response is not None:
            # What was not read to its end cannot be used for another request.
            self._response.close()
            self._response = None
        super().close()
