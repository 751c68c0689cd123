// What a handler is told about its attempt, and what it can do besides returning its outputs.
// Must do nothing: task.ts gives it its meaning.

import type { Content } from "./content.js";
import type { FileRef, Inputs, Json, Outputs, ValuesOf } from "./ports.js";
import type { Callback, Feedback, Level, SideEffects, Usage } from "./wire.js";

export interface AgentOptions<I extends Inputs, O extends Outputs> {
  /** What steps name it by, in the whole installation. */
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly inputs: I;
  readonly outputs: O;
  /** What doing it twice does outside: nothing, the same once (`idempotencyKey`), or something each time: then failures are not retried. */
  readonly sideEffects: SideEffects;
  /** How long an attempt may take; what the server takes for its agents if left out. */
  readonly timeoutMs?: number;
}

/** What a handler gives back: its outputs, or what `waitForCallback` gave it. */
export type Result<O extends Outputs> = ValuesOf<O> | Waiting;

/** A piece of the only text output, or of the one that is named. */
export type Streamed<O extends Outputs> = string | { readonly output: keyof O & string; readonly text: string };

/** An async generator streams what it yields; outputs that it does not return are what it yielded for them. */
export type Handler<I extends Inputs, O extends Outputs> = (
  inputs: ValuesOf<I>,
  ctx: Context<O>,
) => Result<O> | Promise<Result<O>> | AsyncGenerator<Streamed<O>, Partial<ValuesOf<O>> | Waiting | void, void>;

export interface Context<O extends Outputs = Outputs> {
  /** Aborted when the result is not wanted any more: hand it to `fetch` and to whatever else takes one. */
  readonly signal: AbortSignal;
  /** The same for each attempt of one generation: what is done outside under it is done once. */
  readonly idempotencyKey: string;
  /** Where spans of the agent's own belong (W3C Trace Context): the run is the trace, this attempt the parent. None in tests. */
  readonly traceparent: string | undefined;
  readonly run: string;
  readonly step: string;
  /** In a step that runs once for each item of a list: which. */
  readonly item: unknown;
  readonly generation: number;
  /** 1 for the first. */
  readonly attempt: number;
  readonly prompt: string | undefined;
  /** What reviewers asked for, oldest first; empty unless the step was sent back. */
  readonly feedback: readonly Feedback[];
  /** What the step had made when it was sent back. */
  previous(): Promise<Partial<ValuesOf<O>>>;
  /** What an earlier attempt of this generation saved last. */
  readonly checkpoint: unknown;
  /** Resolves once the server has it: 16 KiB of JSON at most. */
  saveCheckpoint(value: Json): Promise<void>;
  /** Shows more of an output while it is being made. Lossy: what is returned replaces it. */
  stream(text: string, output?: keyof O & string): void;
  progress(done: number, total?: number, note?: string): void;
  log(text: string, level?: Level): void;
  /** What it cost; the last call counts. */
  usage(usage: Usage): void;
  /** Sends content ahead, for a `file` output. */
  file(content: Content, about: { readonly name: string; readonly mediaType?: string }): Promise<FileRef>;
  /** The content of a file that was given, in pieces as they come; it fails at the end if they are not what the file says. */
  open(file: FileRef): ReadableStream<Uint8Array>;
  /**
   * Lets somebody outside finish the attempt: `hand` gives them the secret, and the handler returns what this returns.
   * The attempt then holds no slot; it fails when nobody came within `withinMs`.
   */
  waitForCallback(options: { readonly withinMs: number }, hand: (callback: Callback) => unknown): Promise<Waiting>;
}

/** Only `waitForCallback` makes one. */
export class Waiting {
  constructor(readonly withinS: number) {}
}
