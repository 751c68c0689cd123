"""Walks the REST interface by its own description: as an admin, as a user and as nobody, over a Weft of its own.

Must never touch a database or a folder that it did not make itself. What it found is said by schemathesis, with a command to repeat it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

SEED = 20261130
READY_WITHIN_S = 120.0
PASSWORD = "a-password-for-walks"
PHASES = "examples,coverage,fuzzing,stateful"

# How much each walk asks.
AMOUNTS = Path(__file__).with_name("schemathesis.toml")

# Who walks, and how many links from one route to another have to be followed at least: what an admin makes is read and deleted again; a user
# makes nothing by random texts that others can be asked about.
WALKS = {"admin": 2, "user": 0, "nobody": 0}

# Checks that do not hold here, each with its reason.
LEFT_OUT = {
    "positive_data_acceptance": "shapes say what a value is, not that it is there: an id that nobody has, or a workflow"
    " that cannot run, is refused with 404 or 422",
    "missing_required_header": "a callback without its secret is answered like one with a wrong secret: 404",
    "object_level_authorization": "it wants two accounts that it makes itself; the access matrix walks five people"
    " over every route",
}

# Routes that are not walked, each with its reason. They are described like all others, and other tests attack them.
NOT_WALKED = {
    "people_update": "whoever walks would be disabled, or given another password",
    "people_revoke_token": "whoever walks would end the token they walk with, and be nobody from there on",
    "people_revoke_token_of": "the same, and those that walk after them",
    "people_confirm": "a wrong password slows the next one down, for minutes",
    "notices_test_email": "it would connect to whatever host was made up, and wait for it",
    "notices_test_address": "the same",
    "run_feed_run_socket": "a WebSocket",
    "my_runs_my_socket": "a WebSocket",
}


class Weft:
    """`weft serve` over a fresh folder, with an admin and a user."""

    def __init__(self, binary: str) -> None:
        self._binary = binary
        self._folder = Path(tempfile.mkdtemp(prefix="weft-interface-"))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WEFT_", "DATABASE_", "OTEL_"))}
        # It asks faster than any person, and starts more.
        quotas = {"WEFT_USER_RUNNING_RUNS": "off", "WEFT_USER_REQUESTS_PER_SECOND": "off"}
        self._env = {**kept, **quotas, "WEFT_DATA_DIR": str(self._folder), "WEFT_LISTEN": "127.0.0.1:0"}
        self._lines: list[str] = []
        self._ready = threading.Event()
        self.url = ""
        self._server = subprocess.Popen(
            [binary, "serve"], env=self._env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        threading.Thread(target=self._read, daemon=True).start()
        try:
            if not self._ready.wait(READY_WITHIN_S):
                raise TimeoutError("weft serve was not ready")
            self.tokens = {
                "admin": self._person("admin", "read,run,review,admin"),
                "user": self._person("user", "read,run,review"),
                "nobody": None,
            }
            # Something to find.
            self._command("seed")
        except BaseException:
            self.stop()
            sys.stderr.write("".join(self._lines[-50:]))
            raise

    def _read(self) -> None:
        assert self._server.stdout is not None
        for line in self._server.stdout:
            self._lines.append(line)
            found = re.search(r"Weft is at (http://\S+)", line)
            if found:
                self.url = found[1].rstrip("/")
                self._ready.set()

    def _person(self, role: str, scopes: str) -> str:
        email = f"{role}@example.com"
        self._command("user", "create", "--role", role, "--email", email, "--password-stdin")
        return self._command("token", "create", "--email", email, "--scope", scopes)

    def _command(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._binary, *arguments], env=self._env, input=f"{PASSWORD}\n", capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"weft {' '.join(arguments[:2])}: {done.stderr}{done.stdout}")
        return done.stdout.strip()

    def stop(self) -> None:
        self._server.terminate()
        try:
            self._server.wait(40)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def walk(url: str, token: str | None, reports: Path, who: str) -> bool:
    program = Path(sys.executable).with_name("schemathesis")
    command = [str(program), "--config-file", str(AMOUNTS), "--no-color", "run", f"{url}/api/openapi.json"]
    # One worker: in what order things are asked is then the seed's alone, and parsers of Python before 3.11.8 fail where threads meet.
    command += ["--phases", PHASES, "--seed", str(SEED), "--workers", "1"]
    command += ["--checks", "all", "--exclude-checks", ",".join(LEFT_OUT), "--continue-on-failure"]
    command += ["--generation-database", "none", "--request-timeout", "30", "--warnings", "off"]
    command += ["--report", "junit", "--report-junit-path", str(reports / f"{who}.xml")]
    for name in NOT_WALKED:
        command += ["--exclude-operation-id", name]
    if token is not None:
        command += ["--header", f"Authorization: Bearer {token}"]
        # Nor a made-up cookie beside it, which nobody looks at; nobody comes with made-up ones of both kinds.
        command += ["--generation-with-security-parameters", "false"]
    # Configuration of whoever runs this is not ours.
    walking = subprocess.Popen(command, cwd=reports, stdout=subprocess.PIPE, text=True)
    assert walking.stdout is not None
    n_followed = 0
    for line in walking.stdout:
        print(line, end="", flush=True)
        found = re.search(r"API Links:\s+(\d+) covered", line)
        n_followed = int(found[1]) if found else n_followed
    is_fine = walking.wait() == 0
    if n_followed < WALKS[who]:
        print(f"-- as {who}: {n_followed} links were followed, and {WALKS[who]} have to be", flush=True)
        is_fine = False
    if token is not None and not is_token(url, token):
        print(f"-- as {who}: the token ended on the way, so what came after was asked by nobody", flush=True)
        is_fine = False
    return is_fine


def is_token(url: str, token: str) -> bool:
    request = urllib.request.Request(f"{url}/api/me", headers={"Authorization": f"Bearer {token}"})
    # The server is here, whatever proxy this machine asks others through.
    ours = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with ours.open(request, timeout=30) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


def main() -> int:
    reports = Path(sys.argv[1])
    reports.mkdir(parents=True, exist_ok=True)
    weft = Weft(os.environ["WEFT_BIN"])
    failed = []
    try:
        for who in WALKS:
            print(f"-- as {who}", flush=True)
            began = time.monotonic()
            if not walk(weft.url, weft.tokens[who], reports, who):
                failed.append(who)
            print(f"-- as {who}: {time.monotonic() - began:.0f} s", flush=True)
    finally:
        weft.stop()
    print(f"walked as {len(WALKS)}, failed as {len(failed)}: {', '.join(failed) or 'nobody'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
