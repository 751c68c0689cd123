"""The calls of the protocol, with their statuses as exceptions, and what is repeated when nobody knows.

Must never decide what a worker does: it only says what the server said.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

import urllib3

from . import contents
from .transport import ROOT, Answer, Transport, Unreachable

log = logging.getLogger("weft_worker")

T = TypeVar("T")

_FIRST_S = 0.2
_LONGEST_S = 10.0
#: For so long an outage is nobody's concern: proxies cut idle connections, servers restart.
_QUIET_S = 10.0


class Stop(Exception):
    """The server will not have this worker; the sentence says why."""


class Gone(Exception):
    """The session is over."""


class Fenced(Exception):
    """The attempt is not this session's any more."""


class Rejected(Exception):
    """What was sent is wrong or too large."""


class Later(Exception):
    """The server asks for patience."""

    def __init__(self, after_s: float | None, why: str) -> None:
        super().__init__(why)
        self.after_s = after_s


class Api:
    """One session's calls; `register` makes the session."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def register(self, offer: dict[str, Any]) -> dict[str, Any]:
        answer = self.transport.send("POST", f"{ROOT}/sessions", offer)
        if answer.status == 404:
            raise Stop(f"{self.transport.url} knows no outside workers: update the server, or look at the address")
        # 409 is a token that has as many sessions as it may: no attempt of anybody's.
        if answer.status in (400, 409, 413, 422):
            raise Stop(answer.sentence)
        told: dict[str, Any] = _checked(answer).body
        return told

    def claim(self, session: str, n: int, wait_ms: int) -> list[dict[str, Any]]:
        body = {"max": n, "wait_ms": wait_ms}
        answer = self.transport.send("POST", f"{ROOT}/sessions/{session}/claim", body, hold_s=wait_ms / 1000)
        return [] if answer.status == 204 else list(_checked(answer, of_session=True).body["tasks"])

    def beat(self, session: str, body: dict[str, Any], patience_s: float) -> dict[str, Any]:
        """A beat whose connection died in silence has to be given up while there is time for another."""
        path, hold_s = f"{ROOT}/sessions/{session}/beat", body["wait_ms"] / 1000
        answer = self.transport.send("POST", path, body, hold_s=hold_s, patience_s=patience_s)
        told: dict[str, Any] = _checked(answer, of_session=True).body
        return told

    def complete(self, session: str, result: dict[str, Any], claim: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        body: dict[str, Any] = {"results": [result]}
        if claim:
            body["claim"] = {"max": claim}
        answer = _checked(self.transport.send("POST", f"{ROOT}/sessions/{session}/complete", body), of_session=True)
        return answer.body["results"][0], answer.body.get("tasks", [])

    def callback(self, session: str, token: str, within_s: int) -> dict[str, Any]:
        path = f"{ROOT}/sessions/{session}/tasks/{token}/callback"
        told: dict[str, Any] = _checked(self.transport.send("POST", path, {"within_s": within_s})).body
        return told

    def put(self, session: str, content: contents.Content) -> bool:
        """True once they are there."""
        _checked(self.transport.put(f"{ROOT}/sessions/{session}/blobs/{content.sha256}", content))
        return True

    def get(self, session: str, blob: str, start: int = 0) -> urllib3.BaseHTTPResponse:
        answer, stream = self.transport.get(f"{ROOT}/sessions/{session}/blobs/{blob}", start)
        if stream is None:
            _checked(answer)
            raise Rejected(answer.sentence)
        return stream

    def end(self, session: str) -> None:
        answer = self.transport.send("DELETE", f"{ROOT}/sessions/{session}", patience_s=3.0)
        if answer.status not in (404, 410):
            _checked(answer)


def _checked(answer: Answer, *, of_session: bool = False) -> Answer:
    status = answer.status
    if status < 300:
        return answer
    if 300 <= status < 400:
        raise Stop(f"the server is elsewhere: use the address of {answer.location or 'its new place'}")
    if status == 401:
        raise Stop(f"the worker token is unknown, expired or revoked (the server says: {answer.sentence})")
    if status == 403 or answer.code == "protocol_unsupported":
        raise Stop(answer.sentence)
    if status == 410 or (status == 404 and of_session):
        raise Gone(answer.sentence)
    if status in (404, 409):
        raise Fenced(answer.sentence)
    if status in (400, 413, 422):
        raise Rejected(answer.sentence)
    # Whatever else there is (408, 425, 429, 5xx) says nothing about what was sent.
    raise Later(answer.retry_after_s, answer.sentence)


class Patience:
    """How long to wait before the same call is made again; each wait is up to twice the last one."""

    def __init__(self) -> None:
        self._next_s = _FIRST_S
        self._since: float | None = None
        self._has_told = False

    def after(self, error: Unreachable | Later) -> float:
        now = time.monotonic()
        if self._since is None:
            # A kept connection may have been cut while it was idle: another one is tried at once.
            self._since = now
            return 0.0 if isinstance(error, Unreachable) else self._wait(error)
        if now - self._since > _QUIET_S and not self._has_told:
            log.warning("the server cannot be reached, and is tried again: %s", error)
            self._has_told = True
        return self._wait(error)

    def over(self) -> None:
        if self._has_told:
            log.info("the server is back")
        self.__init__()  # type: ignore[misc]

    def _wait(self, error: Unreachable | Later) -> float:
        wait_s = random.uniform(0.5, 1.0) * self._next_s
        self._next_s = min(2 * self._next_s, _LONGEST_S)
        asked = error.after_s if isinstance(error, Later) else None
        return max(wait_s, min(asked, 60.0)) if asked is not None else wait_s


def repeated(call: Callable[[], T], sleep: Callable[[float], bool]) -> T | None:
    """The same call until there is an answer; None once `sleep` says that nobody waits for it any more."""
    patience = Patience()
    while True:
        try:
            told = call()
        except (Unreachable, Later) as error:
            if sleep(patience.after(error)):
                return None
        else:
            patience.over()
            return told
