"""The example whole: makes a token for the worker, accepts its agents, publishes a workflow over them, and runs it.

Must be run against a Weft of one's own: it acts as the admin whose token it is given.

    WEFT_URL=http://127.0.0.1:3000 WEFT_TOKEN=... python examples/run.py
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import Any

from reports import app

from weft_worker.logs import configure
from weft_worker.options import Options
from weft_worker.worker import Worker

NAME = "Report, from Python"
# Of the worker tokens that it is given, the newest is good.
TOKEN_NAME = "python-example"
TEXT = (
    "Weft runs workflows whose steps are agents. A person stays in control of each of them. "
    "These three are plain Python functions. One of them is slow. Send its summary back, and it hears why."
)


def step(key: str, output: str) -> dict[str, str]:
    return {"from": "step", "step": key, "artifact": output}


DEFINITION: dict[str, Any] = {
    "inputs": {
        "text": {
            "title": "Text",
            "schema": {"type": "string", "format": "multiline"},
            "required": True,
            "default": TEXT,
        },
        "tone": {
            "title": "Tone",
            "schema": {"type": "string", "enum": ["plain", "cheerful"]},
            "required": True,
            "default": "plain",
        },
    },
    "steps": {
        "figures": {
            "title": "Count words",
            "agent_id": "count-words",
            "inputs": {"text": {"from": "run", "key": "text"}},
            "ui": {"x": 0, "y": 0},
        },
        "summary": {
            "title": "Write a summary",
            "agent_id": "write-summary",
            "inputs": {"text": {"from": "run", "key": "text"}, "tone": {"from": "run", "key": "tone"}},
            "review": {"mode": "always"},
            "ui": {"x": 0, "y": 280},
        },
        "report": {
            "title": "Make a report",
            "agent_id": "make-report",
            "depends_on": ["figures", "summary"],
            "inputs": {"summary": step("summary", "summary"), "figures": step("figures", "figures")},
            "ui": {"x": 320, "y": 140},
        },
    },
}


class Weft:
    """What an admin does by hand on the pages for workers, the library and workflows."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._token = token

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            told = error.read().decode(errors="replace")
            raise SystemExit(f"{method} {path}: {error.code} {told}") from error
        except urllib.error.URLError as error:
            raise SystemExit(f"{self.url} does not answer ({error.reason}): start it with `weft serve`") from error

    def revoke_older(self) -> None:
        """An agent belongs to one token, so those of the last times are revoked."""
        known = [each["id"] for each in self.ask("GET", "/api/worker-tokens") if each["name"] == TOKEN_NAME]
        for older in known[1:]:
            self.ask("DELETE", f"/api/worker-tokens/{older}")

    def accept(self) -> None:
        """Takes into the library what the worker offers."""
        missing = set(app.agents)
        while missing:
            for offer in self.ask("GET", "/api/workers/offers"):
                if offer["agent_id"] in missing and offer["n_sessions"]:
                    if offer["accepted_version"] is None:
                        chosen = {"agent_id": offer["agent_id"], "hash": offer["hash"]}
                        self.ask("POST", "/api/workers/offers/accept", chosen)
                    missing.discard(offer["agent_id"])
            time.sleep(0.2)

    def publish(self) -> str:
        """The workflow, made once."""
        known = [each["id"] for each in self.ask("GET", "/api/workflows/gallery") if each["name"] == NAME]
        if known:
            return str(known[0])
        made = self.ask("POST", "/api/workflows/templates", {"name": NAME, "definition": DEFINITION})
        self.ask("POST", f"/api/workflows/templates/{made['id']}/publish", {})
        return str(made["id"])


def prepare(weft: Weft) -> None:
    try:
        weft.accept()
        weft.publish()
    except SystemExit as error:
        print(error, file=sys.stderr)
        return
    print(f"\nOpen {weft.url}/dashboard and start “{NAME}”. Ctrl-C ends the worker.\n", flush=True)


def main() -> int:
    token, worker_token = os.environ.get("WEFT_TOKEN", ""), os.environ.get("WEFT_WORKER_TOKEN", "")
    agents = ",".join(app.agents)
    for name, value, command in (
        ("WEFT_TOKEN", token, "weft token create --email YOU --scope read,run,review,admin"),
        ("WEFT_WORKER_TOKEN", worker_token, f"weft worker-token create --name {TOKEN_NAME} --agents {agents}"),
    ):
        if not value:
            print(f"Set {name}: `{command}` prints one", file=sys.stderr)
            return 2
    weft = Weft(os.environ.get("WEFT_URL", "http://127.0.0.1:3000"), token)
    configure("info")
    weft.revoke_older()
    worker = Worker(app.agents, Options(url=weft.url, token=worker_token, name=app.name))
    threading.Thread(target=prepare, args=(weft,), daemon=True).start()
    return worker.run()


if __name__ == "__main__":
    raise SystemExit(main())
