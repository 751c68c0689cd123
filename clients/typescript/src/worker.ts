// The worker that a program makes: its agents, and a session with the server for as long as it runs.
// Must never give up for what passes by itself, and never go on after the server said that it may not.

import { Agent } from "./agent.js";
import type { AgentOptions, Handler } from "./context.js";
import { Http } from "./http.js";
import { type Log, Slots } from "./live.js";
import type { Inputs, Outputs } from "./ports.js";
import { stringify } from "./raw.js";
import { Session } from "./session.js";
import { now, pause, sleep } from "./time.js";
import { type Trial, type TrialInputs, type TrialOptions, attempt } from "./trial.js";
import { VERSION } from "./version.js";
import { type Offer, PROTOCOL, type Registered } from "./wire.js";

const ANSWER_MS = 10_000;
/** A session that lasted so long was a good one: the next is asked for without delay. */
const GOOD_MS = 60_000;
const LARGEST_VALUE = 64 * 1024 * 1024;

export interface WorkerOptions {
  /** The address of the server, as people open it. */
  readonly url: string;
  /** A worker token. */
  readonly token: string;
  /** What the page of workers calls it. */
  readonly name: string;
  /** How many tasks run at once; 8 if left out. */
  readonly slots?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** Which build of your program this is: it stands on each attempt. */
  readonly buildId?: string;
  /** The most bytes that one value other than a file may take in memory; 64 MiB if left out. */
  readonly largestValue?: number;
  /** Where messages go; the console if left out. */
  readonly log?: Log;
  /** Another fetch, such as one that goes through a proxy. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface DrainOptions {
  /** Tasks that still run after so long are stopped and given back; without it they have all the time they need. */
  readonly withinMs?: number;
}

export class Worker {
  private readonly agents = new Map<string, Agent>();
  private readonly known = new Map<string, Offer>();
  private readonly slots: Slots;
  private readonly http: Http;
  private readonly log: Log;
  private readonly stopping = new AbortController();
  private session: Session | undefined;
  private running: Promise<void> | undefined;
  private place: { readonly host?: string; readonly pid?: number } = {};

  constructor(private readonly options: WorkerOptions) {
    const { url, token, name, slots = 8 } = options;
    for (const [field, value] of Object.entries({ url, token, name })) {
      if (!value) {
        throw new TypeError(`${field} is missing`);
      }
    }
    if (!(Number.isInteger(slots) && slots >= 1)) {
      throw new TypeError(`slots is ${slots}; give a whole number, 1 or more`);
    }
    this.log = options.log ?? ((level, text) => console[level](`weft-worker: ${text}`));
    this.slots = new Slots(slots);
    const fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.http = new Http(url, token, fetch, (text) => this.log("warn", text));
  }

  /** Adds an agent, before `run`. */
  agent<const I extends Inputs, const O extends Outputs>(options: AgentOptions<I, O>, handler: Handler<I, O>): Agent<I, O> {
    if (this.running) {
      throw new Error(`agent ${options.id}: add agents before run()`);
    }
    if (this.agents.has(options.id)) {
      throw new TypeError(`agent ${options.id}: there is one with this id`);
    }
    const agent = new Agent(options, handler);
    this.agents.set(agent.id, agent as unknown as Agent);
    return agent;
  }

  /** What the server says of each agent: whether an admin has accepted it. */
  get offers(): ReadonlyMap<string, Offer> {
    return this.known;
  }

  /** Where it runs, for the page of workers. */
  describe(place: { readonly host?: string; readonly pid?: number }): void {
    this.place = place;
  }

  /** Works until it is drained, by `drain` or by the server; rejects with the server's sentence when it may not go on. */
  run(): Promise<void> {
    if (this.running) {
      throw new Error("the worker runs already, or has run: make another");
    }
    if (this.agents.size === 0) {
      throw new Error("the worker has no agents: add one with agent()");
    }
    this.running = this.work();
    return this.running;
  }

  /** Claims nothing more, finishes what runs, and ends the session. Resolves then; a second call may be more urgent. */
  async drain({ withinMs }: DrainOptions = {}): Promise<void> {
    this.stopping.abort();
    this.session?.drain();
    const timer = new AbortController();
    if (withinMs !== undefined) {
      void sleep(withinMs, timer.signal).then(() => {
        if (!timer.signal.aborted) {
          this.session?.stopAll("released");
        }
      });
    }
    // What run() rejects with is told there.
    await this.running?.catch(() => undefined);
    timer.abort();
  }

  /** Runs one attempt here and now, without a server; throws what the handler throws. */
  async test<I extends Inputs, O extends Outputs>(
    agent: Agent<I, O> | string,
    inputs: TrialInputs<I>,
    options: TrialOptions<O> = {},
  ): Promise<Trial<O>> {
    const found = this.agents.get(typeof agent === "string" ? agent : agent.id);
    if (!found) {
      throw new TypeError(`there is no agent ${typeof agent === "string" ? agent : agent.id}; there are ${[...this.agents.keys()].join(", ")}`);
    }
    return attempt(found as unknown as Agent<I, O>, inputs, options, this.options.largestValue ?? LARGEST_VALUE);
  }

  private async work(): Promise<void> {
    for (let short = 0; !this.stopping.signal.aborted; ) {
      const registered = await this.register();
      if (!registered) {
        return;
      }
      const began = now();
      this.session = new Session({
        http: this.http,
        registered,
        agents: this.agents,
        slots: this.slots,
        largestValue: this.options.largestValue ?? LARGEST_VALUE,
        log: this.log,
        offers: (offers) => this.learn(offers),
      });
      if (this.stopping.signal.aborted) {
        this.session.drain();
      }
      const ending = await this.session.run().finally(() => (this.session = undefined));
      if (ending === "drained") {
        return;
      }
      short = now() - began > GOOD_MS ? 1 : short + 1;
      await sleep(pause(short), this.stopping.signal);
    }
  }

  /** Nothing when it was drained before the server answered. */
  private async register(): Promise<Registered | undefined> {
    const { name, labels, buildId } = this.options;
    const { host = "", pid = 0 } = this.place;
    const body = {
      protocol: PROTOCOL,
      sdk: { name: "weft-worker", version: VERSION, language: "typescript" },
      name,
      host,
      pid,
      ...(buildId !== undefined && { build_id: buildId }),
      slots: this.slots.total,
      ...(labels && { labels }),
      agents: [...this.agents.values()].map((agent) => agent.toWire()),
    };
    try {
      const { json } = await this.http.repeat({
        method: "POST",
        path: "/sessions",
        json: stringify(body),
        timeoutMs: ANSWER_MS,
        signal: this.stopping.signal,
      });
      const registered = json as Registered;
      this.log("info", `${name} is connected to ${this.http.address("")} with ${this.slots.total} slots`);
      this.learn(registered.agents);
      return registered;
    } catch (error) {
      if (this.stopping.signal.aborted) {
        return undefined;
      }
      throw error;
    }
  }

  private learn(offers: Readonly<Record<string, Offer>>): void {
    for (const [id, offer] of Object.entries(offers)) {
      const before = this.known.get(id);
      this.known.set(id, offer);
      if (before?.state === offer.state && before.hash === offer.hash) {
        continue;
      }
      if (offer.state === "accepted") {
        this.log("info", `${id} is accepted`);
      } else if (offer.state === "offered") {
        this.log("info", `${id} is offered: an admin has to accept it in the library before it gets tasks`);
      } else {
        this.log("error", `${id} is refused: ${offer.reason ?? "the server gave no reason"}`);
      }
    }
  }
}
