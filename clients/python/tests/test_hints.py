"""Hints as ports: what a person writes in a signature is what a step's author sees.

Must need no server.
"""

from __future__ import annotations

import dataclasses
import enum
import uuid
from datetime import datetime, timezone
from typing import Annotated, Any, Literal, TypedDict

import pytest
from pydantic import BaseModel, Field
from typing_extensions import NotRequired

from weft_worker import File, Port, agent
from weft_worker.check import faults
from weft_worker.hints import decode, encode, schema_of


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Row(TypedDict):
    name: str
    size: NotRequired[int]
    note: str | None


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0
    label: str | None = None


class Address(BaseModel):
    street: str
    zip: str = Field(description="Five digits", pattern="[0-9]{5}")


class Person(BaseModel):
    name: str
    age: int | None = Field(default=None, ge=0)
    share: float = Field(default=0.5, gt=0, le=1)
    kind: Literal["a", "b"] = "a"
    addresses: list[Address] = []
    boss: Person | None = None


OBJECT = {"type": "object"}
TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, TEXT),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (int | float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        (str | int, {}),
        (list, {"type": "array"}),
        (list[str], {"type": "array", "items": TEXT}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (tuple[int, str], {"type": "array"}),
        (dict[str, int], OBJECT),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (Colour, {"type": "string", "enum": ["red", "blue"]}),
        (File, {"type": "object", "format": "file"}),
        (datetime, TEXT),
        (
            Annotated[str, Port(format="markdown", description="Long")],
            {**TEXT, "format": "markdown", "description": "Long"},
        ),
        (
            Point,
            {
                "type": "object",
                "properties": {"x": {"type": "number"}, "y": {"type": "number"}, "label": TEXT},
                "required": ["x"],
            },
        ),
        (
            Row,
            {
                "type": "object",
                "properties": {"name": TEXT, "size": {"type": "integer"}, "note": TEXT},
                "required": ["name"],
            },
        ),
    ],
)
def test_a_hint_has_a_port_type(hint: Any, schema: dict[str, Any]) -> None:
    assert schema_of(hint) == schema


def test_a_pydantic_model_keeps_to_what_ports_know() -> None:
    schema = schema_of(Person)
    assert schema["required"] == ["name"]
    assert schema["properties"]["age"] == {"type": "integer", "minimum": 0}
    assert schema["properties"]["share"] == {"type": "number", "maximum": 1}, "ports know no bound that is left out"
    assert faults(schema, {"name": "Ada", "age": -1, "share": 2}) == [
        "/age: must be at least 0",
        "/share: must be at most 1",
    ]
    assert schema["properties"]["kind"] == {"type": "string", "enum": ["a", "b"]}
    address = schema["properties"]["addresses"]["items"]
    assert address["properties"]["zip"] == {"type": "string", "description": "Five digits"}
    assert schema["properties"]["boss"]["type"] == "object", "a type that holds itself ends somewhere"
    known = {"type", "properties", "required", "items", "enum", "minimum", "maximum", "description", "format"}

    def unknown(part: dict[str, Any]) -> set[str]:
        inner = [*part.get("properties", {}).values(), *([part["items"]] if "items" in part else [])]
        return (part.keys() - known).union(*map(unknown, inner))

    assert unknown(schema) == set()


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (Person, Person(name="Ada", addresses=[Address(street="Main", zip="12345")])),
        (Person, Person(name="Ada", age=3, boss=Person(name="Bob"))),
        (Point, Point(1.5, 2, "here")),
        (Point, Point(1.5)),
        (list[Point], [Point(1.0)]),
        (Colour, Colour.BLUE),
        (datetime, datetime(2026, 11, 28, 10, 0, tzinfo=timezone.utc)),
        (uuid.UUID, uuid.UUID(int=7)),
        (tuple[int, str], (1, "a")),
        (set[int], {1, 2}),
        (dict[str, Point], {"a": Point(0.0)}),
        (File, File("ab", "image/png", "a.png", 3)),
        (str | None, None),
        (int | str, "a"),
    ],
)
def test_what_is_written_is_read_again_and_fits_its_port(hint: Any, value: Any) -> None:
    told = encode(value, hint)
    assert decode(hint, told) == value
    assert told is None or faults(schema_of(hint, is_output=True), told) == []


def test_a_record_leaves_nulls_out_since_ports_have_none() -> None:
    row: Row = {"name": "a", "note": None}
    assert encode(row, Row) == {"name": "a"}
    assert encode([row], list[Row]) == [{"name": "a"}]
    assert encode(Point(1.0)) == {"x": 1.0, "y": 0.0}
    assert encode({"free": None}) == {"free": None}


@pytest.mark.parametrize(
    ("hint", "value", "fault"),
    [
        (int, 1.5, "must be a whole number"),
        (int, True, "must be a whole number"),
        (str, 1, "must be a text"),
        (list[int], [1, "a"], "/1: must be a whole number"),
        (Point, {"y": 1}, "/x: is required"),
        (Point, [], "must be an object"),
        (Literal["a", "b"], "c", "must be one of 'a', 'b'"),
        (Colour, "green", "'green' is not a valid Colour"),
        (Person, {"name": "a", "addresses": [{"street": "b"}]}, "/addresses/0/zip: Field required"),
        (File, {"name": "a"}, "must be a file: an object with blob, media_type, name and size"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(hint: Any, value: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=r".") as told:
        decode(hint, value)
    assert str(told.value) == fault


def test_signatures_become_ports() -> None:
    @agent(id="ports", output="total")
    def ports(
        text: Annotated[str, Port(title="Your text")], times: int = 2, note: str | None = None, last: int | None = 3
    ) -> float:
        """Adds things.

        With details nobody needs in a list.
        """
        return times / 2

    offer = ports.offer()
    assert offer["description"] == "Adds things."
    assert offer["inputs"] == {
        "text": {"title": "Your text", "schema": TEXT, "required": True},
        "times": {"schema": {"type": "integer"}, "required": False},
        "note": {"schema": TEXT, "required": False},
        "last": {"schema": {"type": "integer"}, "required": False},
    }
    assert offer["outputs"] == {"total": {"schema": {"type": "number"}}}
    assert ports("a", times=4) == 2.0, "it is still the function that it was"


def test_a_bad_definition_is_told_where_it_stands() -> None:
    def any_args(*texts: str) -> str:
        return "".join(texts)

    def odd(value: object, other: complex) -> str:
        return f"{value}{other}"

    def plain(text: str) -> str:
        return text

    with pytest.raises(TypeError, match="cannot be a port"):
        agent(id="a")(any_args)
    with pytest.raises(TypeError, match=r"'other'.*complex.*no port type"):
        agent(id="a")(odd)
    with pytest.raises(TypeError, match="outputs=True wants a dataclass"):
        agent(id="a", outputs=True)(plain)
    with pytest.raises(ValueError, match="the id 'Not An Id' is none"):
        agent(id="Not An Id")(plain)
    with pytest.raises(ValueError, match="timeout_s"):
        agent(id="a", timeout_s=0)(plain)
    with pytest.raises(TypeError, match="no name of an output"):
        agent(id="a", output="two words")(plain)
