"""A real Weft for the tests: `weft serve` over a fresh data folder, and its REST API as an admin uses it.

Must never touch a database or a folder that it did not make itself.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

READY_WITHIN_S = 120.0
_PASSWORD = "a-password-for-tests"
_EMAIL = "ada@example.com"


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


def binary() -> Path:
    """`WEFT_BIN`, or what the repository's own build made."""
    built = Path(__file__).parents[3] / "target" / "ci" / "weft"
    path = Path(os.environ.get("WEFT_BIN") or built)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: build it, or say in WEFT_BIN where it is")
    return path


class Weft:
    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="weft-python-"))
        quotas = {"WEFT_USER_RUNNING_RUNS": "off", "WEFT_USER_REQUESTS_PER_SECOND": "off"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WEFT_", "DATABASE_"))}
        self._env = {**kept, **quotas, "WEFT_DATA_DIR": str(self.folder), "WEFT_LISTEN": "127.0.0.1:0"}
        self._lines: list[str] = []
        self._ready = threading.Event()
        self.url = ""
        self._start()
        self._command("user", "create", "--role", "admin", "--email", _EMAIL, "--password-stdin")
        self.token = self._command("token", "create", "--email", _EMAIL, "--scope", "read,run,review,admin")

    def _start(self) -> None:
        self._ready.clear()
        self._server = subprocess.Popen(
            [str(binary()), "serve"], env=self._env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        threading.Thread(target=self._read, args=(self._server,), daemon=True).start()
        if not self._ready.wait(READY_WITHIN_S):
            raise TimeoutError("weft serve was not ready:\n" + "".join(self._lines[-50:]))

    def _read(self, server: subprocess.Popen[str]) -> None:
        if server.stdout is None:
            return
        for line in server.stdout:
            self._lines.append(line)
            found = re.search(r"Weft is at (http://\S+)", line)
            if found:
                self.url = found[1].rstrip("/")
                self._ready.set()

    @property
    def log(self) -> str:
        return "".join(self._lines)

    def stop(self) -> None:
        self._server.terminate()
        try:
            self._server.wait(40)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _command(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(binary()), *arguments],
            env=self._env,
            input=f"{_PASSWORD}\n",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"weft {arguments[0]} {arguments[1]}: {done.stderr}{done.stdout}")
        return done.stdout.strip()

    # REST

    def ask(
        self, method: str, path: str, body: Any = None, *, raw: bool = False, headers: Mapping[str, str] = {}
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {self.token}", "content-type": "application/json", **headers}
        request = urllib.request.Request(f"{self.url}{path}", data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode(errors="replace")) from error
        return content if raw else json.loads(content or b"null")

    def worker_token(self, *agents: str) -> tuple[str, str]:
        """The secret, and the token's id. No API token makes one: the operator does, beside the database."""
        name = f"tests {time.monotonic_ns()}"
        secret = self._command("worker-token", "create", "--name", name, "--agents", ",".join(agents))
        known = next(each for each in self.ask("GET", "/api/worker-tokens") if each["name"] == name)
        return secret, str(known["id"])

    def revoke(self, token_id: str) -> None:
        self.ask("DELETE", f"/api/worker-tokens/{token_id}")

    def sessions(self) -> list[dict[str, Any]]:
        found = self.ask("GET", "/api/workers")
        return [each for each in found if each["state"] != "gone"]

    def set_session(self, session: str, state: str) -> None:
        self.ask("PATCH", f"/api/workers/{session}", {"state": state})

    def accept(self, *agents: str, within_s: float = 30) -> None:
        """Takes what is offered of these agents into the library."""

        def offered() -> bool:
            offers = {each["agent_id"]: each for each in self.ask("GET", "/api/workers/offers") if each["n_sessions"]}
            for agent in agents:
                if agent in offers and offers[agent]["accepted_version"] is None:
                    hash_ = offers[agent]["hash"]
                    self.ask("POST", "/api/workers/offers/accept", {"agent_id": agent, "hash": hash_})
            return all(agent in offers for agent in agents)

        wait_for(offered, within_s, f"offers of {agents}")

    def publish(self, name: str, definition: Mapping[str, Any]) -> str:
        made = self.ask("POST", "/api/workflows/templates", {"name": name, "definition": definition})
        self.ask("POST", f"/api/workflows/templates/{made['id']}/publish", {})
        return str(made["id"])

    def start(self, template: str, inputs: Mapping[str, Any] | None = None) -> str:
        body = {"template_id": template, "inputs": inputs or {}, "auto_run": True}
        return str(self.ask("POST", "/api/workflows/runs", body)["id"])

    def start_step(self, agent: str, inputs: Mapping[str, Any] | None = None, **step: Any) -> str:
        """A run of one step, called `it`, on constants."""
        given = {name: {"const": value} for name, value in (inputs or {}).items()}
        definition = {"steps": {"it": {"agent_id": agent, "inputs": given, **step}}}
        return self.start(self.publish(f"{agent} {time.monotonic_ns()}", definition))

    def run(self, run: str) -> dict[str, Any]:
        told: dict[str, Any] = self.ask("GET", f"/api/workflows/runs/{run}")
        return told

    def step(self, run: str, key: str = "it") -> dict[str, Any]:
        return next(each for each in self.run(run)["steps"] if each["key"] == key)

    def verb(self, run: str, verb: str, key: str = "it", body: Any = None) -> None:
        self.ask("POST", f"/api/workflows/runs/{run}/steps/{key}/{verb}", body or {})

    def until(self, run: str, *statuses: str, key: str = "it", within_s: float = 60) -> dict[str, Any]:
        """The step once it has one of these statuses."""
        wait_for(
            lambda: self.step(run, key)["status"] in statuses, within_s, lambda: f"{statuses}: {self.step(run, key)}"
        )
        return self.step(run, key)

    def artifacts(self, run: str, name: str = "output", key: str = "it") -> list[dict[str, Any]]:
        """All versions, the newest last."""
        found = [
            each for each in self.run(run)["artifacts"] if (each["producing_step_id"], each["name"]) == (key, name)
        ]
        return sorted(found, key=lambda each: int(each["version"]))

    def output(self, run: str, name: str = "output", key: str = "it") -> Any:
        newest = self.artifacts(run, name, key)[-1]
        return self.ask("GET", f"/api/workflows/runs/{run}/artifacts/{newest['id']}")["content"]

    def logs(self, run: str, attempt: int = 1, key: str = "it") -> list[dict[str, str]]:
        path = f"/api/workflows/runs/{run}/steps/{key}/attempts/{attempt}/logs"
        lines: list[dict[str, str]] = self.ask("GET", path)["lines"]
        return lines


def wait_for(is_so: Callable[[], bool], within_s: float, what: str | Callable[[], str]) -> None:
    end = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s} s: {what() if callable(what) else what}")
        time.sleep(0.05)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def pass_a_file(weft: Weft, size: int, within_s: float) -> None:
    steps = {
        "make": {"agent_id": "py-make-file", "inputs": {"size": {"const": size}}},
        "it": {
            "agent_id": "py-read-file",
            "depends_on": ["make"],
            "inputs": {"file": {"from": "step", "step": "make", "artifact": "file"}},
        },
    }
    run = weft.start(weft.publish(f"file {time.monotonic_ns()}", {"steps": steps}))
    weft.until(run, "completed", within_s=within_s)
    assert weft.output(run) == size
