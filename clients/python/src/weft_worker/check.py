"""Whether a value fits a port, by the same rules as the server, so that a test without one finds the same faults.

Must never be more lenient than the server: what passes here and fails there is found only by users.
"""

from __future__ import annotations

from typing import Any

_WORDS = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}


def faults(schema: dict[str, Any], value: Any, at: str = "") -> list[str]:
    """`place: what is wrong`, none where the value fits."""
    kind = schema.get("type")
    if kind is not None and not _admits(kind, value):
        return [_fault(at, f"must be {_WORDS[kind]}")]
    found = []
    if "enum" in schema and not any(_equal(choice, value) for choice in schema["enum"]):
        found.append(_fault(at, f"must be one of {', '.join(map(repr, schema['enum']))}"))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if "minimum" in schema and value < schema["minimum"]:
            found.append(_fault(at, f"must be at least {schema['minimum']}"))
        elif "maximum" in schema and value > schema["maximum"]:
            found.append(_fault(at, f"must be at most {schema['maximum']}"))
    if isinstance(value, dict):
        missing = [name for name in schema.get("required", []) if name not in value]
        found += [_fault(f"{at}/{name}", "is required") for name in missing]
        for name, part in schema.get("properties", {}).items():
            if name in value:
                found += faults(part, value[name], f"{at}/{name}")
    if isinstance(value, list) and schema.get("items"):
        for n, item in enumerate(value):
            found += faults(schema["items"], item, f"{at}/{n}")
    return found


def _fault(at: str, what: str) -> str:
    return f"{at}: {what}" if at else what


def _equal(one: Any, other: Any) -> bool:
    """True is no number here, though Python says so."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _admits(kind: str, value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "integer":
        return is_number and float(value).is_integer()
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "boolean": bool,
        "object": dict,
        "array": list,
        "null": type(None),
    }
    return is_number if kind == "number" else isinstance(value, kinds[kind])
