// One attempt: runs the handler, hands it its context, and says how it ended.
// Must never throw, and never let a handler that goes on after it was stopped change what is told.

import type { Agent } from "./agent.js";
import { type Context, type Result, type Streamed, Waiting } from "./context.js";
import { type Content, streamOf } from "./content.js";
import { InvalidOutput, RateLimited, ServerRefused, type StopReason, Stopped, TaskError } from "./errors.js";
import { Outbox } from "./outbox.js";
import type { FileRef, Json, Outputs } from "./ports.js";
import { members, stringify } from "./raw.js";
import { now, sleep } from "./time.js";
import { type Store, decode, encode } from "./values.js";
import type { Callback, Failure, Outcome, Usage, WireTask } from "./wire.js";

/** How long a stopped handler may take to notice, before its end is told without it. */
const GRACE_MS = 5_000;
/** A handler that never waits still lets beats through after so long, at each piece that it yields. */
const BREATH_MS = 20;
const MESSAGE_CHARS = 4_000;

/** What a task needs of its session, or of a test. */
export interface Link extends Store {
  /** The most that one value may have in memory. */
  readonly largestValue: number;
  /** RFC 3339, as the server's clock has it. */
  timeOfDay(): string;
  /** Something is in the outbox. */
  written(outbox: Outbox): void;
  callback(token: string, withinS: number, signal: AbortSignal): Promise<Callback>;
}

export class Task {
  readonly outbox: Outbox;
  readonly token: string;
  private readonly controller = new AbortController();
  private readonly work: Promise<Outcome>;
  /** What the handler threw. */
  error: unknown;
  /** Its end is decided: what is said of it now changes nothing. */
  isEnded = false;
  private reason: StopReason | undefined;
  private usage: Usage | undefined;

  /** `text` is the JSON that `wire` was made from. */
  constructor(
    readonly wire: WireTask,
    private readonly text: string,
    private readonly agent: Agent,
    private readonly link: Link,
  ) {
    this.token = wire.token;
    this.outbox = new Outbox((outbox) => link.written(outbox), () => link.timeOfDay());
    this.work = this.attempt();
  }

  get isStopped(): boolean {
    return this.reason !== undefined;
  }

  stop(reason: StopReason): void {
    this.reason ??= reason;
    this.controller.abort(new Stopped(this.reason));
  }

  /** Resolves when the handler has really come to its end, which a stopped one may put off. */
  async settled(): Promise<void> {
    await this.work;
  }

  /** How it ended; nothing where nobody is to be told. */
  async ended(): Promise<Outcome | undefined> {
    const { signal } = this.controller;
    const late = new AbortController();
    const given = new Promise<undefined>((resolve) => {
      const begin = () => void sleep(GRACE_MS, late.signal).then(() => resolve(undefined));
      if (signal.aborted) {
        begin();
      } else {
        signal.addEventListener("abort", begin, { once: true });
      }
    });
    const outcome = await Promise.race([this.work, given]);
    late.abort();
    this.isEnded = true;
    switch (this.reason) {
      case undefined:
        return outcome;
      case "cancel":
      case "timeout":
        return { outcome: "cancelled" };
      case "released":
        // What was finished all the same need not be done again.
        return outcome && outcome.outcome !== "failed" ? outcome : { outcome: "released" };
      default:
        return undefined;
    }
  }

  private async attempt(): Promise<Outcome> {
    const { agent, link, controller } = this;
    const { signal } = controller;
    try {
      const text = members(this.text).get("inputs") ?? "{}";
      const inputs = await decode(agent.inputs, this.wire.inputs, text, link, link.largestValue, signal);
      signal.throwIfAborted();
      const result = await this.handle(inputs);
      if (result instanceof Waiting) {
        return { outcome: "waiting", resume_within_s: result.withinS };
      }
      const outputs = await encode(agent.outputs, result, link, signal);
      return { outcome: "completed", outputs, ...(this.usage && { usage: this.usage }) };
    } catch (error) {
      this.error = error;
      return { outcome: "failed", error: this.failure(error) };
    }
  }

  private async handle(inputs: Record<string, unknown>): Promise<Record<string, unknown> | Waiting> {
    const made: unknown = await this.agent.handler(inputs as never, this.context() as never);
    const isGenerator = typeof made === "object" && made !== null && Symbol.asyncIterator in made;
    const result = isGenerator ? await this.streamed(made as AsyncGenerator<Streamed<Outputs>, Result<Outputs> | void>) : made;
    if (typeof result !== "object" || result === null || Array.isArray(result)) {
      throw new InvalidOutput(`${this.agent.id} returned no object: return {${Object.keys(this.agent.outputs).join(", ")}}`);
    }
    return result as Record<string, unknown> | Waiting;
  }

