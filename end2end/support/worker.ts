// An outside worker as a program of somebody's: it speaks the protocol of docs/workers.md over HTTP with a token, and nothing else.
// Must never know anything of the server but what the protocol tells it.

import { setTimeout as pause } from "node:timers/promises";
import type { Api } from "./api.ts";

export interface Offer {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly inputs: Record<string, unknown>;
  readonly outputs: Record<string, unknown>;
  readonly side_effects?: "none" | "idempotent" | "external";
}

export interface Task {
  readonly token: string;
  readonly agent: string;
  readonly run: string;
  readonly step: string;
  readonly attempt: number;
  readonly inputs: Record<string, { text?: string; value?: unknown }>;
}

export interface Telling {
  readonly progress?: { done: number; total: number; note?: string };
  readonly deltas?: readonly { output: string; text: string }[];
  readonly logs?: readonly { at: string; level: string; text: string }[];
}

interface Registered {
  readonly session: string;
  readonly agents: Record<string, { state: string; reason?: string }>;
}

interface Beat {
  readonly session: string;
  readonly agents: Record<string, { state: string }>;
  readonly tasks: readonly { token: string; state: string }[];
}

/** Well below the 5 s that the server asks for. */
const BEAT_EVERY_MS = 2_000;
const CLAIMED_WITHIN_MS = 30_000;

/** A token that may offer these agents, made in the session of an admin. */
export async function workerToken(admin: Api, name: string, agents: readonly string[]): Promise<string> {
  await admin.confirm();
  const { token } = await admin.post<{ token: string }>("/api/worker-tokens", { name, agents });
  return token;
}

/** An agent that takes one text and gives one. */
export function summarizer(id: string, more: Partial<Offer> = {}): Offer {
  return {
    id,
    name: `Summarize ${id}`,
    description: "One paragraph of a text",
    inputs: { text: { title: "Text", schema: { type: "string" }, required: true } },
    outputs: { summary: { schema: { type: "string" } } },
    side_effects: "none",
    ...more,
  };
}

export class OutsideWorker {
  /** What runs here: a beat names all of it. */
  private readonly held = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  /** How the server said that the session stands, with the last beat. */
  state = "ok";

  private constructor(
    private readonly url: string,
    private readonly token: string,
    private readonly session: string,
    readonly standing: Registered["agents"],
  ) {}

  static async connect(url: string, token: string, name: string, agents: readonly Offer[], slots = 4): Promise<OutsideWorker> {
    const registered = await post<Registered>(url, token, "/sessions", {
      protocol: 1,
      sdk: { name: "weft-e2e", version: "0.1.0", language: "typescript" },
      name,
      host: "e2e-box",
      pid: process.pid,
      build_id: "build-1",
      slots,
      labels: {},
      agents,
    });
    const worker = new OutsideWorker(url, token, registered.session, registered.agents);
    worker.timer = setInterval(() => void worker.beat().catch(() => worker.vanish()), BEAT_EVERY_MS);
    return worker;
  }

  /** The next task that is for this worker. */
  async next(): Promise<Task> {
    const until = Date.now() + CLAIMED_WITHIN_MS;
    while (Date.now() < until) {
      const answer = await post<{ tasks: Task[] } | undefined>(this.url, this.token, `${this.path}/claim`, {
        max: 1,
        wait_ms: 5_000,
      });
      const task = answer?.tasks[0];
      if (task) {
        this.held.add(task.token);
        return task;
      }
      if (this.state !== "ok") {
        // A paused session is answered at once.
        await pause(250);
      }
    }
    throw new Error(`no task came within ${CLAIMED_WITHIN_MS / 1000} s`);
  }

  /** One beat for all that runs here, with what one of the tasks tells. */
  async beat(about?: Task, telling: Telling = {}): Promise<Beat> {
    const tasks = [...this.held].map((token) => (token === about?.token ? { token, ...telling } : { token }));
    const beat = await post<Beat>(this.url, this.token, `${this.path}/beat`, { wait_ms: 0, free: 1, tasks });
    this.state = beat.session;
    return beat;
  }

  /** How the server says that the session stands, asked until it is this. */
  async hears(state: string): Promise<void> {
    const until = Date.now() + 10_000;
    while ((await this.beat()).session !== state) {
      if (Date.now() > until) {
        throw new Error(`the session is ${this.state}, not ${state}`);
      }
      await pause(200);
    }
  }

  async complete(task: Task, outputs: Record<string, string>): Promise<string> {
    const made = Object.entries(outputs).map(([name, text]) => [name, { media_type: "text/plain", text }] as const);
    return this.end(task, { outcome: "completed", outputs: Object.fromEntries(made) });
  }

  async fail(task: Task, message: string): Promise<string> {
    return this.end(task, { outcome: "failed", error: { class: "permanent", message } });
  }

  private async end(task: Task, result: Record<string, unknown>): Promise<string> {
    const body = { results: [{ token: task.token, ...result }] };
    const { results } = await post<{ results: { status: string }[] }>(this.url, this.token, `${this.path}/complete`, body);
    this.held.delete(task.token);
    return results[0]?.status ?? "not answered";
  }

  /** Goes as a good worker does. */
  async leave(): Promise<void> {
    this.vanish();
    // The session may be over already, which is what is wanted.
    await call(this.url, this.token, "DELETE", this.path);
  }

  /** Says nothing more, as a machine that lost its power. */
  vanish(): void {
    clearInterval(this.timer);
  }

  private get path(): string {
    return `/sessions/${this.session}`;
  }
}

async function post<T>(url: string, token: string, path: string, body: unknown): Promise<T> {
  const answer = await call(url, token, "POST", path, body);
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`${path} answered ${answer.status}: ${text}`);
  }
  return (text ? JSON.parse(text) : undefined) as T;
}

function call(url: string, token: string, method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${url}/api/worker/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
