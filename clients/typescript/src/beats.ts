// Keeps the session's lease, hears of cancels, and brings what is to be seen soon.
// One beat is held by the server, others go beside it: must never wait for a held one to bring something.

import { NoAnswer, type ServerRefused } from "./errors.js";
import { isLater } from "./http.js";
import type { Live } from "./live.js";
import type { Parcel } from "./outbox.js";
import { isUnreadable } from "./results.js";
import type { Task } from "./task.js";
import { Changes, now, pause, sleep } from "./time.js";
import type { BeatAnswer, Offer } from "./wire.js";

/** What tasks write within so long goes together. */
const GATHER_MS = 150;
/** A beat that was answered before its time is not sent again at once: the same state would answer it at once. */
const EARLY_MS = 700;
/** After what share of the lease without a beat the tasks are stopped. */
const OWN_STOP = 0.75;
/** How long the last logs of a task may put its result off. */
const LAST_NEWS_MS = 3_000;
const PARCEL_CHARS = 256 * 1024;

export class Beats {
  private readonly flushed = new Changes();
  private readonly urgent = new Changes();
  /** When the newest beat that was answered was sent. */
  private heardAt = now();
  /** Something that was brought was refused: until nothing is left, each task's is brought alone, so that only the one at fault loses it. */
  private isAlone = false;
  private isWanted = false;

  constructor(
    private readonly live: Live,
    private readonly offers: (offers: Readonly<Record<string, Offer>>) => void,
  ) {}

  /** The beats that the server holds. */
  async hold(): Promise<void> {
    const { live } = this;
    const { beat_every_ms, lease_ms } = live.registered;
    for (let failures = 0; !live.isOver; ) {
      const began = now();
      // After a failure there is no time to lose: the next one is answered at once.
      const wait = failures > 0 ? 0 : beat_every_ms;
      try {
        await this.beat(wait, new Map());
        failures = 0;
        if (now() - began < wait / 2) {
          await sleep(EARLY_MS, live.signal);
        }
      } catch (error) {
        failures += 1;
        const asked = this.repeatable(error);
        await sleep(Math.min(pause(failures, asked), lease_ms / 8), live.signal);
      }
    }
  }

  /** The beats that bring something. */
  async flush(): Promise<void> {
    const { live } = this;
    for (let failures = 0; !live.isOver; ) {
      if ([...live.tasks.values()].every(({ outbox }) => outbox.isEmpty)) {
        this.isAlone = false;
        await live.written.next();
        continue;
      }
      if (!this.isWanted) {
        await this.gather();
      }
      this.isWanted = false;
      const { tasks, parcels } = this.take();
      try {
        await this.beat(0, parcels);
        failures = 0;
        tasks.forEach(({ outbox }) => outbox.arrived());
      } catch (error) {
        if (isUnreadable(error) && parcels.size > 0) {
          this.refused(tasks, error);
        } else {
          failures += 1;
          tasks.forEach(({ outbox }) => outbox.lost());
          await sleep(pause(failures, this.repeatable(error)), live.signal);
        }
      }
      this.flushed.tell();
    }
  }

  /** Stops everything when the server has not been heard of for so long that it may give the tasks to others. */
  async watch(): Promise<void> {
    const { live } = this;
    const { lease_ms } = live.registered;
    while (!live.isOver) {
      await sleep(lease_ms / 40, live.signal);
      if (now() - this.heardAt > lease_ms * OWN_STOP && !live.isOver) {
        live.log("warn", `no beat was answered for ${Math.round((now() - this.heardAt) / 1_000)} s: the tasks are stopped`);
        live.finish("gone");
      }
    }
  }

  /** Waits for the last logs of a task to be told: once it has ended nobody takes them. */
  async delivered({ outbox }: Task): Promise<void> {
    const until = now() + LAST_NEWS_MS;
    while (outbox.hasNews && !this.live.isOver && now() < until) {
      this.urge();
      const timer = new AbortController();
      await Promise.race([this.flushed.next(), sleep(until - now(), timer.signal)]);
      timer.abort();
    }
  }

  /** Somebody waits for it. */
  urge(): void {
    this.isWanted = true;
    this.urgent.tell();
  }

  private async gather(): Promise<void> {
    const timer = new AbortController();
    await Promise.race([this.urgent.next(), sleep(GATHER_MS, timer.signal)]);
    timer.abort();
  }

  private take(): { tasks: Task[]; parcels: Map<string, Parcel> } {
    const tasks: Task[] = [];
    const parcels = new Map<string, Parcel>();
    let chars = 0;
    for (const task of this.live.tasks.values()) {
      if (!task.outbox.isEmpty && chars < PARCEL_CHARS && !(this.isAlone && tasks.length > 0)) {
        const parcel = task.outbox.take();
        chars += size(parcel);
        tasks.push(task);
        parcels.set(task.token, parcel);
      }
    }
    return { tasks, parcels };
  }

  private refused(tasks: readonly Task[], error: ServerRefused): void {
    if (tasks.length > 1) {
      this.isAlone = true;
      tasks.forEach(({ outbox }) => outbox.lost());
      return;
    }
    tasks.forEach(({ outbox, wire }) => {
      this.live.log("warn", `${wire.agent}: what it told about itself was refused: ${error.message}`);
      outbox.refused(error);
    });
  }

  private async beat(wait_ms: number, parcels: ReadonlyMap<string, Parcel>): Promise<void> {
    const { live } = this;
    const { lease_ms } = live.registered;
    const tasks = [...live.tasks.keys()].map((token) => ({ token, ...parcels.get(token) }));
    const sentAt = now();
    // A held one that is late must leave time for another before the own stop.
    const timeoutMs = wait_ms > 0 ? wait_ms + lease_ms / 8 : lease_ms / 4;
    const { json } = await live.http.once(live.post("beat", { wait_ms, free: live.free, tasks }, timeoutMs));
    this.heardAt = Math.max(this.heardAt, sentAt);
    this.takeIn(json as BeatAnswer);
  }

  private takeIn(answer: BeatAnswer): void {
    const { live } = this;
    live.setClock(answer.server_time);
    this.offers(answer.agents ?? {});
    for (const { token, state } of answer.tasks) {
      const task = live.tasks.get(token);
      if (state !== "ok" && task && !task.isEnded) {
        task.stop(state);
        if (state === "fenced") {
          live.forget(token);
        }
      }
    }
    const isPaused = answer.session === "paused";
    if (answer.session === "drain" && !live.isDraining) {
      live.log("info", "the server asks this worker to finish what it runs, and to end");
      live.isDraining = true;
      live.changed();
    } else if (isPaused !== live.isPaused) {
      live.log("info", isPaused ? "paused: nothing is claimed" : "goes on");
      live.isPaused = isPaused;
      live.changed();
    }
  }

  /** How long the server asks to wait; throws what no repetition helps against. */
  private repeatable(error: unknown): number {
    if (error instanceof NoAnswer) {
      return 0;
    }
    if (isLater(error)) {
      return error.retryAfterMs ?? 0;
    }
    throw error;
  }
}

function size({ deltas = [], logs = [] }: Parcel): number {
  return [...deltas, ...logs].reduce((sum, { text }) => sum + text.length, 0);
}
