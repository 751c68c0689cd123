// What only Node (and what behaves like it) has: signals, the name of the machine, files on disk.
// Must never hold what the core needs.

import { createReadStream } from "node:fs";
import { hostname } from "node:os";
import type { Content } from "./content.js";
import type { Worker } from "./worker.js";

export interface ServeOptions {
  /** After SIGTERM or SIGINT, how long what runs may take to finish before it is given back; 30 s if left out. A second signal gives it back at once. */
  readonly graceMs?: number;
}

const LEAVE_MS = 1_000;
const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Runs the worker until a signal drains it, or the server does. */
export async function serve(worker: Worker, { graceMs = 30_000 }: ServeOptions = {}): Promise<void> {
  worker.describe({ host: hostname(), pid: process.pid });
  let signals = 0;
  const drain = () => {
    signals += 1;
    void worker.drain({ withinMs: signals === 1 ? graceMs : 0 });
  };
  for (const signal of SIGNALS) {
    process.on(signal, drain);
  }
  try {
    await worker.run();
    if (signals > 0) {
      // A handler that did not heed its signal would keep the process; where there is none, this does not keep it either.
      setTimeout(() => process.exit(), LEAVE_MS).unref();
    }
  } finally {
    for (const signal of SIGNALS) {
      process.off(signal, drain);
    }
  }
}

/** The content of a file on disk, for `ctx.file`: read in pieces, however large it is. */
export function fromDisk(path: string): Content {
  return () => createReadStream(path);
}
