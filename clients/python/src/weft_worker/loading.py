"""Finds the agents that `module:app` names.

Must say in one sentence what is wrong with a target, so that nobody reads a traceback for a typing mistake.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any

from .agent import Agent
from .app import App


class BadTarget(Exception):
    """There are no agents where the target points."""


def load(target: str) -> tuple[str, Mapping[str, Agent[..., Any]]]:
    """The name of the worker, and its agents by id. `module` alone takes its `App`, or all agents in it."""
    module_name, _, attribute = target.partition(":")
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.split(".")[0] and error.name != module_name:
            raise
        raise BadTarget(f"there is no module `{module_name}` in {folder} or among what is installed") from error
    if attribute:
        found = getattr(module, attribute, None)
        if found is None:
            raise BadTarget(f"`{module_name}` has no `{attribute}`")
        return _of(found, target, module_name)
    apps = [each for each in vars(module).values() if isinstance(each, App)]
    if len(apps) == 1:
        return _of(apps[0], target, module_name)
    if apps:
        raise BadTarget(f"`{module_name}` has {len(apps)} apps: name one, such as {module_name}:app")
    agents = tuple({id(each): each for each in vars(module).values() if isinstance(each, Agent)}.values())
    return _of(App(module_name, agents), target, module_name)


def _of(found: object, target: str, module_name: str) -> tuple[str, Mapping[str, Agent[..., Any]]]:
    if isinstance(found, Agent):
        return module_name, {found.id: found}
    agents = getattr(found, "agents", None)
    if not isinstance(agents, Mapping):
        raise BadTarget(f"`{target}` is no App: it is {type(found).__name__}")
    if not agents:
        raise BadTarget(f"`{target}` has no agents: put `@app.agent(id=...)` above a function")
    return str(getattr(found, "name", module_name)), agents
