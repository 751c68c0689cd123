// The one server that all these tests share, and a worker for each of them, with its agents accepted.
// Must never let two tests share an agent: their ids are made from the test's.

import { setTimeout as sleep } from "node:timers/promises";
import { Worker, type WorkerOptions } from "weft-worker";
import { Rest, type WorkerToken } from "./rest.js";
import { Weft } from "./weft.js";

let started: Promise<{ weft: Weft; rest: Rest }> | undefined;

export function server(): Promise<{ weft: Weft; rest: Rest }> {
  started ??= Weft.start().then(async (weft) => ({ weft, rest: new Rest(weft.url, await weft.adminToken(), weft) }));
  return started;
}

export async function stopServer(): Promise<void> {
  await (await started)?.weft.stop();
}

export interface Fixture {
  readonly rest: Rest;
  readonly worker: Worker;
  readonly token: WorkerToken;
  /** What the worker said. */
  readonly messages: string[];
  /** Runs the worker, and accepts what it offers. */
  begin(): Promise<void>;
  /** What `run` came to; drains first. */
  end(): Promise<void>;
}

/** Gives a test a worker, and ends it afterwards. */
export async function withWorker(name: string, options: Partial<WorkerOptions>, use: (fixture: Fixture) => Promise<void>): Promise<void> {
  const { rest } = await server();
  const token = await rest.workerToken(name);
  const messages: string[] = [];
  const worker = new Worker({ url: rest.url, token: token.token, name, slots: 4, log: (level, text) => messages.push(`${level}: ${text}`), ...options });
  let running: Promise<void> | undefined;
  const begin = async () => {
    running = worker.run();
    running.catch(() => undefined);
    await accept(rest, worker, running);
  };
  const end = async () => {
    await worker.drain({ withinMs: 0 });
    await running;
  };
  let failed: unknown;
  try {
    await use({ rest, worker, token, messages, begin, end });
  } catch (error) {
    failed = new Error(`${error instanceof Error ? error.stack : error}\nThe worker said:\n${messages.join("\n")}`);
  }
  await worker.drain({ withinMs: 0 });
  if (failed) {
    throw failed;
  }
}

async function accept(rest: Rest, worker: Worker, running: Promise<void>): Promise<void> {
  const offered = async () => {
    while (worker.offers.size === 0) {
      await sleep(20);
    }
  };
  await Promise.race([offered(), running]);
  for (const [id, offer] of worker.offers) {
    if (offer.state === "offered" && offer.hash !== undefined) {
      await rest.accept(id, offer.hash);
    }
  }
}

/** Resolves when the condition holds. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 1_200; tries++) {
    if (await holds()) {
      return;
    }
    await sleep(50);
  }
  throw new Error(`in vain: ${what}`);
}

/** A promise with its handle: a handler waits for it, a test lets it go. */
export class Gate {
  open!: () => void;
  isOpen = false;
  readonly opened = new Promise<void>((resolve) => {
    this.open = () => {
      this.isOpen = true;
      resolve();
    };
  });
}

export const constant = (value: unknown): { readonly step?: string } => ({ const: value }) as object;
export const output = (step: string, artifact: string) => ({ from: "step", step, artifact });
/** A step of a workflow, after those that its inputs come from. */
export function step(agent_id: string, inputs: Record<string, { readonly step?: string }> = {}, more: Record<string, unknown> = {}) {
  const depends_on = [...new Set(Object.values(inputs).flatMap((source) => source.step ?? []))];
  return { agent_id, inputs, depends_on, ...more };
}
