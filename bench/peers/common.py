"""What the drivers of all peers share: the payload of a step, the checks, and the talk with the crate `bench`.

A driver runs one repeat of a workload for each line that it reads, and answers with one line of JSON: how long it took.
It must never print anything else there, never answer before the work is over and checked, and never start a server of its own:
`bench` starts them and ends them. No driver may hold tuning that a person who follows the peer's documentation would not have.

Environment: WEFT_PEER_FOLDER, where the peer's servers keep their files and sockets; WEFT_PEER_DATABASE, an empty database,
where the peer wants Postgres (host, user and password as libpq's programs find them).
"""

import json
import os
import pathlib
import sys
import time
import traceback
from importlib.metadata import version

FOLDER = pathlib.Path(os.environ["WEFT_PEER_FOLDER"])
DATABASE = os.environ.get("WEFT_PEER_DATABASE", "")
READY_WITHIN_S = 60

_TEXT = "the quick brown agent hands its artifact to the next step. " * 20
# Some libraries greet on the standard output. What is printed from here on goes to the log instead.
_answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)


def payload(upstream=None):
    """The result of a step that does nothing: a JSON object of 1 KB, as Weft's steps leave it."""
    ups = upstream if isinstance(upstream, list) else [upstream]
    out = {"agent": "x", "status": "ok", "n_upstream": sum(up is not None for up in ups), "tokens": 123, "text": ""}
    out["text"] = _TEXT[: 1024 - len(json.dumps(out))]
    return out


def check(found, wanted, what):
    """A workload that did less than it should is no figure."""
    if found != wanted:
        raise RuntimeError(f"{what}: {found!r} instead of {wanted!r}")


def until(look, what):
    """Waits for a server: `look` answers something once it is there, and may raise before."""
    began, last = time.monotonic(), None
    while time.monotonic() - began < READY_WITHIN_S:
        try:
            if found := look():
                return found
        except Exception as error:  # whatever a client raises while its server starts
            last = error
        time.sleep(0.1)
    raise RuntimeError(f"{what} was not ready within {READY_WITHIN_S} s: {last!r}")


def drive(workloads, packages, run=lambda work: work(), versions=None):
    """Says which versions are measured, then runs what it is asked for until nobody asks any more."""
    _answer({"ready": {**(versions or {}), **{package: version(package) for package in packages}}})
    for line in sys.stdin:
        work = workloads[line.strip()]
        try:
            began = time.perf_counter()
            run(work)
            seconds = time.perf_counter() - began
        except Exception as error:  # the peer's own failure, which is told
            traceback.print_exc()
            _answer({"error": f"{type(error).__name__}: {error}"})
        else:
            _answer({"seconds": seconds})


def _answer(message):
    _answers.write(json.dumps(message) + "\n")
    _answers.flush()
