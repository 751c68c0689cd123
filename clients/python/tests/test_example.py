"""The example, as a newcomer runs it.

Must use it as it stands in the repository.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from weft import Weft, wait_for

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_example_runs_in_one_command_and_its_reviewer_is_heard(weft: Weft) -> None:
    env = {**os.environ, "WEFT_URL": weft.url, "WEFT_TOKEN": weft.token, "PYTHONUNBUFFERED": "1"}
    env["WEFT_WORKER_TOKEN"] = weft.worker_token("count-words", "write-summary", "make-report")[0]
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLES / "run.py")], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines: list[str] = []

    def read() -> None:
        lines.extend(process.stdout or ())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        name = "Report, from Python"

        def published() -> list[str]:
            return [each["id"] for each in weft.ask("GET", "/api/workflows/gallery") if each["name"] == name]

        wait_for(lambda: bool(published()), 30, lambda: f"it is published: {lines}")
        run = weft.start(published()[0], {"text": "One thing. Another.", "tone": "cheerful"})
        weft.until(run, "awaiting_review", key="summary")
        assert weft.output(run, "summary", "summary") == "- One thing!\n- Another!\n"
        weft.verb(run, "reject", "summary", {"feedback": "Say it once"})
        wait_for(lambda: len(weft.artifacts(run, "summary", "summary")) == 2, 30, "another summary")
        assert "asked: Say it once" in weft.output(run, "summary", "summary")
        weft.until(run, "awaiting_review", key="summary")
        weft.verb(run, "continue", "summary")
        weft.until(run, "completed", key="report")
        assert "3 words" in weft.output(run, "report", "report")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        if process.poll() is None:
            process.kill()
        reader.join(5)
        print("".join(lines))
