"""Runs one attempt of an agent and says what came of it, as a result of the protocol without its token.

Must never raise, whatever the function does, and must never send anything itself: what it tells goes through a link.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import os
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from typing import Any

from . import contents, values
from .agent import Agent
from .asyncs import AsyncRunner
from .cancellation import Cancellation
from .context import Context, Link, current
from .errors import Cancelled, Suspend, classify

log = logging.getLogger("weft_worker")

Result = dict[str, Any]


def execute(
    agent: Agent[..., Any],
    task: Mapping[str, Any],
    link: Link,
    cancelled: Cancellation,
    asyncs: AsyncRunner,
    inline_max: int,
    on_error: Callable[[BaseException], None] = lambda error: None,
) -> Result | None:
    """None where nobody is to be told: the attempt is somebody else's by now."""
    # A context of its own, so that no contextvar of one attempt is seen by the next one of this thread.
    return contextvars.copy_context().run(_execute, agent, task, link, cancelled, asyncs, inline_max, on_error)


def _execute(
    agent: Agent[..., Any],
    task: Mapping[str, Any],
    link: Link,
    cancelled: Cancellation,
    asyncs: AsyncRunner,
    inline_max: int,
    on_error: Callable[[BaseException], None],
) -> Result | None:
    context = Context(link, task, agent.outputs.text, cancelled)
    current.set(context)
    streamed = contents.Text()
    try:
        arguments = values.inputs_of(agent, task["inputs"], link.get)
        context.feedback = values.revision_of(task.get("revision"), link.get)
        if agent.context is not None:
            arguments[agent.context] = context
        value = _in_this_process(lambda: _call(agent, arguments, context, streamed, asyncs))
        outputs = values.outputs_of(agent.outputs, value, link.put, inline_max)
        told: Result = {"outcome": "completed", "outputs": outputs}
        result: Result | None = told if context.used is None else {**told, "usage": context.used}
    except Suspend as suspend:
        result = {"outcome": "waiting", "resume_within_s": math.ceil(suspend.within_s)}
    except BaseException as error:  # noqa: BLE001 - a `sys.exit()` of one agent must not end the others
        result = _failed(agent, error, context, cancelled)
        if result["outcome"] == "failed":
            on_error(error)
    finally:
        streamed.close()
    return _unless_cancelled(result, cancelled)


def _in_this_process(call: Callable[[], Any]) -> Any:
    """A copy that the agent forked and that came back ends here: it has the worker's connections, and would tell a
    result of its own on them."""
    pid = os.getpid()
    try:
        return call()
    finally:
        if os.getpid() != pid:
            os._exit(_exit_code(sys.exc_info()[1]))


def _exit_code(error: BaseException | None) -> int:
    """As Python's own end has it."""
    if isinstance(error, SystemExit):
        code = error.code
        return 0 if code is None else code & 0xFF if isinstance(code, int) else 1
    return 0 if error is None else 1


def _call(
    agent: Agent[..., Any],
    arguments: dict[str, Any],
    context: Context,
    streamed: contents.Text,
    asyncs: AsyncRunner,
) -> Any:
    if agent.is_async:
        work = _collect_async(agent, arguments, context, streamed) if agent.streams else agent.function(**arguments)
        return asyncs.run(work, context.cancelled)
    made = agent.function(**arguments)
    return _collect(made, context, streamed) if agent.streams else made


def _collect(parts: Iterator[Any], context: Context, streamed: contents.Text) -> Any:
    """What a generator makes: what it returns, else the last thing it yielded that is no text, else its text."""
    last: Any = None
    returned: Any = None
    try:
        while True:
            try:
                part = next(parts)
            except StopIteration as end:
                returned = end.value
                break
            last = _yielded(part, last, context, streamed)
    finally:
        if isinstance(parts, Generator):
            parts.close()
    return _made(returned, last, streamed)


async def _collect_async(
    agent: Agent[..., Any], arguments: dict[str, Any], context: Context, streamed: contents.Text
) -> Any:
    parts: AsyncIterator[Any] = agent.function(**arguments)
    last: Any = None
    try:
        async for part in parts:
            last = _yielded(part, last, context, streamed)
    finally:
        close = getattr(parts, "aclose", None)
        if close is not None:
            await close()
    return _made(None, last, streamed)


def _yielded(part: Any, last: Any, context: Context, streamed: contents.Text) -> Any:
    context.raise_if_cancelled()
    if not isinstance(part, str):
        return part
    context.stream(part)
    streamed.append(part)
    return last


def _made(returned: Any, last: Any, streamed: contents.Text) -> Any:
    if returned is not None:
        return returned
    if last is not None:
        return last
    streamed.end()
    return streamed


def _failed(agent: Agent[..., Any], error: BaseException, context: Context, cancelled: Cancellation) -> Result:
    if cancelled and isinstance(error, (Cancelled, asyncio.CancelledError)):
        return {"outcome": "cancelled"}
    told = classify(error)
    log.warning("%s failed (%s): %s", agent.id, told["class"], told["message"], exc_info=error)
    context.log("".join(traceback.format_exception(error)), level="error")
    return {"outcome": "failed", "error": told}


def _unless_cancelled(result: Result | None, cancelled: Cancellation) -> Result | None:
    why = cancelled.why
    if why in ("fenced", "lost"):
        return None
    if why in ("cancel", "timeout"):
        return {"outcome": "cancelled"}
    if why == "stop" and result is not None and result["outcome"] in ("cancelled", "failed"):
        # The end of the session, which follows, gives it back. Told now, it would come to this very worker again.
        return None
    return result
