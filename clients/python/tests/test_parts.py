"""Parts of the worker that no server is needed for: bounds, targets, the command line.

Must need no server.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import urllib3

from weft_worker import contents
from weft_worker.api import Api, Stop
from weft_worker.buffers import MAX_DELTAS, Buffers
from weft_worker.cli import main
from weft_worker.holding import Holding
from weft_worker.hub import Hub
from weft_worker.options import Options
from weft_worker.session import Session
from weft_worker.transport import Answer, BadUrl, Transport, checked

TESTS = Path(__file__).parent


def nothing() -> None:
    return


def test_words_and_lines_that_come_too_fast_stay_bounded() -> None:
    buffers = Buffers(nothing)
    tracemalloc.start()
    for n in range(60_000):
        buffers.delta("text", "word ")
        buffers.log("info", f"line {n} " + "x" * 100)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 4 * 1024 * 1024
    told, _ = buffers.take()
    text = told["deltas"][0]["text"]
    assert len(text.encode()) <= MAX_DELTAS
    assert text.endswith(" … ")
    assert len(told["logs"]) <= 1001
    assert "lines were dropped here" in told["logs"][0]["text"]
    assert told["logs"][-1]["text"].startswith("line 59999")


def test_a_line_that_is_too_long_keeps_its_beginning_and_its_end() -> None:
    buffers = Buffers(nothing)
    for line in ("x" * 8_192, f"Traceback {'é' * 9_000} KeyError: 7"):
        buffers.log("error", line)
    whole, cut = (line["text"] for line in buffers.take()[0]["logs"])
    assert whole == "x" * 8_192
    assert len(cut.encode()) <= 8_192
    assert cut.startswith("Traceback é")
    assert cut.endswith("é KeyError: 7")
    assert "bytes are left out here" in cut


def test_what_is_told_can_always_be_sent() -> None:
    buffers = Buffers(nothing)
    buffers.delta("text\ud83d", "a\ud83d")
    buffers.delta("text\ud83d", "\ude00b\udce9")
    buffers.log("info", "caf\udce9")
    told, _ = buffers.take()
    assert told["deltas"] == [{"output": "text\ufffd", "text": "a\U0001f600b\ufffd"}]
    assert told["logs"][0]["text"] == "caf\ufffd"
    assert contents.to_json(told)


def test_a_lost_beat_sends_all_but_text_again() -> None:
    buffers = Buffers(nothing)
    buffers.delta("text", "seen")
    buffers.log("info", "one")
    buffers.progress(1, 2, "")
    stored = buffers.checkpoint({"page": 1})
    told, waiting = buffers.take()
    buffers.log("info", "two")
    newer = buffers.checkpoint({"page": 2})
    buffers.give_back(told, waiting)
    told, waiting = buffers.take()
    assert [line["text"] for line in told["logs"]] == ["one", "two"]
    assert "deltas" not in told
    assert told["checkpoint"] == {"page": 2}
    assert waiting == [stored, newer], "each caller hears of it"


def test_a_token_with_too_many_sessions_stops_the_worker_with_the_servers_words() -> None:
    class Refusing(Transport):
        def send(
            self, method: str, path: str, body: Any = None, *, hold_s: float = 0.0, patience_s: float = 0.0
        ) -> Answer:
            return Answer(409, {"code": "conflict", "detail": "This token has as many sessions as it may."}, None)

    with pytest.raises(Stop, match="as many sessions as it may"):
        Api(Refusing("https://weft.example.org", "t", agent="a")).register({})


def test_a_hold_that_was_cut_twice_is_asked_for_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("weft_worker.holding.clock", lambda: now)
    holding = Holding(25.0)
    assert holding.begin(30.0) == 25.0
    now = 10.0
    assert holding.was_cut()
    assert holding.begin(30.0) == 25.0, "once is no habit"
    now = 20.0
    assert holding.was_cut()
    assert holding.begin(30.0) == 8.0
    now = 20.1
    assert not holding.was_cut(), "what ends at once is an outage"


def test_the_servers_clock_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "session": "s",
        "beat_every_ms": 5000,
        "lease_ms": 20000,
        "wait_ms_max": 30000,
        "inline_max": 65536,
        "server_time": "2001-02-03T04:05:06.123456789Z",
    }
    session = Session.granted(told, 0.0)
    assert session.now().isoformat().startswith("2001-02-03T04:05:06")
    session.renew(1.0, {"server_time": "2001-02-03T05:05:06Z"})
    assert session.now().isoformat().startswith("2001-02-03T05:05:06")


def test_a_file_that_changes_while_it_is_sent_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a" * 10)
    content = contents.of_path(path)
    assert content.sha256 == hashlib.sha256(b"a" * 10).hexdigest()
    path.write_bytes(b"a" * 20)
    with content.open() as stream:
        assert b"".join(contents.chunks(content, stream)) == b"a" * 10
    path.write_bytes(b"a")
    with content.open() as stream, pytest.raises(contents.Changed):
        list(contents.chunks(content, stream))


@pytest.mark.parametrize(
    "url", ["weft.example.org", "ftp://weft", "https://weft.example.org/app", "https://me:pw@weft"]
)
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(BadUrl) as told:
        checked(url)
    assert "pw" not in str(told.value)
    assert checked(" https://weft.example.org:8443/ ") == "https://weft.example.org:8443"


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:pw@proxy.example.org:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example.org")
    outside = Transport("https://weft.example.org", "t", agent="a")
    inside = Transport("https://inside.example.org", "t", agent="a")
    assert isinstance(outside._pool, urllib3.ProxyManager)
    assert outside._pool.proxy_headers["proxy-authorization"].startswith("Basic ")
    assert not isinstance(inside._pool, urllib3.ProxyManager)
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example.org")
    with pytest.raises(BadUrl, match="only http and https"):
        Transport("https://weft.example.org", "t", agent="a")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["check", "no_such_module:app"], "there is no module `no_such_module`"),
        (["check", "agents:nothing"], "has no `nothing`"),
        (["check", "json:dumps"], "is no App"),
        (["check", "json"], "has no agents"),
        (["run", "agents:app", "--token", "t"], "say where the server is"),
        (["run", "agents:app", "--url", "http://h"], "there is no token"),
        (["run", "agents:app", "--url", "h", "--token", "t"], "is no address"),
        (["run", "agents:app", "--url", "http://h", "--token", "t", "--slots", "0"], "--slots is from 1"),
        (["run", "agents:app", "--url", "http://h", "--token", "t", "--health", "x"], "--health is HOST:PORT"),
        (["run", "agents:app", "--url", "http://h", "--token", "t", "--health", "127.0.0.1:99999"], "listened at"),
        (["run", "agents:app", "--url", "http://h", "--token", "t", "--label", "gpu"], "has no value"),
    ],
)
def test_a_mistake_on_the_command_line_is_a_sentence(
    arguments: list[str], word: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(TESTS)
    assert main(arguments) == 2
    assert word in capsys.readouterr().err


def test_check_prints_the_ports(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)
    assert main(["check", "agents"]) == 0
    printed = capsys.readouterr().out
    assert 'in   tone: "plain" | "loud" (may be left out)' in printed
    assert "out  file: file" in printed
    assert main(["check", "agents", "--json"]) == 0
    assert {each["id"] for each in json.loads(capsys.readouterr().out)} >= {"py-echo", "py-parts"}


def test_how_an_agent_stands_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    hub = Hub(Options(url="http://127.0.0.1:1", token="weftw_x"))
    offered = {"summarize": {"state": "offered"}}
    accepted = {"summarize": {"state": "accepted", "version": 1}}
    with caplog.at_level("INFO", logger="weft_worker"):
        for told in (offered, offered, accepted, accepted, offered):
            hub.tell_standing(told)
    said = [record.getMessage() for record in caplog.records]
    assert ["accepted" in each for each in said] == [False, True, False]


def test_the_package_needs_no_pydantic_and_no_celery() -> None:
    program = (
        "import sys; sys.modules.update(pydantic=None, celery=None)\n"
        "import agents; agents.app.test('py-echo', {'text': 'a'})"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=TESTS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
