"""A file as a port carries it: the hash of its bytes, and what it is.

Must never hold the bytes: `ctx.open(file)` reads them, `ctx.file(...)` sends some.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SCHEMA: dict[str, Any] = {"type": "object", "format": "file"}


@dataclass(frozen=True)
class File:
    """`{"blob", "media_type", "name", "size"}`."""

    blob: str
    media_type: str
    name: str
    size: int

    def to_json(self) -> dict[str, Any]:
        return {"blob": self.blob, "media_type": self.media_type, "name": self.name, "size": self.size}

    @classmethod
    def from_json(cls, value: object) -> File:
        if not isinstance(value, dict) or not isinstance(value.get("blob"), str):
            raise ValueError("must be a file: an object with blob, media_type, name and size")
        size = value.get("size")
        return cls(
            blob=value["blob"],
            media_type=str(value.get("media_type", "application/octet-stream")),
            name=str(value.get("name", "")),
            size=size if isinstance(size, int) else 0,
        )
