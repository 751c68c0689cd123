// What a running task wants to be seen soon: bounded, whatever the handler does and however slow the network is.
// Deltas are lossy and sent once; progress, logs and checkpoints are kept until the server has them.

import { RawJson, stringify } from "./raw.js";
import type { Delta, Level, LogLine, Progress } from "./wire.js";

const DELTA_BYTES = 64 * 1024;
const LOG_LINES = 1_000;
const LOG_BYTES = 256 * 1024;
const LINE_CHARS = 8 * 1024;
const NOTE_CHARS = 200;
const LEVELS: readonly Level[] = ["debug", "info", "warning", "error"];
const CHECKPOINT_BYTES = 16 * 1024;

export interface Parcel {
  readonly progress?: Progress;
  readonly deltas?: readonly Delta[];
  readonly logs?: readonly LogLine[];
  readonly checkpoint?: unknown;
}

interface Checkpoint {
  readonly json: RawJson;
  readonly stored: () => void;
  readonly failed: (error: Error) => void;
}

/** UTF-8, at its longest: exact counting would read every delta twice. */
const most = (text: string): number => text.length * 3;

export class Outbox {
  private progress: Progress | undefined;
  private deltas: Delta[] = [];
  private deltaBytes = 0;
  private logs: LogLine[] = [];
  private logBytes = 0;
  private dropped = 0;
  private checkpoints: Checkpoint[] = [];
  private closed: Error | undefined;
  private sent: { progress: Progress | undefined; logs: LogLine[]; dropped: number; checkpoints: Checkpoint[] } | undefined;

  constructor(
    private readonly tell: (outbox: Outbox) => void,
    private readonly timeOfDay: () => string,
  ) {}

  get isEmpty(): boolean {
    return !this.progress && this.deltas.length + this.logs.length + this.checkpoints.length === 0;
  }

  /** Whether something is still to be told that would be lost when the task ends. */
  get hasNews(): boolean {
    return this.logs.length > 0 || (this.sent?.logs.length ?? 0) > 0;
  }

  /** Somebody waits for it to be stored. */
  get isUrgent(): boolean {
    return this.checkpoints.length > 0;
  }

  addDelta(output: string, text: string): void {
    // The first of a flood is shown; the result will show the rest.
    const shown = text.slice(0, Math.floor((DELTA_BYTES - this.deltaBytes) / 3));
    if (shown === "") {
      return;
    }
    this.deltaBytes += most(shown);
    const last = this.deltas.at(-1);
    if (last?.output === output) {
      this.deltas[this.deltas.length - 1] = { output, text: last.text + shown };
    } else {
      this.deltas.push({ output, text: shown });
    }
    this.tell(this);
  }

  setProgress(done: number, total?: number, note?: string): void {
    if (!(Number.isSafeInteger(done) && done >= 0)) {
      throw new RangeError(`progress: done is ${done}; give a whole number, 0 or more`);
    }
    if (total !== undefined && !(Number.isSafeInteger(total) && total >= done)) {
      throw new RangeError(`progress: total is ${total}; give a whole number, not less than done (${done})`);
    }
    this.progress = {
      done,
      ...(total !== undefined && { total }),
      ...(note !== undefined && { note: Array.from(note.slice(0, 2 * NOTE_CHARS)).slice(0, NOTE_CHARS).join("") }),
    };
    this.tell(this);
  }

  addLog(level: Level, text: string): void {
    if (!LEVELS.includes(level)) {
      throw new RangeError(`log: the level is ${level}; say ${LEVELS.join(", ")}`);
    }
    const line = text.length > LINE_CHARS ? `${text.slice(0, LINE_CHARS)}… (${text.length - LINE_CHARS} more)` : text;
    this.logs.push({ at: this.timeOfDay(), level, text: line });
    this.logBytes += most(line);
    this.trim();
    this.tell(this);
  }

  /** Resolves once the server has stored it. */
  addCheckpoint(value: unknown): Promise<void> {
    const text = stringify(value);
    const size = new TextEncoder().encode(text).length;
    if (size > CHECKPOINT_BYTES) {
      throw new RangeError(`checkpoint: it has ${size} bytes, at most ${CHECKPOINT_BYTES} are kept; store more outside and keep its name`);
    }
    if (this.closed) {
      return Promise.reject(this.closed);
    }
    return new Promise((stored, failed) => {
      this.checkpoints.push({ json: new RawJson(text), stored, failed });
      this.tell(this);
    });
  }

  /** What to send now. Until `arrived` or `lost` is called, nothing else may be taken. */
  take(): Parcel {
    const { progress, deltas, logs, dropped, checkpoints } = this;
    this.sent = { progress, logs, dropped, checkpoints };
    this.progress = undefined;
    this.deltas = [];
    this.deltaBytes = 0;
    this.logs = [];
    this.logBytes = 0;
    this.dropped = 0;
    this.checkpoints = [];
    const told = dropped > 0 ? [{ at: this.timeOfDay(), level: "warning" as const, text: `${dropped} lines before this were dropped` }] : [];
    const lines = [...told, ...logs];
    const checkpoint = checkpoints.at(-1);
    return {
      ...(progress && { progress }),
      ...(deltas.length > 0 && { deltas }),
      ...(lines.length > 0 && { logs: lines }),
      ...(checkpoint && { checkpoint: checkpoint.json }),
    };
  }

  arrived(): void {
    for (const { stored } of this.sent?.checkpoints ?? []) {
      stored();
    }
    this.sent = undefined;
  }

  /** Nobody knows whether it arrived: it goes again, before what was added since. */
  lost(): void {
    if (this.sent) {
      this.progress ??= this.sent.progress;
      this.logs = [...this.sent.logs, ...this.logs];
      this.logBytes = this.logs.reduce((sum, { text }) => sum + most(text), 0);
      this.dropped += this.sent.dropped;
      this.checkpoints = [...this.sent.checkpoints, ...this.checkpoints];
      this.sent = undefined;
      this.trim();
    }
  }

  /** The server will not have what was taken last. */
  refused(error: Error): void {
    for (const { failed } of this.sent?.checkpoints ?? []) {
      failed(error);
    }
    this.sent = undefined;
  }

  /** Nothing is sent any more: who waits for it would wait for ever. */
  close(error: Error): void {
    this.closed = error;
    for (const { failed } of [...(this.sent?.checkpoints ?? []), ...this.checkpoints]) {
      failed(error);
    }
    this.sent = undefined;
    this.checkpoints = [];
  }

  private trim(): void {
    let n = 0;
    while (this.logs.length - n > LOG_LINES || (this.logBytes > LOG_BYTES && n < this.logs.length - 1)) {
      this.logBytes -= most(this.logs[n]?.text ?? "");
      n += 1;
    }
    if (n > 0) {
      this.logs = this.logs.slice(n);
      this.dropped += n;
    }
  }
}
