// One call to the server: with its time limit, its errors as types, and repeated while nobody knows whether it was done.
// Must never follow a redirect (the token would go along), and never put the token into a message.

import { NoAnswer, ServerRefused } from "./errors.js";
import { joined, pause, sleep } from "./time.js";

const ROOT = "/api/worker/v1";
/** What an error's body may have; the rest of a page that some proxy made says nothing. */
const LONGEST_DETAIL = 2_000;

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below `/api/worker/v1`. */
  readonly path: string;
  /** JSON, as text. */
  readonly json?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each try. `alive` puts the time limit off. */
  readonly body?: (alive: () => void) => string | ReadableStream<Uint8Array>;
  /** Without an answer, or a sign of life, for so long, it is given up. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** The same, parsed; undefined where there is none. */
  readonly json: unknown;
}

export interface OpenAnswer {
  readonly status: number;
  readonly response: Response;
  /** Puts the time limit off. */
  alive(): void;
  /** Ends the call. */
  close(): void;
}

export class Http {
  private readonly root: string;

  constructor(
    url: string,
    private readonly token: string,
    private readonly fetch: typeof globalThis.fetch,
    private readonly warn: (text: string) => void,
  ) {
    const base = new URL(url);
    if (!/^https?:$/.test(base.protocol) || base.username !== "" || base.password !== "") {
      throw new TypeError("url: give the http:// or https:// address of the server, without a name or password in it");
    }
    this.root = base.origin + base.pathname.replace(/\/+$/, "");
  }

  /** The full address of what the server named by its path. */
  address(path: string): string {
    return this.root + path;
  }

  /** The same call until the server has answered it. */
  async repeat(call: Call): Promise<Answer> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.once(call);
      } catch (error) {
        if (!(error instanceof NoAnswer || isLater(error)) || call.signal.aborted) {
          throw error;
        }
        const wait = pause(failures, error instanceof ServerRefused ? error.retryAfterMs : 0);
        if (failures % 5 === 0) {
          this.warn(`${error.message}; trying again (${failures} times so far)`);
        }
        await sleep(wait, call.signal);
      }
    }
  }

  /** One try. */
  async once(call: Call): Promise<Answer> {
    const { status, response, close } = await this.open(call);
    try {
      const text = await response.text();
      return { status, text, json: text === "" ? undefined : JSON.parse(text) };
    } catch (cause) {
      call.signal.throwIfAborted();
      // What is no JSON is the page of somebody in between.
      throw new NoAnswer(`${call.path}: the answer was cut off, or is not of a Weft server`, { cause });
    } finally {
      close();
    }
  }

  /** One try, of which the answer's body is still to be read. */
  async open(call: Call): Promise<OpenAnswer> {
    call.signal.throwIfAborted();
    const limit = new AbortController();
    const { signal, release } = joined(call.signal, limit.signal);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => limit.abort(), call.timeoutMs);
    };
    const close = () => {
      clearTimeout(timer);
      release();
    };
    alive();
    try {
      const response = await this.send(call, alive, signal);
      if (!response.ok) {
        throw await refusal(response, this.address(ROOT + call.path));
      }
      // Aborting what was read to its end does no harm; what was not is a connection that stays open.
      const end = () => (close(), limit.abort());
      return { status: response.status, response, alive, close: end };
    } catch (cause) {
      close();
      if (call.signal.aborted) {
        throw call.signal.reason;
      }
      throw cause instanceof ServerRefused ? cause : new NoAnswer(`${call.path}: ${reason(cause)}`, { cause });
    }
  }

  private send(call: Call, alive: () => void, signal: AbortSignal): Promise<Response> {
    const body = call.json ?? call.body?.(alive);
    const init: RequestInit & { duplex?: "half" } = {
      method: call.method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(call.json !== undefined && { "content-type": "application/json" }),
        ...call.headers,
      },
      redirect: "manual",
      signal,
      ...(body !== undefined && { body }),
      // A body that is a stream has to say so.
      ...(body instanceof ReadableStream && { duplex: "half" }),
    };
    return this.fetch(this.address(ROOT + call.path), init);
  }
}

/** Whether the server asks to repeat the same call. Of what fails inside of it, or of a proxy, nobody knows either. */
export function isLater(error: unknown): error is ServerRefused {
  return error instanceof ServerRefused && (error.status === 429 || error.status === 408 || error.status >= 500);
}

async function refusal(response: Response, address: string): Promise<ServerRefused> {
  const { status } = response;
  const location = response.headers.get("location");
  if (response.type === "opaqueredirect" || (status >= 300 && status < 400)) {
    const text = `${address} redirects${location ? ` to ${location}` : ""}: give the address of the server itself as url`;
    return new ServerRefused(text, status, "redirected", undefined);
  }
  const text = await response.text().catch(() => "");
  const problem = parsed(text);
  const said = problem?.detail ?? problem?.title;
  const detail = said ? said.slice(0, LONGEST_DETAIL) : `${address} answered ${status}, not as a Weft server does`;
  const field = problem?.field ? `${problem.field}: ` : "";
  return new ServerRefused(field + detail, status, problem?.code ?? "", retryAfter(response.headers.get("retry-after")));
}

interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly field?: string;
}

function parsed(text: string): Problem | undefined {
  try {
    const problem: unknown = JSON.parse(text);
    return typeof problem === "object" && problem !== null ? problem : undefined;
  } catch {
    // A page of some proxy: its status has to do.
    return undefined;
  }
}

function retryAfter(value: string | null): number | undefined {
  if (value === null) {
    return undefined;
  }
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** fetch says "fetch failed", and why only in its cause. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  if (error.name === "AbortError") {
    return "no answer in time";
  }
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
