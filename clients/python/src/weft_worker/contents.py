"""Bytes by their hash: values that are too large for a message, and files.

Must never read a whole file into memory.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from .errors import BadOutput

CHUNK = 1024 * 1024


class Changed(Exception):
    """A file is not what it was when its hash was taken."""


@dataclass(frozen=True)
class Content:
    """Something that can be opened as often as a request has to be repeated."""

    sha256: str
    size: int
    open: Callable[[], BinaryIO]


def of_bytes(data: bytes) -> Content:
    return Content(hashlib.sha256(data).hexdigest(), len(data), lambda: io.BytesIO(data))


def of_path(path: Path) -> Content:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return Content(digest.hexdigest(), size, lambda: path.open("rb"))


def chunks(content: Content, stream: BinaryIO) -> Iterator[bytes]:
    """As many bytes as were announced, however much the file grew since; `Changed` where there are fewer."""
    left = content.size
    while left:
        chunk = stream.read(min(CHUNK, left))
        if not chunk:
            raise Changed("the file was cut short while it was sent")
        left -= len(chunk)
        yield chunk


def to_json(value: Any) -> bytes:
    """A `ValueError` for what JSON has no word for, such as NaN."""
    return encoded(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


def encoded(text: str) -> bytes:
    """UTF-8. The two halves of a character that came one by one are one again; a `ValueError` for a half alone."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        # The rare case: of whole characters nothing is looked at twice.
        units = text.encode("utf-16-le", "surrogatepass")
    try:
        return units.decode("utf-16-le").encode()
    except UnicodeDecodeError as error:
        raise ValueError(f"half of a character (a lone surrogate) is no text: character {error.start // 2}") from error


class Text:
    """Text that grows: in memory up to a megabyte, on disk beyond it."""

    def __init__(self) -> None:
        self._spool = tempfile.SpooledTemporaryFile(max_size=CHUNK)  # noqa: SIM115
        self._digest = hashlib.sha256()
        #: The first half of a character, whose other half may come next.
        self._half = ""
        self.size = 0
        self.is_used = False

    def append(self, text: str) -> None:
        text, self._half = self._half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        try:
            data = encoded(text)
        except ValueError as error:
            raise BadOutput(f"What was streamed does not fit: {error}") from error
        self._spool.write(data)
        self._digest.update(data)
        self.size += len(data)
        self.is_used = True

    def end(self) -> None:
        """Nothing more comes."""
        if self._half:
            raise BadOutput("What was streamed does not fit: it ends with half of a character (a lone surrogate)")

    def read(self) -> str:
        self._spool.seek(0)
        return self._spool.read().decode()

    def content(self) -> Content:
        return Content(self._digest.hexdigest(), self.size, self._rewound)

    def close(self) -> None:
        self._spool.close()

    def _rewound(self) -> BinaryIO:
        self._spool.seek(0)
        return cast(BinaryIO, _Kept(self._spool))


class _Kept(io.RawIOBase):
    """A reader whose end does not close what it reads: it may be sent again."""

    def __init__(self, inner: tempfile.SpooledTemporaryFile[bytes]) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(size)
