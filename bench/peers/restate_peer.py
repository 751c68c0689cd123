"""Restate with its Python SDK: each step is a `ctx.run`, which Restate's server journals before the handler goes on.

`serve` is the service that the server calls, `drive` the client that starts workflows over the server's HTTP ingress; two processes,
as they are where Restate is used. It must never keep a result of its own: what a handler knows comes from the journal.
"""

import asyncio
import socket
import sys
import uuid
from datetime import timedelta

import httpx
import restate
from hypercorn.asyncio import serve
from hypercorn.config import Config

from common import FOLDER, check, drive, payload, until

LIMIT_S = 240
# A handler that waits for a long step is not to be suspended meanwhile.
PATIENT = {"inactivity_timeout": timedelta(minutes=5)}
PORT_FILE = FOLDER / "service.port"

service = restate.Service("peer")


def step(ctx, name, up):
    async def work():
        return payload(up)

    return ctx.run_typed(name, work)


def wait(ctx, name):
    async def work():
        await asyncio.sleep(1.0)
        return payload()

    return ctx.run_typed(name, work)


async def together(futures):
    return [await future for future in await restate.gather(*futures)]


@service.handler(**PATIENT)
async def chain(ctx: restate.Context, n: int) -> int:
    out = None
    for place in range(n):
        out = await step(ctx, f"s{place}", out)
    return out["n_upstream"]


@service.handler(**PATIENT)
async def fan(ctx: restate.Context, n: int) -> int:
    source = await step(ctx, "src", None)
    outs = await together([step(ctx, f"p{place}", source) for place in range(n)])
    return (await step(ctx, "sink", outs))["n_upstream"]


@service.handler(**PATIENT)
async def dag(ctx: restate.Context, n: int) -> int:
    a = await step(ctx, "a", None)
    b = await together([step(ctx, f"b{place}", a) for place in range(n)])
    c = await together([step(ctx, f"c{place}", up) for place, up in enumerate(b)])
    return (await step(ctx, "d", c))["n_upstream"]


@service.handler(**PATIENT)
async def waits(ctx: restate.Context, n: int) -> int:
    return len(await together([wait(ctx, f"w{place}") for place in range(n)]))


def serve_until_ended():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    # Renamed into place, so that nobody reads half of it.
    unfinished = PORT_FILE.with_suffix(".new")
    unfinished.write_text(str(listener.getsockname()[1]))
    unfinished.rename(PORT_FILE)
    asyncio.run(serve(restate.app([service]), config))


def find(name):
    """The socket of a part of the server, below the folder of its node."""
    return next(FOLDER.glob(f"**/{name}.sock"), None)


def register():
    port = until(lambda: PORT_FILE.exists() and PORT_FILE.read_text(), "the service")
    admin = str(until(lambda: find("admin"), "Restate"))
    with httpx.Client(transport=httpx.HTTPTransport(uds=admin), base_url="http://restate", timeout=10) as client:
        deployment = {"uri": f"http://127.0.0.1:{port}"}
        until(lambda: client.post("/deployments", json=deployment).raise_for_status(), "Restate's registry of services")
        return client.get("/version").raise_for_status().json()["version"]


async def call(client, handler, n, wanted):
    headers = {"idempotency-key": str(uuid.uuid4())}
    answer = await client.post(f"/peer/{handler}", json=n, headers=headers)
    check((answer.status_code, answer.text), (200, str(wanted)), "what Restate answered")


def main():
    version = register()
    ingress = str(until(lambda: find("ingress"), "Restate's ingress"))
    loop = asyncio.new_event_loop()
    transport = httpx.AsyncHTTPTransport(uds=ingress, limits=httpx.Limits(max_connections=250))
    client = httpx.AsyncClient(transport=transport, base_url="http://restate", timeout=LIMIT_S)

    async def many():
        await asyncio.gather(*[call(client, "dag", 4, 4) for _ in range(200)])

    until(lambda: loop.run_until_complete(call(client, "chain", 2, 1)) is None, "Restate's way to the service")
    workloads = {
        "chain_hop_ms": lambda: call(client, "chain", 100, 1),
        "fan100_ms": lambda: call(client, "fan", 100, 100),
        "steps_per_s": many,
        "wait1000_s": lambda: call(client, "waits", 1000, 1000),
    }
    versions = {"restate-server": version}
    drive(workloads, ["restate-sdk"], run=lambda work: loop.run_until_complete(work()), versions=versions)


if __name__ == "__main__":
    sys.exit(serve_until_ended() if sys.argv[1] == "serve" else main())
