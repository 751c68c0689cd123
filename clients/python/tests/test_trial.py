"""Agents without a server, as the people who write agents test them.

Must need no server.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from weft_worker import App, Cancelled, Context, File, Permanent, RateLimited, Suspend
from weft_worker.errors import BadInput, BadOutput, classify

app = App("trials")


@dataclass
class Answer:
    text: str
    score: float


@app.agent(id="plain", outputs=True)
def plain(question: str, weight: float = 0.5) -> Answer:
    return Answer(question[::-1], weight)


@app.agent(id="streams")
def streams(n: int, ctx: Context) -> Iterator[str]:
    try:
        for k in range(n):
            ctx.progress(k, n, "counting")
            yield f"{k} "
    finally:
        ctx.log("closed")


@app.agent(id="async-streams")
async def async_streams(n: int) -> AsyncIterator[str]:
    for k in range(n):
        await asyncio.sleep(0)
        yield f"{k} "


@app.agent(id="forever")
def forever(ctx: Context) -> Iterator[str]:
    while True:
        yield "on "
        ctx.cancelled.wait(0.01)


class Silent(Exception):
    """As some clients of databases have them."""

    def __str__(self) -> str:
        raise AttributeError("response")


@app.agent(id="halves")
def halves(parts: list[str]) -> Iterator[str]:
    """As a stream of escapes is, where a character of two halves was cut between them."""
    for part in parts:
        yield "".join(map(chr, map(int, part.split())))


@app.agent(id="tells")
def tells(how: str, ctx: Context) -> Any:
    if how == "suspend":
        raise ctx.wait_for_callback(within_s=60).suspend
    if how == "level":
        ctx.log("a", level="warn")  # type: ignore[arg-type]
    if how == "progress":
        ctx.progress(-1, 2)
    if how == "many":
        ctx.progress(2**70)
    if how == "usage":
        ctx.usage(cost_micros=float("nan"))  # type: ignore[arg-type]
    if how == "large":
        ctx.checkpoint("x" * 20_000)
    if how == "held":
        state = {"pages": [1]}
        ctx.checkpoint(state)
        state["pages"].append(2)
    if how == "limit":
        raise RateLimited(retry_after=3)
    if how == "silent":
        raise Silent
    if how == "name":
        raise ValueError("no such file: caf\udce9.txt\nsecond line")
    return {"nan": float("nan")} if how == "nan" else {"set": {1}} if how == "set" else object()


def test_outputs_come_by_name() -> None:
    assert app.test("plain", {"question": "abc"}) == {"text": "cba", "score": 0.5}
    assert app.test(plain, {"question": "abc", "weight": 2}) == {"text": "cba", "score": 2.0}


@pytest.mark.parametrize("name", ["streams", "async-streams"])
def test_a_stream_is_seen_as_it_comes_and_joined(name: str) -> None:
    parts = app.test_stream(name, {"n": 3})
    seen = []
    try:
        while True:
            seen.append(next(parts))
    except StopIteration as end:
        outputs = end.value
    assert seen == ["0 ", "1 ", "2 "]
    assert outputs == {"output": "0 1 2 "}


def test_a_generator_is_closed_once_it_is_cancelled() -> None:
    tried = app.trial("streams", {"n": 1_000_000_000})
    for n, _ in enumerate(tried.stream()):
        if n == 3:
            tried.cancel()
    assert tried.outputs() == {}
    assert tried.logs == [("info", "closed")]
    assert tried.progressed[1] == (1, 1_000_000_000, "counting")


def test_what_an_agent_logs_is_its_attempts() -> None:
    @app.agent(id="logs")
    def logs(ctx: Context) -> str:
        logging.getLogger("team").info("%d rows", 3)
        logging.getLogger("team").debug("not this")
        ctx.log("and that", level="warning")
        return ""

    tried = app.trial(logs, {})
    tried.outputs()
    assert tried.logs == [("info", "3 rows"), ("warning", "and that")]


def test_feedback_checkpoint_and_files_are_given() -> None:
    @app.agent(id="given")
    def given(scan: File, ctx: Context) -> File:
        assert ctx.feedback
        assert ctx.last_checkpoint == {"page": 3}
        with ctx.open(scan) as stream:
            data = stream.read()
        return ctx.file(data + ctx.feedback.text.encode(), "text/plain", "new.txt")

    tried = app.trial(given, {}, files={"scan": b"old "}, feedback="new", checkpoint={"page": 3})
    made = tried.outputs()["output"]
    assert tried.blobs[made["blob"]] == b"old new"
    assert (made["name"], made["size"], made["media_type"]) == ("new.txt", 7, "text/plain")


@pytest.mark.parametrize(
    ("how", "error", "word"),
    [
        ("level", ValueError, "level"),
        ("progress", ValueError, "from 0 to total"),
        ("many", ValueError, "progress"),
        ("usage", ValueError, "whole numbers"),
        ("large", ValueError, "16 KiB"),
        ("nan", BadOutput, "output"),
        ("set", BadOutput, ""),
        ("object", BadOutput, "object is no JSON"),
    ],
)
def test_what_cannot_be_told_is_refused_where_it_is_told(how: str, error: type[Exception], word: str) -> None:
    if how == "set":
        assert app.test("tells", {"how": how}) == {"output": {"set": [1]}}
        return
    with pytest.raises(error, match=word):
        app.test("tells", {"how": how})


def test_waiting_for_somebody_outside_is_seen() -> None:
    with pytest.raises(Suspend):
        app.test("tells", {"how": "suspend"})


def test_inputs_that_do_not_fit_are_named() -> None:
    with pytest.raises(BadInput, match="`question` is missing"):
        app.test("plain", {})
    with pytest.raises(BadInput, match="`weight` does not fit: must be a number"):
        app.test("plain", {"question": "a", "weight": "heavy"})
    with pytest.raises(BadInput, match="no input `colour`"):
        app.test("plain", {"colour": "red"})


def test_errors_have_a_class_and_one_short_line() -> None:
    assert classify(RateLimited(2))["retry_after_ms"] == 2000
    assert classify(TimeoutError())["class"] == "timeout"
    assert classify(KeyError("a")) == {"class": "server", "message": "KeyError: 'a'", "no_retry": False}
    assert classify(Permanent("No.\nAt all"))["message"] == "No."
    told = classify(ValueError("caf\udce9.txt\nsecond"))["message"]
    assert told == "ValueError: caf?.txt"
    assert len(classify(ValueError("x" * 10_000))["message"]) <= 500


def test_an_async_agent_may_not_hold_up_the_others() -> None:
    @app.agent(id="holds-up")
    async def holds_up(ctx: Context) -> str:
        with pytest.raises(RuntimeError, match="to_thread"):
            ctx.checkpoint(1)
        await asyncio.to_thread(ctx.checkpoint, 2)
        return "ok"

    tried = app.trial(holds_up, {})
    assert tried.outputs() == {"output": "ok"}
    assert tried.checkpoint_left == 2


def test_an_async_agent_is_cancelled_where_it_waits() -> None:
    seen = threading.Event()

    @app.agent(id="waits")
    async def waits() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.set()
            raise
        return "done"

    tried = app.trial(waits, {})
    threading.Timer(0.1, tried.cancel).start()
    assert tried.outputs() == {}
    assert seen.is_set()


def test_cancelled_passes_an_except_exception() -> None:
    assert not issubclass(Cancelled, Exception)


def test_two_halves_of_a_character_are_one_again_and_a_half_alone_is_told() -> None:
    assert app.test("halves", {"parts": ["97 55357", "56832 98"]}) == {"output": "a\U0001f600b"}
    for parts in (["97", "55357"], ["97 55357", "98"], ["56832"]):
        with pytest.raises(BadOutput, match="half of a character"):
            app.test("halves", {"parts": parts})


def test_a_checkpoint_is_what_it_was_when_it_was_kept() -> None:
    tried = app.trial("tells", {"how": "held"})
    with pytest.raises(BadOutput):
        tried.outputs()
    assert tried.checkpoint_left == {"pages": [1]}


def test_an_exception_that_cannot_say_what_it_is_is_told_by_its_name() -> None:
    with pytest.raises(Silent):
        app.test("tells", {"how": "silent"})
    assert classify(Silent()) == {"class": "server", "message": "Silent", "no_retry": False}


@pytest.mark.parametrize(
    ("asked", "told_ms"),
    [
        (0.5, 500),
        ("30", 30_000),
        (-1, 0),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        (float("nan"), None),
    ],
)
def test_what_a_header_asks_for_is_waited_for_where_it_is_a_time(asked: Any, told_ms: int | None) -> None:
    assert classify(RateLimited(retry_after=asked)).get("retry_after_ms") == told_ms


def test_no_wait_is_too_long_to_be_told() -> None:
    for asked in (1e300, float("inf")):
        assert 0 < classify(RateLimited(retry_after=asked))["retry_after_ms"] < 2**63
