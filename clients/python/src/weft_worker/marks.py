"""What stands around a type in a hint: `Annotated` with a `Port`, and `| None`.

Must know nothing of schemas or values.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin


@dataclass(frozen=True)
class Port:
    """What a port says besides its type: `text: Annotated[str, Port(title="Text", format="multiline")]`."""

    title: str = ""
    description: str = ""
    format: str = ""


def bare(hint: Any) -> tuple[Any, Port | None]:
    """The hint without `Annotated`, and what its `Port` says."""
    port = None
    while get_origin(hint) is typing.Annotated:
        hint, *extra = get_args(hint)
        port = next((each for each in extra if isinstance(each, Port)), port)
    return hint, port


def without_none(hint: Any) -> tuple[Any, bool]:
    """`T` and True for `T | None`."""
    hint, _ = bare(hint)
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [each for each in get_args(hint) if each is not type(None)]
        if len(kinds) < len(get_args(hint)):
            return (kinds[0] if len(kinds) == 1 else Union[tuple(kinds)]), True  # noqa: UP007
    return hint, False
