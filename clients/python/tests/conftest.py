"""What the tests share: one Weft for all of them, workers that end with the test, a proxy.

Must leave nothing running.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy import Proxy
from weft import Weft
from workers import WorkerProcess

Start = Callable[..., WorkerProcess]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also what takes too long for every change")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session")
def weft() -> Iterator[Weft]:
    server = Weft()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def token(weft: Weft) -> str:
    return weft.worker_token("py-*")[0]


@pytest.fixture(scope="session")
def celery_token(weft: Weft) -> str:
    """One for all bridges: an id belongs to the token that offered it first."""
    return weft.worker_token("cy-*")[0]


@pytest.fixture(scope="session")
def accepted(weft: Weft, token: str) -> str:
    """The token, once all agents of the tests are in the library."""
    from agents import app

    worker = WorkerProcess(weft.url, token)
    try:
        weft.accept(*app.agents)
    finally:
        worker.close()
    return token


@pytest.fixture
def start(weft: Weft, accepted: str, proxy: Proxy) -> Iterator[Start]:
    """Starts workers: `start("--slots", "1")`. The proxy outlives them, so that they can end their sessions."""
    begun: list[WorkerProcess] = []

    def begin(
        *arguments: str, url: str = "", token: str = "", target: str = "agents:app", health: bool = False
    ) -> WorkerProcess:
        worker = WorkerProcess(url or weft.url, token or accepted, *arguments, target=target, health=health)
        begun.append(worker)
        return worker

    yield begin
    for worker in begun:
        worker.close()
        print(f"--- worker {worker.pid}\n{worker.log}")


@pytest.fixture
def proxy(weft: Weft) -> Iterator[Proxy]:
    between = Proxy(weft.url)
    yield between
    between.close()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where agents leave a line."""
    return tmp_path / "notes"
