"""Dataclasses, TypedDicts and Pydantic models as objects with properties.

Must work without Pydantic installed, and must not import it unless the program did.
"""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Callable
from typing import Any

from .marks import bare, without_none

_KEPT = ("type", "required", "enum", "description", "format")
#: Formats of JSON Schema that ports do not know are left out.
_FORMATS = ("multiline", "file", "markdown")


def is_record(hint: Any) -> bool:
    return isinstance(hint, type) and (dataclasses.is_dataclass(hint) or typing_dict(hint) or is_model(hint))


def typing_dict(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, dict) and hasattr(hint, "__total__")


def is_model(hint: Any) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(hint, type) and issubclass(hint, pydantic.BaseModel)


def fields_of(hint: Any) -> dict[str, tuple[Any, bool]]:
    """Name to (hint, whether it must be there)."""
    hints = typing.get_type_hints(hint, include_extras=True)
    if is_model(hint):
        fields = hint.model_fields
        return {field.alias or name: (hints[name], field.is_required()) for name, field in fields.items()}
    if dataclasses.is_dataclass(hint):
        return {
            field.name: (hints[field.name], _is_required(field)) for field in dataclasses.fields(hint) if field.init
        }
    return {name: _marked(part, name in hint.__required_keys__) for name, part in hints.items()}


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _marked(hint: Any, is_required: bool) -> tuple[Any, bool]:
    """Without `Required[...]` and `NotRequired[...]`, which Python does not see where hints are kept as text."""
    marker = getattr(typing.get_origin(hint), "_name", None)
    if marker not in ("Required", "NotRequired"):
        return hint, is_required
    return typing.get_args(hint)[0], marker == "Required"


def schema_of(hint: Any, is_output: bool, schema_of_part: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    if is_model(hint):
        whole = hint.model_json_schema(mode="serialization" if is_output else "validation")
        return _reduced(whole, whole.get("$defs", {}), ())
    properties, required = {}, []
    for name, (part, is_required) in fields_of(hint).items():
        kind, may_be_none = without_none(part)
        properties[name] = schema_of_part(kind if may_be_none else part)
        may_be_none = may_be_none or (is_output and bare(kind)[0] in (Any, object))
        if (is_required or (is_output and dataclasses.is_dataclass(hint))) and not may_be_none:
            required.append(name)
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return {**schema, "required": required} if required else schema


def _reduced(schema: dict[str, Any], defs: dict[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
    """What Pydantic says of a model, within the subset that ports have."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return {"type": "object"} if name in inside else _reduced(defs[name], defs, (*inside, name))
    if "anyOf" in schema or "allOf" in schema:
        kinds = [each for each in schema.get("anyOf") or schema["allOf"] if each.get("type") != "null"]
        return _reduced({**kinds[0], **_notes(schema)}, defs, inside) if len(kinds) == 1 else _notes(schema)
    kept = {name: schema[name] for name in _KEPT if name in schema}
    if isinstance(kept.get("type"), list) or kept.get("format") not in _FORMATS:
        kept.pop("format", None)
    kept |= _bounds(schema)
    if "const" in schema:
        kept["enum"] = [schema["const"]]
    if isinstance(schema.get("items"), dict):
        kept["items"] = _reduced(schema["items"], defs, inside)
    if "properties" in schema:
        parts = schema["properties"]
        kept["properties"] = {name: _reduced(part, defs, inside) for name, part in parts.items()}
        required = [name for name in kept.get("required", []) if not _may_be_null(parts[name])]
        kept.pop("required", None)
        if required:
            kept["required"] = required
    return kept


def _bounds(schema: dict[str, Any]) -> dict[str, Any]:
    """Those of a number. Of whole numbers the server refuses one that is none."""
    if schema.get("type") not in ("integer", "number"):
        return {}
    bounds = {name: schema[name] for name in ("minimum", "maximum") if name in schema}
    return {name: n for name, n in bounds.items() if schema["type"] == "number" or float(n).is_integer()}


def _notes(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": schema["description"]} if "description" in schema else {}


def _may_be_null(schema: dict[str, Any]) -> bool:
    """Also what is of any type: a null is left out of an output."""
    kinds = schema.get("anyOf", [])
    is_any = not any(name in schema for name in ("type", "anyOf", "allOf", "enum", "const", "$ref"))
    return is_any or schema.get("type") == "null" or any(each.get("type") == "null" for each in kinds)


def decode(hint: Any, value: Any, at: str, decode_part: Callable[[Any, Any, str], Any]) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{at}: must be an object" if at else "must be an object")
    if is_model(hint):
        return _model(hint, value, at)
    given: dict[str, Any] = {}
    for name, (part, is_required) in fields_of(hint).items():
        if name in value:
            given[name] = decode_part(part, value[name], f"{at}/{name}")
        elif is_required:
            if not without_none(part)[1]:
                raise ValueError(f"{at}/{name}: is required")
            given[name] = None
    return given if typing_dict(hint) else hint(**given)


def _model(hint: Any, value: dict[str, Any], at: str) -> Any:
    from pydantic import ValidationError

    # An input says null by leaving the property out; Pydantic wants to see it where there is no default.
    fields = fields_of(hint).items()
    needed = {name: None for name, (part, must) in fields if must and name not in value and without_none(part)[1]}
    try:
        return hint.model_validate({**value, **needed})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "/".join([at, *map(str, first["loc"])])
        raise ValueError(f"{place}: {first['msg']}") from error


def encode(value: Any, encode_part: Callable[[Any, Any], Any]) -> dict[str, Any]:
    if is_model(type(value)):
        told: dict[str, Any] = value.model_dump(mode="json", by_alias=True, exclude_none=True)
        return told
    hints = fields_of(type(value))
    parts = {name: getattr(value, name) for name in hints}
    return {name: encode_part(part, hints[name][0]) for name, part in parts.items() if part is not None}
