"""Type hints as port types: the schema of a hint, a JSON value read by it, and a value written by it.

Must stay within the subset of JSON Schema that ports have, and must name the hint that it cannot use when the agent
is defined, never when it runs.
"""

from __future__ import annotations

import datetime
import enum
import types
import typing
import uuid
from collections import abc
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin

from . import records
from .files import SCHEMA as FILE_SCHEMA
from .files import File
from .marks import bare, without_none

Schema = dict[str, Any]

_SCALARS: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    None: {"type": "null"},
}
#: Written as text, and read from it.
_TEXTS: dict[Any, Callable[[str], Any]] = {
    datetime.datetime: lambda text: datetime.datetime.fromisoformat(text.replace("Z", "+00:00")),
    datetime.date: datetime.date.fromisoformat,
    uuid.UUID: uuid.UUID,
}
_LISTS = (list, tuple, set, frozenset, abc.Sequence, abc.Iterable, abc.Collection)
_MAPS = (dict, abc.Mapping, abc.MutableMapping)


def schema_of(hint: Any, *, is_output: bool = False, inside: tuple[Any, ...] = ()) -> Schema:
    """The port type of a hint. A type that holds itself is an object of any kind where it recurs."""
    hint, port = bare(hint)
    schema = _schema_of(hint, is_output, inside)
    if port is not None:
        extra = {"description": port.description, "format": port.format}
        schema = {**schema, **{name: text for name, text in extra.items() if text}}
    return schema


def _schema_of(hint: Any, is_output: bool, inside: tuple[Any, ...]) -> Schema:
    origin, args = get_origin(hint), get_args(hint)
    if hint in (Any, object):
        return {}
    if isinstance(hint, typing.TypeVar):
        return {}
    if hint is File:
        return dict(FILE_SCHEMA)
    if isinstance(hint, typing.Hashable) and hint in _SCALARS:
        return dict(_SCALARS[hint])
    if hint in _TEXTS:
        return {"type": "string"}
    if origin is Literal:
        return _choice(list(args))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _choice([member.value for member in hint])
    if origin in (Union, types.UnionType):
        return _any_of([schema_of(each, is_output=is_output, inside=inside) for each in args])
    if hint in _LISTS or origin in _LISTS:
        items = schema_of(args[0], is_output=is_output, inside=inside) if args else {}
        is_mixed = origin is tuple and any(each not in (args[0], ...) for each in args)
        return {"type": "array"} if is_mixed or not items else {"type": "array", "items": items}
    if hint in _MAPS or origin in _MAPS:
        return {"type": "object"}
    if records.is_record(hint):
        if hint in inside:
            return {"type": "object"}
        return records.schema_of(
            hint, is_output, lambda part: schema_of(part, is_output=is_output, inside=(*inside, hint))
        )
    raise TypeError(
        f"{hint!r} is no port type; use str, int, float, bool, list, dict, Literal, an Enum, a dataclass, a TypedDict, "
        "a Pydantic model, File, or Any"
    )


def _choice(values: list[Any]) -> Schema:
    kinds = {type(value) for value in values}
    kind = _SCALARS.get(kinds.pop()) if len(kinds) == 1 else None
    return {**(kind or {}), "enum": values}


def _any_of(kinds: list[Schema]) -> Schema:
    """Ports have no unions: numbers of both kinds are numbers, anything else is of any type."""
    names = {kind.get("type") for kind in kinds}
    if len(kinds) == 1 or all(kind == kinds[0] for kind in kinds):
        return kinds[0]
    return {"type": "number"} if names == {"integer", "number"} else {}


