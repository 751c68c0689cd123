// One session with the server, from its registration to its end: starts what was claimed, and tells how it ended.
// Must never tell anything of a task after its session is over.

import type { Agent } from "./agent.js";
import { Beats } from "./beats.js";
import * as blobs from "./blobs.js";
import { claim } from "./claims.js";
import type { Content, Digest } from "./content.js";
import { ServerRefused, type StopReason, Stopped } from "./errors.js";
import type { Http } from "./http.js";
import { type Ending, Live, type Log, type Slots } from "./live.js";
import type { Outbox } from "./outbox.js";
import { items, members } from "./raw.js";
import { Results } from "./results.js";
import { type Link, Task } from "./task.js";
import { sleep } from "./time.js";
import type { Callback, Offer, Registered, WireTask } from "./wire.js";

const ANSWER_MS = 30_000;
/** The lease ends a session that cannot be told to end. */
const GOODBYE_MS = 5_000;

export interface SessionOptions {
  readonly http: Http;
  readonly registered: Registered;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly slots: Slots;
  readonly largestValue: number;
  readonly log: Log;
  readonly offers: (offers: Readonly<Record<string, Offer>>) => void;
}

export class Session {
  private readonly live: Live;
  private readonly results: Results;
  private readonly beats: Beats;
  private readonly link: Link;

  constructor(private readonly options: SessionOptions) {
    const { http, registered, slots, log, offers } = options;
    this.live = new Live(http, registered, slots, log);
    this.results = new Results(this.live);
    this.beats = new Beats(this.live, offers);
    this.link = this.makeLink();
  }

  /** Works until the session is over; rejects with what no new session would help against. */
  async run(): Promise<Ending> {
    const { live, beats, results } = this;
    const start = (answer: string) => this.start(answer);
    const loops = [beats.hold(), beats.flush(), beats.watch(), claim(live, start), results.send(start), this.depart()];
    for (const loop of loops) {
      loop.catch((error: unknown) => live.failed(error));
    }
    const ending = await live.ended;
    if (ending === "gone") {
      await this.goodbye();
    }
    return ending;
  }

  /** Claims nothing more, and ends when all is told that runs. */
  drain(): void {
    this.live.isDraining = true;
    this.live.changed();
  }

  stopAll(reason: StopReason): void {
    this.live.stopAll(reason);
  }

  private start(answer: string): void {
    for (const text of items(members(answer).get("tasks") ?? "[]")) {
      this.begin(text);
    }
  }

  private begin(text: string): void {
    const { live, results } = this;
    const wire = JSON.parse(text) as WireTask;
    if (live.isOver || live.isEnding || live.tasks.has(wire.token)) {
      return;
    }
    if (live.isDraining) {
      results.add(wire.token, wire.agent, { outcome: "released" });
      return;
    }
    const agent = this.options.agents.get(wire.agent);
    if (!agent) {
      const message = `this worker has no agent ${wire.agent}`;
      results.add(wire.token, wire.agent, { outcome: "failed", error: { class: "permanent", message } });
      return;
    }
    const task = new Task(wire, text, agent, this.link);
    live.tasks.set(task.token, task);
    live.slots.busy += 1;
    // What comes here is a fault of this client: a task that nobody tells the end of would hold its slot for ever.
    this.follow(task).catch((error: unknown) => live.failed(error));
  }

  private async follow(task: Task): Promise<void> {
    const { live } = this;
    void task.settled().then(() => {
      live.slots.busy -= 1;
      live.changed();
    });
    const outcome = await task.ended();
    await this.beats.delivered(task);
    if (outcome && live.tasks.has(task.token)) {
      this.results.add(task.token, task.wire.agent, outcome);
    }
  }

  /** Ends the session once it drains and nothing is left to tell. */
  private async depart(): Promise<void> {
    const { live } = this;
    while (!(live.isDraining && live.tasks.size === 0 && live.unsent === 0)) {
      await live.slots.changes.next();
      if (live.isOver) {
        return;
      }
    }
    live.isEnding = true;
    await this.goodbye();
    live.finish("drained");
  }

  /** As far as the server hears it: tasks that it still holds go to others at once, and at no cost. */
  private async goodbye(): Promise<void> {
    const { http, log } = this.options;
    const timer = new AbortController();
    const stop = new AbortController();
    void sleep(GOODBYE_MS, timer.signal).then(() => stop.abort());
    try {
      await http.repeat({ method: "DELETE", path: this.live.path, timeoutMs: GOODBYE_MS, signal: stop.signal });
    } catch (error) {
      // A session that is gone already need not be ended; one that cannot be reached ends with its lease.
      if (!(error instanceof ServerRefused)) {
        log("warn", "the server could not be told that the session is over; its lease will end it");
      }
    } finally {
      timer.abort();
    }
  }

  private makeLink(): Link {
    const { live } = this;
    const { http, registered, largestValue } = this.options;
    const path = `${live.path}/blobs`;
    return {
      inlineMax: registered.inline_max,
      largestValue,
      timeOfDay: () => new Date(Date.now() + live.clockOffsetMs).toISOString(),
      written: (outbox: Outbox) => {
        live.written.tell();
        if (outbox.isUrgent) {
          this.beats.urge();
        }
      },
      put: (content: Content, signal: AbortSignal): Promise<Digest> => blobs.put(http, path, content, signal),
      read: (blob, size, signal) => blobs.read(http, path, blob, size, signal),
      callback: (token, withinS, signal) => this.callback(token, withinS, signal),
    };
  }

  private async callback(token: string, within_s: number, signal: AbortSignal): Promise<Callback> {
    const { live } = this;
    try {
      const call = live.post(`tasks/${encodeURIComponent(token)}/callback`, { within_s }, ANSWER_MS);
      const { json } = await live.http.repeat({ ...call, signal });
      const { callback, url, expires_at } = json as { callback: string; url: string; expires_at: string };
      return { secret: callback, url: live.http.address(url), expiresAt: expires_at };
    } catch (error) {
      if (error instanceof ServerRefused && (error.status === 404 || error.code === "fenced")) {
        live.tasks.get(token)?.stop("fenced");
        live.forget(token);
        throw new Stopped("fenced");
      }
      throw error;
    }
  }
}
