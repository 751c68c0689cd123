"""The command line: `weft-worker run`, `dev` and `check`.

Must end with a sentence, not a traceback, for whatever a person can mistype.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import dev
from .agent import Agent
from .errors import BadAgent
from .health import BadAddress
from .loading import BadTarget, load
from .logs import configure
from .options import Options, of_environment
from .transport import BadUrl, checked
from .version import VERSION
from .worker import Worker

_USAGE = 2


def main(arguments: list[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    told = _parser().parse_args(given)
    try:
        if told.command == "check":
            return _check(told.target, told.json)
        return _run(told, given)
    except (BadAgent, BadTarget, BadUrl, BadAddress, _BadOption) as error:
        print(f"weft-worker: {error}", file=sys.stderr)
        return _USAGE


class _BadOption(Exception):
    """Something on the command line cannot be meant."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="weft-worker", description="Runs Python functions as agents of Weft workflows"
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("run", "claim steps and do them"),
        ("dev", "the same, begun anew when a file changes"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("target", help="where the agents are, such as module:app")
        command.add_argument("--url", default=of_environment("WEFT_URL"), help="the server's address (WEFT_URL)")
        command.add_argument(
            "--token",
            default=of_environment("WEFT_WORKER_TOKEN"),
            help="better by WEFT_WORKER_TOKEN: others see the command line",
        )
        command.add_argument("--name", help="what admins see; the app's name unless given")
        command.add_argument("--slots", type=int, help="steps at a time (8)")
        command.add_argument("--processes", type=int, default=0, help="run agents in so many processes, not in threads")
        command.add_argument(
            "--wait",
            type=float,
            default=25,
            metavar="S",
            help="seconds that the server may hold an answer; less than what a proxy between cuts (25)",
        )
        command.add_argument(
            "--grace",
            type=float,
            default=30,
            metavar="S",
            help="seconds that running steps get when the worker is asked to end (30)",
        )
        command.add_argument(
            "--build-id", default=of_environment("WEFT_BUILD_ID"), help="what is deployed (WEFT_BUILD_ID)"
        )
        command.add_argument("--label", action="append", default=[], metavar="KEY=VALUE", help="may be given again")
        command.add_argument("--health", default="", metavar="HOST:PORT", help="serve /health and /metrics there")
        command.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    check = commands.add_parser("check", help="print the agents and their ports", description="Needs no server")
    check.add_argument("target", help="where the agents are, such as module:app")
    check.add_argument("--json", action="store_true", help="as they are offered to a server")
    return parser


def _run(told: argparse.Namespace, given: list[str]) -> int:
    configure(told.log_level)
    options = _options(told, "worker")
    if told.command == "dev":
        return dev.watch(given[1:], Path.cwd())
    name, agents = load(told.target)
    options = _options(told, name)
    return Worker(agents, options, target=told.target, health_at=told.health).run()


def _options(told: argparse.Namespace, name: str) -> Options:
    if not told.url:
        raise _BadOption("say where the server is: --url https://weft.example.org, or WEFT_URL")
    if not told.token:
        raise _BadOption("there is no token: an admin makes one under Workers, then set WEFT_WORKER_TOKEN")
    slots = told.slots if told.slots is not None else told.processes or 8
    if not 1 <= slots <= 1000:
        raise _BadOption("--slots is from 1 to 1000")
    if not 0 <= told.processes <= 256:
        raise _BadOption("--processes is from 0 to 256")
    if told.wait < 1 or told.grace < 0:
        raise _BadOption("--wait is at least 1 second, --grace at least 0")
    if told.health and not told.health.rpartition(":")[2].isdigit():
        raise _BadOption("--health is HOST:PORT, such as 127.0.0.1:9091")
    odd = next((label for label in told.label if "=" not in label), None)
    if odd is not None:
        raise _BadOption(f"--label {odd} has no value: write KEY=VALUE")
    return Options(
        url=checked(told.url),
        token=told.token,
        name=told.name or name,
        slots=min(slots, told.processes) if told.processes else slots,
        wait_ms=round(told.wait * 1000),
        grace_s=told.grace,
        build_id=told.build_id,
        labels=dict(label.split("=", 1) for label in told.label),
        processes=told.processes,
    )


def _check(target: str, as_json: bool) -> int:
    _, agents = load(target)
    if as_json:
        print(json.dumps([agent.offer() for agent in agents.values()], indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(_described(agents)))
    return 0


def _described(agents: Mapping[str, Agent[..., Any]]) -> list[str]:
    told = []
    for agent in agents.values():
        lines = [
            f"{agent.id}  {agent.name}",
            f"  side effects: {agent.side_effects}, up to {agent.timeout_s} s",
        ]
        for port in agent.inputs.values():
            optional = "" if port.required else " (may be left out)"
            lines += [f"  in   {port.parameter}: {_kind(port.schema)}{optional}"]
        lines += [f"  out  {name}: {_kind(schema)}" for name, schema in agent.outputs.schemas.items()]
        told.append("\n".join(lines))
    return told


def _kind(schema: dict[str, Any]) -> str:
    if schema.get("format") == "file":
        return "file"
    if "enum" in schema:
        return " | ".join(json.dumps(choice, ensure_ascii=False) for choice in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}" if schema.get("items") else "list"
    if schema.get("properties"):
        return "{" + ", ".join(f"{name}: {_kind(part)}" for name, part in schema["properties"].items()) + "}"
    words = {"string": "text", "integer": "whole number", "boolean": "yes/no", "array": "list"}
    kind: str = schema.get("type", "any")
    return words.get(kind, kind)
