"""Celery, with Redis as its broker and for its results: chain, group and chord, as its documentation has them.

The workers load this file as well. It must never ask Redis for less than it does by default: each result is kept there, tasks
are acknowledged early. Steps run in two processes; those that wait in a thousand threads, a queue and a worker of their own.
"""

import sys
import time

from celery import Celery, chain, chord, group

from common import FOLDER, check, drive, payload, until

SOCKET = FOLDER / "redis.sock"
N_WORKERS = 2
LIMIT_S = 240

app = Celery(
    "celery_peer",
    broker=f"redis+socket://{SOCKET}?virtual_host=0",
    backend=f"redis+socket://{SOCKET}?virtual_host=1",
)
app.conf.update(
    worker_hijack_root_logger=False,
    task_serializer="json",
    result_serializer="json",
    redis_max_connections=2000,
    task_default_queue="steps",
    task_routes={"celery_peer.wait": {"queue": "waits"}},
)


@app.task(name="celery_peer.step")
def step(up):
    return payload(up)


@app.task(name="celery_peer.wait")
def wait():
    time.sleep(1.0)
    return payload()


def chain_of_100():
    out = chain(step.s(None), *[step.s() for _ in range(99)])().get(timeout=LIMIT_S)
    check(out["n_upstream"], 1, "what the last step read")


def fan_100():
    out = chain(step.s(None), chord(group(step.s() for _ in range(100)), step.s()))().get(timeout=LIMIT_S)
    check(out["n_upstream"], 100, "what the last step read")


def runs_200():
    def dag():
        return chain(step.s(None), chord([chain(step.s(), step.s()) for _ in range(4)], step.s()))

    for out in [run.get(timeout=LIMIT_S) for run in [dag()() for _ in range(200)]]:
        check(out["n_upstream"], 4, "what the last step read")


def waits_1000():
    check(len(group(wait.s() for _ in range(1000))().get(timeout=LIMIT_S)), 1000, "answers")


def main():
    redis = app.connection_for_read()
    until(lambda: redis.ensure_connection(max_retries=1, timeout=1), "Redis")
    until(lambda: len(app.control.ping(timeout=1.0)) == N_WORKERS, "the workers")
    info = redis.default_channel.client.info("server")
    workloads = {"chain_hop_ms": chain_of_100, "fan100_ms": fan_100, "steps_per_s": runs_200, "wait1000_s": waits_1000}
    drive(workloads, ["celery", "redis"], versions={"redis-server": info["redis_version"]})


if __name__ == "__main__":
    sys.exit(main())
