"""The agents of the tests: each does one thing that a test looks at.

Must not need anything but the package: workers of the tests run them in processes of their own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from weft_worker import App, Context, File, Permanent, RateLimited, Refused

app = App("tests")


@dataclass
class Parts:
    summary: str
    n_words: int


@app.agent(id="py-echo")
def echo(text: str, times: int = 1) -> str:
    return text * times


@app.agent(id="py-parts", outputs=True)
def parts(text: str, tone: Literal["plain", "loud"] = "plain") -> Parts:
    return Parts(summary=text.upper() if tone == "loud" else text, n_words=len(text.split()))


@app.agent(id="py-any")
def any_value(value: Any) -> Any:
    return value


@app.agent(id="py-words")
def words(text: str) -> Iterator[str]:
    for word in text.split():
        yield word + " "


@app.agent(id="py-many")
def many(n: int) -> Iterator[str]:
    for _ in range(n):
        yield "word "


@app.agent(id="py-async-words", output="text")
async def async_words(text: str) -> AsyncIterator[str]:
    for word in text.split():
        await asyncio.sleep(0.01)
        yield word + " "


@app.agent(id="py-draft")
def draft(text: str, ctx: Context) -> str:
    if not ctx.feedback:
        return f"A draft of {text}"
    return f"{text}, {ctx.feedback.text} (before: {ctx.feedback.outputs['output']})"


@app.agent(id="py-wait", timeout_s=300)
def wait(path: str, seconds: float, ctx: Context) -> str:
    """Leaves a line for each attempt, and one for each that was stopped."""
    note(path, f"began {ctx.attempt} {os.getpid()}")
    if ctx.cancelled.wait(seconds):
        note(path, f"stopped {ctx.attempt} {ctx.cancelled.why}")
    return f"attempt {ctx.attempt}"


@app.agent(id="py-async-wait", timeout_s=300)
async def async_wait(path: str, seconds: float, ctx: Context) -> str:
    note(path, f"began {ctx.attempt}")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        note(path, f"stopped {ctx.attempt}")
        raise
    return "waited"


@app.agent(id="py-stubborn", timeout_s=300)
def stubborn(path: str, seconds: float) -> str:
    """Looks at nothing."""
    note(path, "began")
    time.sleep(seconds)
    note(path, "ended")
    return "done"


@app.agent(id="py-busy", timeout_s=300)
def busy(seconds: float) -> str:
    end = time.monotonic() + seconds
    n = 0
    while time.monotonic() < end:
        n += 1
    return "busy"


@app.agent(id="py-hold", timeout_s=300)
def hold(n: int) -> str:
    """One call that holds the interpreter's lock throughout."""
    return f"{len(bin(pow(3, n)))} bits"


@app.agent(id="py-die")
def die(path: str) -> str:
    """Takes its process with it, the first time."""
    if not Path(path).exists():
        note(path, "died")
        os._exit(9)
    return "alive"


@app.agent(id="py-fork", timeout_s=300)
def fork(path: str, how: str) -> str:
    """Starts one that holds all that is open here, and one as a program of its own, and both ignore every wish."""
    note(path, f"child {os.getpid()}")
    forked = os.fork()
    if forked == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
        os._exit(0)
    note(path, f"forked {forked}")
    program = subprocess.Popen(["/bin/sh", "-c", "trap '' TERM INT HUP; while :; do sleep 1; done"])
    note(path, f"program {program.pid}")
    if how == "abort":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.abort()
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "exit":
        os._exit(9)
    if how == "hang":
        time.sleep(600)
    return how


@app.agent(id="py-come-back")
def come_back() -> str:
    """Forks a copy that does not end by itself."""
    forked = os.fork()
    if forked == 0:
        raise SystemExit(7)
    return f"ended with {os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1])}"


class Cut(str):
    """A text that holds the document that it was cut from, as those of parsers do, and cannot be copied with it."""

    def __reduce__(self) -> NoReturn:
        raise RecursionError("maximum recursion depth exceeded")


@app.agent(id="py-cut")
def cut(text: str) -> str:
    return Cut(text)


@app.agent(id="py-flood", output="text")
def flood(n: int, ctx: Context) -> str:
    """More than anybody can read, in every way there is."""
    for at in range(n):
        ctx.log(f"line {at} " + "x" * 200)
        ctx.progress(at, n, "on and on")
        ctx.stream("word " * 20)
    return f"{n} lines"


@app.agent(id="py-fail")
def fail(how: str, path: str) -> str:
    note(path, how)
    if how == "rate_limit":
        raise RateLimited(retry_after=0.2)
    if how == "permanent":
        raise Permanent("The account is closed")
    if how == "refused":
        raise Refused("That is not for me")
    if how == "timeout":
        raise TimeoutError("the other side is slow")
    if how == "exit":
        raise SystemExit(4)
    raise KeyError("no such thing\nand a second line")


@app.agent(id="py-once-more")
def once_more(path: str, ctx: Context) -> str:
    """Fails at first, and leaves a checkpoint and a log."""
    logging.getLogger("team").warning("attempt %d", ctx.attempt)
    ctx.progress(ctx.attempt, 2, "at it")
    if ctx.last_checkpoint is None:
        ctx.checkpoint({"page": 7, "key": ctx.idempotency_key})
        raise ConnectionError("gone")
    assert ctx.last_checkpoint["key"] == ctx.idempotency_key
    return f"from page {ctx.last_checkpoint['page']}"


@app.agent(id="py-wrong")
def wrong(what: str) -> int:
    return what  # type: ignore[return-value]


@app.agent(id="py-large", output="text")
def large(n: int) -> str:
    return "x" * n


@app.agent(id="py-make-file", output="file")
def make_file(size: int, ctx: Context) -> File:
    path = Path(f"/tmp/weft-worker-{os.getpid()}-{ctx.run}.bin")
    with path.open("wb") as stream:
        for _ in range(size // 1024):
            stream.write(b"0123456789abcdef" * 64)
    try:
        return ctx.file(path, "application/octet-stream", "numbers.bin")
    finally:
        path.unlink()


@app.agent(id="py-read-file")
def read_file(file: File, ctx: Context) -> int:
    size = 0
    with ctx.open(file) as stream:
        while chunk := stream.read(1 << 20):
            size += len(chunk)
    return size


@app.agent(id="py-callback", timeout_s=60)
def callback(path: str, ctx: Context) -> str:
    asked = ctx.wait_for_callback(within_s=120)
    note(path, f"{asked.url} {asked.secret}")
    raise asked.suspend


@app.agent(id="py-last")
def last(n: int) -> Generator[str | int, None, None]:
    yield "counting "
    yield n


def note(path: str, line: str) -> None:
    with Path(path).open("a") as stream:
        stream.write(line + "\n")
