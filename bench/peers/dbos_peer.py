"""DBOS Transact on Postgres: workflows whose steps are awaited, together where they may run at once.

One process, as its documentation begins. It must never turn a step into a plain function call: each leaves its row in
`dbos.operation_outputs` before the next one begins.
"""

import asyncio
import os
import sys
from urllib.parse import quote

from dbos import DBOS

from common import DATABASE, check, drive, payload


def url():
    user, password, host, port = (quote(os.environ[name], safe="") for name in ("PGUSER", "PGPASSWORD", "PGHOST", "PGPORT"))
    return f"postgresql://{user}:{password}@/{DATABASE}?host={host}&port={port}"


DBOS(
    config={
        "name": "weft-peer",
        "system_database_url": url(),
        "sys_db_pool_size": 20,
        "run_admin_server": False,
        "log_level": "WARNING",
    }
)


@DBOS.step()
async def step(up):
    return payload(up)


@DBOS.step()
async def wait():
    await asyncio.sleep(1.0)
    return payload()


@DBOS.workflow()
async def chain():
    out = None
    for _ in range(100):
        out = await step(out)
    return out["n_upstream"]


@DBOS.workflow()
async def fan():
    source = await step(None)
    return (await step(list(await asyncio.gather(*[step(source) for _ in range(100)]))))["n_upstream"]


@DBOS.workflow()
async def dag():
    a = await step(None)
    # A layer at a time: DBOS asks that steps begin in the same order each time.
    b = await asyncio.gather(*[step(a) for _ in range(4)])
    c = await asyncio.gather(*[step(up) for up in b])
    return (await step(list(c)))["n_upstream"]


@DBOS.workflow()
async def waits():
    return len(await asyncio.gather(*[wait() for _ in range(1000)]))


async def one(workflow, wanted):
    handle = await DBOS.start_workflow_async(workflow)
    check(await handle.get_result(), wanted, "what the workflow answered")


async def many():
    await asyncio.gather(*[one(dag, 4) for _ in range(200)])


def main():
    DBOS.launch()
    loop = asyncio.new_event_loop()
    workloads = {
        "chain_hop_ms": lambda: one(chain, 1),
        "fan100_ms": lambda: one(fan, 100),
        "steps_per_s": many,
        "wait1000_s": lambda: one(waits, 1000),
    }
    drive(workloads, ["dbos"], run=lambda work: loop.run_until_complete(work()))
    DBOS.destroy()


if __name__ == "__main__":
    sys.exit(main())
