// What the loops of one session share: its tasks, its slots, and how it comes to its end.
// Must never come to two ends: the first one counts.

import { ServerRefused, type StopReason } from "./errors.js";
import type { Call, Http } from "./http.js";
import { stringify } from "./raw.js";
import type { Task } from "./task.js";
import { Changes } from "./time.js";
import type { Registered } from "./wire.js";

/** `gone`: the server knows it no more, or may not; the worker registers again. */
export type Ending = "drained" | "gone";

export type Log = (level: "info" | "warn" | "error", text: string) => void;

/** The slots of a worker, over all its sessions: a handler that ignores its signal holds one until it returns. */
export class Slots {
  readonly changes = new Changes();
  busy = 0;

  constructor(readonly total: number) {}
}

export class Live {
  /** Named in each beat. */
  readonly tasks = new Map<string, Task>();
  /** Something is in an outbox. */
  readonly written = new Changes();
  readonly ended: Promise<Ending>;
  isPaused = false;
  isDraining = false;
  /** It has told the server that it ends: what comes now is not for it. */
  isEnding = false;
  /** Results that the server has not taken yet. */
  unsent = 0;
  /** Slots that a claim under way may fill. */
  reserved = 0;
  /** What to add to this machine's clock to get the server's. */
  clockOffsetMs = 0;

  private readonly over = new AbortController();
  private resolve!: (ending: Ending) => void;
  private reject!: (error: Error) => void;

  constructor(
    readonly http: Http,
    readonly registered: Registered,
    readonly slots: Slots,
    readonly log: Log,
  ) {
    this.ended = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.setClock(registered.server_time);
  }

  get signal(): AbortSignal {
    return this.over.signal;
  }

  get isOver(): boolean {
    return this.over.signal.aborted;
  }

  get free(): number {
    return Math.max(0, this.slots.total - this.slots.busy - this.unsent - this.reserved);
  }

  get path(): string {
    return `/sessions/${encodeURIComponent(this.registered.session)}`;
  }

  setClock(serverTime: string): void {
    const offset = Date.parse(serverTime) - Date.now();
    this.clockOffsetMs = Number.isNaN(offset) ? 0 : offset;
  }

  /** A call of this session, which ends with it. */
  post(what: string, body: unknown, timeoutMs: number): Call {
    return { method: "POST", path: `${this.path}/${what}`, json: stringify(body), timeoutMs, signal: this.signal };
  }

  changed(): void {
    this.slots.changes.tell();
  }

  /** A call of the session failed, and repeating it does not help. */
  failed(error: unknown): void {
    if (this.isOver || this.isEnding) {
      return;
    }
    if (error instanceof ServerRefused && (error.status === 410 || error.status === 404)) {
      this.log("warn", `the session is over: ${error.message}`);
      this.finish("gone");
    } else {
      this.finish(error instanceof Error ? error : new Error(String(error)));
    }
  }

  finish(ending: Ending | Error): void {
    if (this.isOver) {
      return;
    }
    this.stopAll("gone");
    for (const token of [...this.tasks.keys()]) {
      this.forget(token);
    }
    this.over.abort();
    if (ending instanceof Error) {
      this.reject(ending);
    } else {
      this.resolve(ending);
    }
    this.written.tell();
    this.changed();
  }

  /** The task is named no more, and nothing of it is told. */
  forget(token: string): void {
    this.tasks.get(token)?.outbox.close(new Error("the task is over"));
    this.tasks.delete(token);
    this.changed();
  }

  stopAll(reason: StopReason): void {
    for (const task of this.tasks.values()) {
      task.stop(reason);
    }
  }
}
