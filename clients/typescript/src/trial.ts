// One attempt without a server, for the tests of who writes an agent: the same path from inputs to outputs, in memory.
// Must judge inputs and outputs as the server would, and never be used by a worker that runs.

import type { Agent } from "./agent.js";
import { faults } from "./check.js";
import { type Content, collect, digest, pieces } from "./content.js";
import { InvalidOutput } from "./errors.js";
import type { Outbox } from "./outbox.js";
import type { FileRef, Inputs, Json, Outputs, ValuesOf } from "./ports.js";
import { stringify } from "./raw.js";
import { type Link, Task } from "./task.js";
import { decode, encode } from "./values.js";
import type { Feedback, LogLine, Progress, Usage, WireTask, WireValues } from "./wire.js";

/** A file may be given as its content. */
export type TrialInputs<I extends Inputs> = { [K in keyof ValuesOf<I>]: FileRef extends ValuesOf<I>[K] ? ValuesOf<I>[K] | Content : ValuesOf<I>[K] };

export interface TrialOptions<O extends Outputs> {
  readonly attempt?: number;
  readonly prompt?: string;
  /** As if a reviewer had sent back `previous`. */
  readonly feedback?: readonly Feedback[];
  readonly previous?: Partial<ValuesOf<O>>;
  readonly checkpoint?: Json;
  /** Stops the attempt as a cancel does. */
  readonly signal?: AbortSignal;
}

export interface Trial<O extends Outputs> {
  /** How it ended; outputs are there where it is completed. */
  readonly outcome: "completed" | "waiting" | "cancelled";
  readonly outputs: ValuesOf<O>;
  /** What was streamed for each output. */
  readonly streamed: Readonly<Record<string, string>>;
  readonly progress: readonly Progress[];
  readonly logs: readonly LogLine[];
  readonly checkpoints: readonly unknown[];
  readonly usage: Usage | undefined;
  /** The content of a file that it made. */
  content(file: FileRef): Promise<Uint8Array>;
}

const ANY_SIZE = Number.MAX_SAFE_INTEGER;

class Memory implements Link {
  readonly inlineMax = ANY_SIZE;
  readonly streamed: Record<string, string> = {};
  readonly progress: Progress[] = [];
  readonly logs: LogLine[] = [];
  readonly checkpoints: unknown[] = [];
  private readonly contents = new Map<string, Uint8Array>();

  constructor(readonly largestValue: number) {}

  timeOfDay(): string {
    return new Date().toISOString();
  }

  written(outbox: Outbox): void {
    const { progress, deltas = [], logs = [], checkpoint } = outbox.take();
    if (progress) {
      this.progress.push(progress);
    }
    for (const { output, text } of deltas) {
      this.streamed[output] = (this.streamed[output] ?? "") + text;
    }
    this.logs.push(...logs);
    if (checkpoint) {
      this.checkpoints.push(JSON.parse(stringify(checkpoint)));
    }
    outbox.arrived();
  }

  async put(content: Content, signal: AbortSignal) {
    const found = await digest(content, signal);
    this.contents.set(found.blob, await collect(pieces(content), ANY_SIZE));
    return found;
  }

  async *read(blob: string): AsyncGenerator<Uint8Array, void, undefined> {
    const bytes = this.contents.get(blob);
    if (!bytes) {
      throw new TypeError(`nothing has the content ${blob}: give the content itself as input`);
    }
    yield* pieces(bytes);
  }

  async callback(token: string, withinS: number) {
    return { secret: `secret-of-${token}`, url: "http://localhost/api/worker/v1/callback", expiresAt: new Date(Date.now() + withinS * 1_000).toISOString() };
  }
}

export async function attempt<I extends Inputs, O extends Outputs>(
  agent: Agent<I, O>,
  given: TrialInputs<I>,
  options: TrialOptions<O>,
  largestValue: number,
): Promise<Trial<O>> {
  const memory = new Memory(largestValue);
  const signal = options.signal ?? new AbortController().signal;
  const inputs = await withFiles(agent.inputs, given, memory, signal);
  const wrong = problems(agent.inputs, inputs);
  const unknown = Object.keys(inputs).filter((name) => !Object.hasOwn(agent.inputs, name));
  if (wrong.length + unknown.length > 0) {
    throw new TypeError(`inputs of ${agent.id}: ${[...wrong, ...unknown.map((name) => `${name}: there is no such input`)].join("; ")}`);
  }
  const text = stringify({
    token: "test",
    agent: agent.id,
    run: "test",
    step: agent.id,
    generation: 1,
    attempt: options.attempt ?? 1,
    idempotency_key: `test.${agent.id}.1`,
    inputs: await encode(agent.inputs, inputs, memory, signal),
    prompt: options.prompt ?? null,
    revision: options.feedback && {
      outputs: await encode(agent.outputs, options.previous ?? {}, memory, signal),
      feedback: options.feedback,
    },
    checkpoint: options.checkpoint ?? null,
  });
  const task = new Task(JSON.parse(text) as WireTask, text, agent as unknown as Agent, memory);
  const cancel = () => task.stop("cancel");
  if (signal.aborted) {
    cancel();
  }
  signal.addEventListener("abort", cancel);
  const outcome = await task.ended();
  signal.removeEventListener("abort", cancel);
  if (!outcome || outcome.outcome === "failed") {
    throw task.error;
  }
  const { streamed, progress, logs, checkpoints } = memory;
  const made = stringify(outcome.outcome === "completed" ? outcome.outputs : {});
  const outputs = await decode(agent.outputs, JSON.parse(made) as WireValues, made, memory, largestValue, signal);
  if (outcome.outcome === "completed") {
    const found = problems(agent.outputs, outputs);
    if (found.length > 0) {
      throw new InvalidOutput(`outputs of ${agent.id}: ${found.join("; ")}`);
    }
  }
  return {
    outcome: outcome.outcome === "released" ? "cancelled" : outcome.outcome,
    outputs: outputs as ValuesOf<O>,
    streamed,
    progress,
    logs,
    checkpoints,
    usage: outcome.outcome === "completed" ? outcome.usage : undefined,
    content: (file) => collect(memory.read(file.blob), ANY_SIZE),
  };
}

async function withFiles(
  ports: Inputs,
  given: Readonly<Record<string, unknown>>,
  memory: Memory,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const inputs: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    inputs[name] = value;
    if (ports[name]?.schema.format === "file" && isContent(value)) {
      const mediaType = value instanceof Blob && value.type ? value.type : "application/octet-stream";
      const { blob, size } = await memory.put(value, signal);
      inputs[name] = { blob, media_type: mediaType, name, size };
    }
  }
  return inputs;
}

function isContent(value: unknown): value is Content {
  return typeof value === "string" || typeof value === "function" || value instanceof Uint8Array || value instanceof Blob;
}

function problems(ports: Inputs, values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(ports).flatMap(([name, port]) => {
    const value = values[name];
    if (value === undefined || value === null) {
      return port.isOptional ? [] : [`${name}: is missing`];
    }
    return faults(port.schema, value, name);
  });
}
