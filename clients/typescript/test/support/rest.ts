// What an admin does beside the worker: tokens, accepting, workflows, runs.
// Must never be the thing under test.

import { setTimeout as sleep } from "node:timers/promises";

/** Looks, ten a second. */
const PATIENCE = process.env["WEFT_LONG"] === "1" ? 6_000 : 600;

export interface Attempt {
  readonly number: number;
  readonly outcome: string | null;
  readonly error_class: string | null;
  readonly error: string | null;
}

export interface Step {
  readonly key: string;
  readonly status: string;
  readonly generation: number;
  readonly attempts: readonly Attempt[];
}

export interface Run {
  readonly id: string;
  readonly status: string;
  readonly steps: readonly Step[];
}

interface Artifact {
  readonly id: string;
  readonly producing_step_id: string;
  readonly name: string;
  readonly version: number;
  readonly media_type: string;
}

export interface WorkerToken {
  readonly token: string;
  readonly view: { readonly id: string };
}

export interface WorkerRow {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

/** Who has the database: no API token makes a worker token. */
export interface Operator {
  workerToken(name: string, agents: readonly string[]): Promise<string>;
}

export class Rest {
  constructor(
    readonly url: string,
    private readonly token: string,
    private readonly operator: Operator,
  ) {}

  async workerToken(name: string, agents: readonly string[] = ["*"]): Promise<WorkerToken> {
    const token = await this.operator.workerToken(name, agents);
    // The newest comes first.
    const view = (await this.call<{ id: string; name: string }[]>("GET", "/api/worker-tokens")).find((known) => known.name === name);
    if (!view) {
      throw new Error(`there is no worker token ${name}, though it was made`);
    }
    return { token, view };
  }

  revoke({ view }: WorkerToken): Promise<void> {
    return this.call("DELETE", `/api/worker-tokens/${view.id}`);
  }

  async accept(agent_id: string, hash: string): Promise<void> {
    await this.post("/api/workers/offers/accept", { agent_id, hash });
  }

  /** The sessions of the worker of that name that are not over. */
  async sessions(name: string): Promise<WorkerRow[]> {
    const rows = await this.call<WorkerRow[] | { items: WorkerRow[] }>("GET", "/api/workers");
    return (Array.isArray(rows) ? rows : rows.items).filter((row) => row.name === name && row.state !== "gone");
  }

  setState({ id }: WorkerRow, state: "working" | "paused" | "draining" | "gone"): Promise<void> {
    return this.call("PATCH", `/api/workers/${id}`, { state });
  }

  /** Starts a new workflow of these steps. */
  async start(
    name: string,
    steps: Record<string, unknown>,
    { inputs = {}, values = {}, isAutoRun = true }: { inputs?: Record<string, unknown>; values?: Record<string, unknown>; isAutoRun?: boolean } = {},
  ): Promise<Run> {
    const template = await this.post<{ id: string }>("/api/workflows/templates", { name, definition: { inputs, steps } });
    await this.post(`/api/workflows/templates/${template.id}/publish`, {});
    return this.post("/api/workflows/runs", { template_id: template.id, inputs: values, auto_run: isAutoRun });
  }

  run({ id }: Pick<Run, "id">): Promise<Run> {
    return this.call("GET", `/api/workflows/runs/${id}`);
  }

  cancel({ id }: Run): Promise<void> {
    return this.post(`/api/workflows/runs/${id}/cancel`, {});
  }

  verb({ id }: Run, step: string, verb: string, body: unknown = {}): Promise<void> {
    return this.post(`/api/workflows/runs/${id}/steps/${step}/${verb}`, body);
  }

  /** Waits until the step is in one of these states. */
  async until(run: Run, key: string, ...wanted: readonly string[]): Promise<Step> {
    for (let tries = 0; tries < PATIENCE; tries++) {
      const step = (await this.run(run)).steps.find((step) => step.key === key);
      if (step && wanted.includes(step.status)) {
        return step;
      }
      if (step && ["failed", "cancelled"].includes(step.status)) {
        throw new Error(`${key} is ${step.status}, not ${wanted.join(" or ")}: ${JSON.stringify(step.attempts.at(-1))}`);
      }
      await sleep(100);
    }
    throw new Error(`${key} was not ${wanted.join(" or ")} in time`);
  }

  async logs({ id }: Run, step: string, attempt: number): Promise<string[]> {
    const { lines } = await this.call<{ lines: { text: string }[] }>("GET", `/api/workflows/runs/${id}/steps/${step}/attempts/${attempt}/logs`);
    return lines.map(({ text }) => text);
  }

  /** All versions of an output, in order. */
  async versions({ id }: Run, step: string, name: string): Promise<Artifact[]> {
    const { artifacts } = await this.call<{ artifacts: Artifact[] }>("GET", `/api/workflows/runs/${id}/artifacts`);
    return artifacts.filter((artifact) => artifact.producing_step_id === step && artifact.name === name).sort((a, b) => a.version - b.version);
  }

  /** The newest version of an output, as the bytes that were stored. */
  async content(run: Run, step: string, name: string): Promise<string> {
    const artifact = (await this.versions(run, step, name)).at(-1);
    if (!artifact) {
      throw new Error(`${step} has made no ${name}`);
    }
    return (await this.request("GET", `/api/workflows/runs/${run.id}/artifacts/${artifact.id}?download`)).text();
  }

  private post<T>(path: string, body: unknown): Promise<T> {
    return this.call("POST", path, body);
  }

  private async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const text = await (await this.request(method, path, body)).text();
    return (text ? JSON.parse(text) : undefined) as T;
  }

  private async request(method: string, path: string, body?: unknown): Promise<Response> {
    const answer = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
    }
    return answer;
  }
}
