"""A function as an agent: its ports, made of its hints, and what it says of itself.

Must never run anything: `execute.py` does. A mistake in a signature is told when the agent is defined.
"""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from dataclasses import dataclass
from typing import Any, Generic, Literal, ParamSpec, TypeVar, Union, get_args, get_origin

from . import records
from .context import Context
from .errors import BadAgent
from .hints import Schema, schema_of
from .marks import bare, without_none

P = ParamSpec("P")
R = TypeVar("R")

SideEffects = Literal["none", "idempotent", "external"]

_ID = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_STREAMS = (Generator, Iterator, Iterable, AsyncGenerator, AsyncIterator, AsyncIterable)


@dataclass(frozen=True)
class Input:
    """A port that a parameter became."""

    parameter: str
    hint: Any
    schema: Schema
    required: bool
    has_default: bool
    title: str = ""


@dataclass(frozen=True)
class Outputs:
    """How a function's result becomes outputs: one of that name, or the fields of what it returns."""

    hints: dict[str, Any]
    schemas: dict[str, Schema]
    #: The only one, or none where the fields of the result are the outputs.
    single: str | None

    @property
    def text(self) -> str:
        """Where streamed text is shown if nobody says where."""
        texts = (name for name, schema in self.schemas.items() if schema.get("type") == "string")
        return next(texts, next(iter(self.schemas)))


@dataclass
class Agent(Generic[P, R]):
    """What `@agent` makes of a function. It can still be called as the function it was."""

    function: Callable[P, R]
    id: str
    name: str
    description: str
    side_effects: SideEffects
    timeout_s: int
    inputs: dict[str, Input]
    outputs: Outputs
    #: The parameter that takes the context, if there is one.
    context: str | None
    is_async: bool
    streams: bool

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def offer(self) -> dict[str, Any]:
        """The agent as a session offers it."""
        inputs: dict[str, Any] = {}
        for port in self.inputs.values():
            told: dict[str, Any] = {"schema": port.schema, "required": port.required}
            inputs[port.parameter] = {"title": port.title, **told} if port.title else told
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "inputs": inputs,
            "outputs": {name: {"schema": schema} for name, schema in self.outputs.schemas.items()},
            "side_effects": self.side_effects,
            "timeout_s": self.timeout_s,
        }


def agent(
    *,
    id: str,
    name: str = "",
    description: str = "",
    side_effects: SideEffects = "none",
    timeout_s: int = 600,
    output: str = "output",
    outputs: bool | dict[str, Any] = False,
) -> Callable[[Callable[P, R]], Agent[P, R]]:
    """Makes an agent of a typed function.

    Its parameters are the inputs. What it returns is one output called `output`, or with `outputs=True` one output
    for each field of the dataclass, TypedDict or model that it returns; `outputs={"name": hint}` says them for a
    function that returns a plain dict.
    """

    def decorate(function: Callable[P, R]) -> Agent[P, R]:
        return define(
            function,
            id=id,
            name=name,
            description=description,
            side_effects=side_effects,
            timeout_s=timeout_s,
            output=output,
            outputs=outputs,
        )

    return decorate


def define(
    function: Callable[P, R],
    *,
    id: str,
    name: str,
    description: str,
    side_effects: SideEffects,
    timeout_s: int,
    output: str,
    outputs: bool | dict[str, Any],
    ignore: tuple[str, ...] = (),
) -> Agent[P, R]:
    """`ignore` are parameters that somebody else fills."""
    if not _ID.fullmatch(id):
        raise BadAgent(f"the id {id!r} is none: use a-z, 0-9, `_` and `-`, beginning with a letter, at most 64")
    if side_effects not in get_args(SideEffects):
        raise BadAgent(f"side_effects of {id!r} must be none, idempotent or external")
    if not 1 <= timeout_s <= 86_400:
        raise BadAgent(f"timeout_s of {id!r} must be from 1 to 86400")
    where = f"agent {id!r}"
    told = _hints_of(function, where)
    inputs, context = _inputs(function, told, where, ignore)
    doc = inspect.getdoc(function) or ""
    made: Agent[P, R] = Agent(
        function=function,
        id=id,
        name=name or id.replace("-", " ").replace("_", " ").capitalize(),
        description=(description or doc.split("\n\n")[0].replace("\n", " "))[:4000],
        side_effects=side_effects,
        timeout_s=timeout_s,
        inputs=inputs,
        outputs=_outputs(told.get("return", Any), output, outputs, where),
        context=context,
        is_async=inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function),
        streams=inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function),
    )
    functools.update_wrapper(made, function, updated=())
    return made


def _hints_of(function: Callable[..., Any], where: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(inspect.unwrap(function), include_extras=True)
    except NameError as error:
        raise BadAgent(f"{where}: a hint names something that does not exist: {error}") from error


def _inputs(
    function: Callable[..., Any], told: dict[str, Any], where: str, ignore: tuple[str, ...]
) -> tuple[dict[str, Input], str | None]:
    inputs: dict[str, Input] = {}
    context = None
    for parameter in inspect.signature(function).parameters.values():
        hint = told.get(parameter.name, Any)
        if parameter.name in ignore:
            continue
        if bare(without_none(hint)[0])[0] is Context:
            context = parameter.name
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise BadAgent(f"{where}: {parameter} cannot be a port; name each input as a parameter")
        if not _NAME.fullmatch(parameter.name):
            raise BadAgent(f"{where}: the parameter {parameter.name!r} is no port name: begin it with a letter")
        kind, may_be_none = without_none(hint)
        port = bare(hint)[1] or bare(kind)[1]
        try:
            schema = schema_of(kind if may_be_none else hint)
        except (TypeError, NameError) as error:
            raise BadAgent(f"{where}: the parameter {parameter.name!r}: {error}") from error
        if port is not None and port.description:
            schema = {**schema, "description": port.description}
        inputs[parameter.name] = Input(
            parameter=parameter.name,
            hint=hint,
            schema=schema,
            required=parameter.default is parameter.empty and not may_be_none,
            has_default=parameter.default is not parameter.empty,
            title=port.title if port is not None else "",
        )
    return inputs, context


def _outputs(returned: Any, single: str, outputs: bool | dict[str, Any], where: str) -> Outputs:
    hint = _result_of(returned)
    try:
        if isinstance(outputs, dict):
            parts = outputs
        elif outputs:
            if not records.is_record(hint):
                raise BadAgent("outputs=True wants a dataclass, a TypedDict or a Pydantic model to be returned")
            parts = {name: part for name, (part, _) in records.fields_of(hint).items()}
        else:
            parts = {single: hint}
        schemas = {name: schema_of(part, is_output=True) for name, part in parts.items()}
    except (TypeError, NameError) as error:
        raise BadAgent(f"{where}: what it returns: {error}") from error
    odd = next((name for name in parts if not _NAME.fullmatch(name)), None)
    if odd is not None or not parts:
        raise BadAgent(f"{where}: {odd!r} is no name of an output: use letters, digits and `_`")
    return Outputs(hints=parts, schemas=schemas, single=None if outputs else single)


def _result_of(hint: Any) -> Any:
    """The output of a generator: what it returns, else what it yields besides text, else the text."""
    kind, _ = bare(hint)
    if get_origin(kind) not in _STREAMS:
        return hint
    args = get_args(kind)
    if get_origin(kind) is Generator and args[-1] not in (None, type(None), Any):
        return args[-1]
    yielded = args[0]
    if get_origin(yielded) is Union or type(yielded).__name__ == "UnionType":
        others = [each for each in get_args(yielded) if each is not str]
        return others[0] if len(others) == 1 else Any
    return yielded
