"""LangGraph with its Postgres checkpointer, `durability="sync"`: a checkpoint is written before the next superstep begins.

It must never use a weaker durability, and never one growing state: each node has a channel of its own, so that a checkpoint only
writes what changed, which is what serves LangGraph best.
"""

import asyncio
import operator
import sys
import uuid
from typing import Annotated, TypedDict

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from common import DATABASE, check, drive, payload


def graph(edges, joins=()):
    """Of edges `(from, to)` and joins `([from, ...], to)`; a node reads all that it follows."""
    ups = {}
    for before, after in [*edges, *[(before, after) for befores, after in joins for before in befores]]:
        for node in (before, after):
            if node not in (START, END):
                ups.setdefault(node, [])
        if before != START and after != END:
            ups[after].append(before)
    made = StateGraph(TypedDict("State", {node: dict for node in ups}, total=False))

    def name(node):
        return node if node in (START, END) else f"n_{node}"

    for node, befores in ups.items():

        async def work(state, node=node, befores=befores):
            return {node: payload([state[before] for before in befores])}

        made.add_node(name(node), work)
    for before, after in edges:
        made.add_edge(name(before), name(after))
    for befores, after in joins:
        made.add_edge([name(before) for before in befores], name(after))
    return made


def chain():
    nodes = [f"s{n}" for n in range(100)]
    return graph([(START, nodes[0]), *zip(nodes, nodes[1:]), (nodes[-1], END)])


def fan():
    nodes = [f"p{n}" for n in range(100)]
    return graph([(START, "src"), *[("src", node) for node in nodes], ("sink", END)], [(nodes, "sink")])


def dag():
    layers = [(f"b{n}", f"c{n}") for n in range(4)]
    return graph([(START, "a"), *[("a", b) for b, _ in layers], *layers, ("d", END)], [([c for _, c in layers], "d")])


def waits():
    class State(TypedDict, total=False):
        out: Annotated[list, operator.add]

    async def wait(_):
        await asyncio.sleep(1.0)
        return {"out": [payload()]}

    made = StateGraph(State)
    made.add_node("wait", wait)
    made.add_conditional_edges(START, lambda _: [Send("wait", {}) for _ in range(1000)], ["wait"])
    made.add_edge("wait", END)
    return made


async def compiled():
    settings = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool = AsyncConnectionPool(f"dbname={DATABASE}", min_size=4, max_size=20, open=False, kwargs=settings)
    await pool.open(wait=True)
    saver = AsyncPostgresSaver(pool)
    await saver.setup()
    return pool, {made.__name__: made().compile(checkpointer=saver) for made in (chain, fan, dag, waits)}


def main():
    loop = asyncio.new_event_loop()
    pool, graphs = loop.run_until_complete(compiled())

    async def invoke(name):
        config = {"configurable": {"thread_id": str(uuid.uuid4())}, "recursion_limit": 500}
        return await graphs[name].ainvoke({}, config, durability="sync")

    async def one_chain():
        check(len(await invoke("chain")), 100, "steps")

    async def one_fan():
        check((await invoke("fan"))["sink"]["n_upstream"], 100, "what the last step read")

    async def runs_200():
        for state in await asyncio.gather(*[invoke("dag") for _ in range(200)]):
            check(state["d"]["n_upstream"], 4, "what the last step read")

    async def waits_1000():
        check(len((await invoke("waits"))["out"]), 1000, "answers")

    workloads = {"chain_hop_ms": one_chain, "fan100_ms": one_fan, "steps_per_s": runs_200, "wait1000_s": waits_1000}
    packages = ["langgraph", "langgraph-checkpoint-postgres"]
    drive(workloads, packages, run=lambda work: loop.run_until_complete(work()))
    loop.run_until_complete(pool.close())


if __name__ == "__main__":
    sys.exit(main())