  private async streamed(generator: AsyncGenerator<Streamed<Outputs>, Result<Outputs> | void>): Promise<unknown> {
    const yielded: Record<string, string> = {};
    let breathed = now();
    for (;;) {
      const { done, value } = await generator.next();
      if (done) {
        return value instanceof Waiting ? value : { ...yielded, ...value };
      }
      const { output, text } = typeof value === "string" ? { output: this.onlyText(), text: value } : value;
      this.stream(text, output);
      yielded[output] = (yielded[output] ?? "") + text;
      if (now() - breathed > BREATH_MS) {
        await sleep(0);
        breathed = now();
      }
      if (this.controller.signal.aborted) {
        await generator.return(undefined);
        throw this.controller.signal.reason;
      }
    }
  }

  private onlyText(): string {
    const [name, other] = this.agent.texts;
    if (name === undefined || other !== undefined) {
      throw new InvalidOutput(`${this.agent.id} has ${name === undefined ? "no" : "several"} text outputs: say which one is streamed`);
    }
    return name;
  }

  private stream(text: string, output = this.onlyText()): void {
    if (!this.agent.texts.includes(output)) {
      throw new InvalidOutput(`${output}: ${this.agent.id} has no such text output to stream`);
    }
    this.outbox.addDelta(output, text);
  }

  private context(): Context {
    const { agent, link, outbox, text, wire } = this;
    const { signal } = this.controller;
    return {
      signal,
      idempotencyKey: wire.idempotency_key,
      traceparent: wire.traceparent,
      run: wire.run,
      step: wire.step,
      item: wire.item ?? undefined,
      generation: wire.generation,
      attempt: wire.attempt,
      prompt: wire.prompt ?? undefined,
      feedback: wire.revision?.feedback ?? [],
      previous: () => {
        const outputs = members(members(text).get("revision") ?? "").get("outputs") ?? "{}";
        return decode(agent.outputs, wire.revision?.outputs ?? {}, outputs, link, link.largestValue, signal);
      },
      checkpoint: wire.checkpoint ?? undefined,
      saveCheckpoint: async (value: Json) => outbox.addCheckpoint(value),
      stream: (text: string, output?: string) => this.stream(text, output),
      progress: (done, total, note) => outbox.setProgress(done, total, note),
      log: (text, level = "info") => outbox.addLog(level, words(text)),
      usage: (usage) => {
        const { model: _, ...amounts } = usage;
        const odd = Object.entries(amounts).find(([, amount]) => !(Number.isSafeInteger(amount) && amount >= 0));
        if (odd) {
          throw new RangeError(`usage: ${odd[0]} is ${odd[1]}; give a whole number, 0 or more`);
        }
        this.usage = usage;
      },
      file: async (content: Content, { name, mediaType = "application/octet-stream" }) => {
        const { blob, size } = await link.put(content, signal);
        return { blob, media_type: mediaType, name, size };
      },
      open: (file: FileRef) => streamOf(link.read(file.blob, file.size, signal)),
      waitForCallback: async ({ withinMs }, hand) => {
        if (!(withinMs > 0 && Number.isFinite(withinMs))) {
          throw new RangeError(`waitForCallback: withinMs is ${withinMs}; give milliseconds, more than 0`);
        }
        const withinS = Math.ceil(withinMs / 1_000);
        await hand(await link.callback(wire.token, withinS, signal));
        return new Waiting(withinS);
      },
    };
  }

  private failure(error: unknown): Failure {
    const message = messageOf(error).slice(0, MESSAGE_CHARS);
    if (error instanceof TaskError) {
      const asked = error instanceof RateLimited ? error.retryAfterMs : undefined;
      const hasTime = asked !== undefined && asked >= 0;
      const waited = hasTime && { retry_after_ms: Math.min(Math.ceil(asked), Number.MAX_SAFE_INTEGER) };
      return { class: error.errorClass, message, ...waited };
    }
    if (error instanceof ServerRefused && [409, 413, 422].includes(error.status)) {
      return { class: "permanent", message };
    }
    if (error instanceof Error && part(error, "name") === "TimeoutError") {
      return { class: "timeout", message };
    }
    if (!this.isStopped && error instanceof Error) {
      this.outbox.addLog("error", part(error, "stack") ?? message);
    }
    return { class: "server", message: error instanceof Error ? `${part(error, "name") ?? "Error"}: ${message}` : message };
  }
}

/** What was thrown may fail to say what it is. */
function messageOf(error: unknown): string {
  return error instanceof Error ? part(error, "message") || part(error, "name") || Object.prototype.toString.call(error) : words(error);
}

/** Each of these may be a getter that throws; `stack` is written where it is first read, with the message in it. */
function part(error: Error, name: "message" | "name" | "stack"): string | undefined {
  try {
    const said: unknown = error[name];
    return said === undefined ? undefined : words(said);
  } catch {
    return undefined;
  }
}

/** Whatever is thrown, and whatever stands where an error has its texts: not everything can be made a text. */
function words(said: unknown): string {
  try {
    return typeof said === "object" && said !== null ? stringify(said) : String(said);
  } catch {
    return Object.prototype.toString.call(said);
  }
}

