// The bodies of the protocol, version 1, as docs/workers.md has them.
// Must never hold what this client makes of them.

import type { ErrorClass } from "./errors.js";
import type { Schema } from "./ports.js";

export const PROTOCOL = 1;

export interface WireAgent {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly inputs: Readonly<Record<string, { title?: string; schema: Schema; required: boolean }>>;
  readonly outputs: Readonly<Record<string, { title?: string; schema: Schema }>>;
  readonly side_effects: SideEffects;
  readonly timeout_s?: number;
}

export type SideEffects = "none" | "idempotent" | "external";

export interface Offer {
  readonly state: "offered" | "accepted" | "refused";
  readonly reason?: string;
  readonly version?: number;
  readonly hash?: string;
}

export interface Registered {
  readonly session: string;
  readonly beat_every_ms: number;
  readonly lease_ms: number;
  readonly wait_ms_max: number;
  readonly inline_max: number;
  readonly server_time: string;
  readonly agents: Readonly<Record<string, Offer>>;
}

export interface WireValue {
  readonly media_type: string;
  readonly value?: unknown;
  readonly text?: string;
  readonly blob?: string;
  readonly size?: number;
}

export type WireValues = Readonly<Record<string, WireValue>>;

export interface Feedback {
  readonly round: number;
  readonly by: string;
  readonly text: string;
}

export interface WireTask {
  readonly token: string;
  readonly agent: string;
  readonly run: string;
  readonly step: string;
  readonly item?: unknown;
  readonly generation: number;
  readonly attempt: number;
  readonly idempotency_key: string;
  readonly inputs: WireValues;
  readonly prompt?: string | null;
  readonly revision?: { readonly outputs: WireValues; readonly feedback: readonly Feedback[] } | null;
  readonly checkpoint?: unknown;
  readonly timeout_at?: string | null;
  readonly traceparent?: string;
}

export interface Progress {
  readonly done: number;
  readonly total?: number;
  readonly note?: string;
}

export type Level = "debug" | "info" | "warning" | "error";

export interface LogLine {
  readonly at: string;
  readonly level: Level;
  readonly text: string;
}

export interface Delta {
  readonly output: string;
  readonly text: string;
}

export interface BeatAnswer {
  readonly session: "ok" | "paused" | "drain";
  readonly server_time: string;
  readonly agents?: Readonly<Record<string, Offer>>;
  readonly tasks: readonly { readonly token: string; readonly state: "ok" | "cancel" | "timeout" | "fenced" }[];
}

export interface Usage {
  readonly model?: string;
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly cost_micros?: number;
}

/** How a task ended. */
export type Outcome =
  | { readonly outcome: "completed"; readonly outputs: WireValues; readonly usage?: Usage }
  | { readonly outcome: "failed"; readonly error: Failure }
  | { readonly outcome: "cancelled" | "released" }
  | { readonly outcome: "waiting"; readonly resume_within_s: number };

export interface Failure {
  readonly class: ErrorClass;
  readonly message: string;
  readonly retry_after_ms?: number;
}

export interface Completed {
  readonly results: readonly {
    readonly token: string;
    readonly status: "committed" | "already" | "fenced" | "invalid_output";
    readonly problems?: readonly { readonly field: string; readonly message: string }[];
  }[];
}

export interface Callback {
  /** Whoever has it may complete the task, once, in the header `Weft-Callback`. */
  readonly secret: string;
  readonly url: string;
  readonly expiresAt: string;
}