def decode(hint: Any, value: Any, at: str = "") -> Any:
    """Reads a JSON value as the hint says; a `ValueError` names the place that does not fit."""
    hint, _ = bare(hint)
    origin, args = get_origin(hint), get_args(hint)
    if hint in (Any, object) or isinstance(hint, typing.TypeVar):
        return value
    if origin in (Union, types.UnionType):
        return _first_that_fits(args, value, at)
    if origin is Literal:
        if any(value == each and type(value) is type(each) for each in args):
            return value
        raise _wrong(at, f"must be one of {', '.join(map(repr, args))}")
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _told(at, hint, value)
    if hint is File:
        return _told(at, File.from_json, value)
    if hint in _TEXTS:
        if not isinstance(value, str):
            raise _wrong(at, "must be a text")
        return _told(at, _TEXTS[hint], value)
    if hint in _LISTS or origin in _LISTS:
        return _list(hint, origin, args, value, at)
    if hint in _MAPS or origin in _MAPS:
        if not isinstance(value, dict):
            raise _wrong(at, "must be an object")
        return {key: decode(args[1], part, f"{at}/{key}") for key, part in value.items()} if args else value
    if records.is_record(hint):
        return records.decode(hint, value, at, decode)
    return _scalar(hint, value, at)


def _first_that_fits(hints: tuple[Any, ...], value: Any, at: str) -> Any:
    if value is None and type(None) in hints:
        return None
    kinds = [each for each in hints if each is not type(None)]
    for each in kinds[:-1]:
        try:
            return decode(each, value, at)
        except ValueError:
            continue
    return decode(kinds[-1], value, at)


def _list(hint: Any, origin: Any, args: tuple[Any, ...], value: Any, at: str) -> Any:
    if not isinstance(value, list):
        raise _wrong(at, "must be a list")
    kind = origin or hint
    if kind is tuple and args and args[-1] is not ...:
        if len(value) != len(args):
            raise _wrong(at, f"must have {len(args)} items")
        return tuple(decode(part, each, f"{at}/{n}") for n, (part, each) in enumerate(zip(args, value, strict=True)))
    items = [decode(args[0], each, f"{at}/{n}") for n, each in enumerate(value)] if args else value
    return kind(items) if kind in (tuple, set, frozenset) else items


def _scalar(hint: Any, value: Any, at: str) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is float and is_number:
        return float(value)
    if hint is int and is_number and float(value).is_integer():
        return int(value)
    if hint in (None, type(None)) and value is None:
        return None
    if hint in (str, bool) and type(value) is hint:
        return value
    words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    raise _wrong(at, f"must be {words.get(hint, 'null')}")


def _told(at: str, read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except (ValueError, TypeError) as error:
        raise _wrong(at, str(error)) from error


def _wrong(at: str, fault: str) -> ValueError:
    return ValueError(f"{at}: {fault}" if at else fault)


def encode(value: Any, hint: Any = Any) -> Any:
    """A value as JSON. Fields that are None are left out of records: a property that may be missing has no null."""
    hint, _ = without_none(hint)
    if value is None or (isinstance(value, (str, bool, int, float)) and not isinstance(value, enum.Enum)):
        return value
    if isinstance(value, File):
        return value.to_json()
    if isinstance(value, enum.Enum):
        return encode(value.value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if records.is_record(type(value)):
        return records.encode(value, encode)
    if isinstance(value, abc.Mapping):
        return _encode_map(value, hint)
    if isinstance(value, (list, tuple, set, frozenset)):
        args = get_args(hint)
        part = args[0] if args and get_origin(hint) in _LISTS else Any
        return [encode(each, part) for each in value]
    raise ValueError(f"{type(value).__name__} is no JSON; return a text, number, list, dict, dataclass or model")


def _encode_map(value: abc.Mapping[Any, Any], hint: Any) -> dict[str, Any]:
    odd = next((key for key in value if not isinstance(key, str)), None)
    if odd is not None:
        raise ValueError(f"a key must be a text, not {odd!r}")
    if not records.typing_dict(hint):
        return {key: encode(part) for key, part in value.items()}
    fields = records.fields_of(hint)
    kept = {key: part for key, part in value.items() if part is not None or key not in fields}
    return {key: encode(part, fields.get(key, (Any, False))[0]) for key, part in kept.items()}
