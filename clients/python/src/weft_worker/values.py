"""Values as tasks and results carry them: inputs read by their hints, outputs written by them.

Must refuse what does not fit before it is sent: the name of the port stands in the message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from . import check, contents, hints
from .agent import Agent, Outputs
from .context import Feedback, Revision
from .errors import BadInput, BadOutput
from .files import File
from .marks import bare, without_none

#: Texts and JSON are held whole; so large is the largest artifact.
_MAX_IN_MEMORY = 64 * 1024 * 1024
#: Outputs of one result that go inline together.
_MAX_INLINE = 256 * 1024

Put = Callable[[contents.Content], None]
Get = Callable[[str], BinaryIO]


def inputs_of(agent: Agent[..., Any], given: Mapping[str, Any], get: Get) -> dict[str, Any]:
    """The arguments of the function, by parameter."""
    arguments: dict[str, Any] = {}
    for port in agent.inputs.values():
        kind, _ = without_none(port.hint)
        wire = given.get(port.parameter)
        if wire is None:
            if port.required:
                raise BadInput(f"The input `{port.parameter}` is missing")
            if not port.has_default:
                arguments[port.parameter] = None
            continue
        try:
            value = read(wire, get, is_file=bare(kind)[0] is File)
            arguments[port.parameter] = value if isinstance(value, File) else hints.decode(port.hint, value)
        except ValueError as error:
            raise BadInput(f"The input `{port.parameter}` does not fit: {error}") from error
    return arguments


def read(wire: Mapping[str, Any], get: Get, *, is_file: bool = False) -> Any:
    """A value as it stands in a task; what is large is fetched."""
    if "text" in wire:
        return wire["text"]
    if "value" in wire:
        return wire["value"]
    media_type = str(wire.get("media_type", ""))
    is_json = media_type.split(";", maxsplit=1)[0] == "application/json"
    is_text = media_type.startswith("text/")
    if (is_file and not is_json) or (not is_json and not is_text):
        return File(blob=wire["blob"], media_type=media_type, name="", size=wire.get("size", 0))
    if wire["size"] > _MAX_IN_MEMORY:
        raise ValueError(f"{wire['size']} bytes are too many for memory: let the agents hand on a File")
    with get(wire["blob"]) as stream:
        data = stream.read()
    return json.loads(data) if is_json else data.decode()


def revision_of(told: Mapping[str, Any] | None, get: Get) -> Revision:
    """What the last round made and what was asked for."""
    if not told:
        return Revision()
    reviews = (Feedback(round=each["round"], by=each["by"], text=each["text"]) for each in told.get("feedback", []))
    outputs = {name: read(wire, get) for name, wire in told.get("outputs", {}).items()}
    return Revision(outputs=outputs, reviews=tuple(reviews))


def outputs_of(ports: Outputs, result: Any, put: Put, inline_max: int) -> dict[str, Any]:
    """The outputs of a result. Text that was streamed comes as `contents.Text`."""
    if ports.single is not None:
        return {ports.single: write(ports, ports.single, result, put, inline_max)}
    try:
        parts = hints.encode(result)
    except ValueError as error:
        raise BadOutput(f"What was returned does not fit: {error}") from error
    if not isinstance(parts, dict):
        raise BadOutput(f"The outputs {', '.join(ports.hints)} were to be returned, not {type(result).__name__}")
    missing = next((name for name in ports.hints if name not in parts), None)
    if missing is not None:
        raise BadOutput(f"The output `{missing}` is missing")
    written, left = {}, _MAX_INLINE
    for name in ports.hints:
        written[name] = write(ports, name, parts[name], put, min(inline_max, left))
        left = max(0, left - _size(written[name]))
    return written


def _size(wire: Mapping[str, Any]) -> int:
    """What it takes in the message: content that was sent beside takes nothing."""
    return 0 if "blob" in wire else len(contents.to_json(wire.get("text", wire.get("value"))))


def write(ports: Outputs, name: str, value: Any, put: Put, inline_max: int) -> dict[str, Any]:
    schema = ports.schemas[name]
    text_type = "text/markdown" if schema.get("format") == "markdown" else "text/plain"
    if isinstance(value, contents.Text):
        if schema.get("type") in (None, "string") and "enum" not in schema and value.size > inline_max:
            return _sent(value.content(), text_type, put)
        value = value.read()
    try:
        plain = hints.encode(value, ports.hints[name])
        data = contents.encoded(plain) if isinstance(plain, str) else contents.to_json(plain)
    except (ValueError, RecursionError) as error:
        raise BadOutput(f"The output `{name}` does not fit: {error}") from error
    found = check.faults(schema, plain)
    if found:
        raise BadOutput(f"The output `{name}` does not fit: {found[0]}")
    is_text = isinstance(plain, str)
    media_type = text_type if is_text else "application/json"
    if len(data) > inline_max:
        return _sent(contents.of_bytes(data), media_type, put)
    return {"media_type": media_type, "text" if is_text else "value": plain}


def _sent(content: contents.Content, media_type: str, put: Put) -> dict[str, Any]:
    put(content)
    return {"media_type": media_type, "blob": content.sha256, "size": content.size}
