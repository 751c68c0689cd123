// Tells the server how tasks ended: all that have ended since the last call together, with a claim for the slots they free.
// Must never tell two different results of one task, unless the server could not read the first.

import { ServerRefused } from "./errors.js";
import type { Answer } from "./http.js";
import type { Live } from "./live.js";
import { RawJson, stringify } from "./raw.js";
import { now, sleep } from "./time.js";
import type { Completed, Outcome } from "./wire.js";

const ANSWER_MS = 30_000;
/** Between two calls: a server takes some 50 a second of one session, and what ends meanwhile goes together. */
const PACE_MS = 25;
const BATCH_RESULTS = 100;
const BATCH_CHARS = 256 * 1024;

interface Result {
  readonly token: string;
  readonly agent: string;
  readonly json: RawJson;
  /** Stands for a result that the server could not read. */
  readonly isReport: boolean;
}

export class Results {
  private queue: Result[] = [];

  constructor(private readonly live: Live) {}

  add(token: string, agent: string, outcome: Outcome, isReport = false): void {
    this.queue.push({ token, agent, json: new RawJson(stringify({ token, ...outcome })), isReport });
    this.live.unsent += 1;
    this.live.changed();
  }

  async send(start: (answer: string) => void): Promise<void> {
    const { live } = this;
    let sentAt = -PACE_MS;
    while (!live.isOver) {
      if (this.queue.length === 0) {
        await live.slots.changes.next();
        continue;
      }
      await sleep(sentAt + PACE_MS - now(), live.signal);
      sentAt = now();
      await this.complete(this.take(), start);
    }
  }

  private take(): Result[] {
    let chars = 0;
    let n = 0;
    for (const { json } of this.queue.slice(0, BATCH_RESULTS)) {
      chars += json.text.length;
      if (n > 0 && chars > BATCH_CHARS) {
        break;
      }
      n += 1;
    }
    return this.queue.splice(0, n);
  }

  private async complete(batch: readonly Result[], start: (answer: string) => void): Promise<void> {
    const { live } = this;
    // The slots of this batch are free once it has been taken.
    live.unsent -= batch.length;
    const max = live.isDraining || live.isPaused ? 0 : Math.min(live.free, 1_000);
    live.unsent += batch.length;
    live.reserved += max;
    const body = { results: batch.map(({ json }) => json), ...(max > 0 && { claim: { max } }) };
    let answer: Answer;
    try {
      answer = await live.http.repeat(live.post("complete", body, ANSWER_MS));
    } catch (error) {
      if (!isUnreadable(error)) {
        throw error;
      }
      live.reserved -= max;
      if (batch.length === 1) {
        this.report(batch[0] as Result, error);
        return;
      }
      // One of them is at fault: the others are told without it.
      for (const result of batch) {
        await this.complete([result], start);
      }
      return;
    }
    live.reserved -= max;
    this.answered(batch, answer.json as Completed);
    start(answer.text);
  }

  private answered(batch: readonly Result[], { results }: Completed): void {
    for (const { token, status, problems } of results) {
      const agent = batch.find((result) => result.token === token)?.agent ?? "a task";
      if (status === "invalid_output") {
        const told = (problems ?? []).map(({ field, message }) => `${field}: ${message}`).join("; ");
        this.live.log("error", `${agent}: its outputs are not what it promised: ${told}`);
      } else if (status === "fenced") {
        this.live.log("warn", `${agent}: its result came too late, and was not taken`);
      }
    }
    this.live.unsent -= batch.length;
    for (const { token } of batch) {
      this.live.forget(token);
    }
  }

  private report({ token, agent, isReport }: Result, error: ServerRefused): void {
    this.live.log("error", `${agent}: its result was refused: ${error.message}`);
    this.live.unsent -= 1;
    if (isReport) {
      this.live.forget(token);
    } else {
      this.add(token, agent, { outcome: "failed", error: { class: "invalid_output", message: error.message } }, true);
    }
  }
}

/** What was sent is at fault, not the session. */
export function isUnreadable(error: unknown): error is ServerRefused {
  return (
    error instanceof ServerRefused &&
    ([409, 413, 422].includes(error.status) || (error.status === 400 && error.code !== "protocol_unsupported"))
  );
}
