// A bad network between a worker and its server: a fetch that loses requests, or the answers to them.
// Must never invent an answer: what arrives is what the server said.

/** `lose`: the server does it, and nobody hears of it. `cut`: it never reaches the server. */
type Fault = "lose" | "cut";

export interface Seen {
  readonly route: string;
  readonly body: Record<string, unknown>;
}

export class Network {
  /** What was sent, by the last word of the route: sessions, claim, beat, complete, callback, or the method for others. */
  readonly seen: Seen[] = [];
  isDown = false;
  private readonly faults = new Map<string, Fault[]>();

  /** The next call of this route meets this. */
  fault(route: string, fault: Fault): void {
    this.faults.set(route, [...(this.faults.get(route) ?? []), fault]);
  }

  readonly fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const word = String(input).split("/").at(-1) ?? "";
    const route = /^[a-z]+$/.test(word) ? word : `${init.method}`;
    if (typeof init.body === "string" && init.body.startsWith("{")) {
      this.seen.push({ route, body: JSON.parse(init.body) as Record<string, unknown> });
    }
    const fault = this.isDown ? "cut" : this.faults.get(route)?.shift();
    if (fault === "cut") {
      throw new TypeError("fetch failed");
    }
    const answer = await globalThis.fetch(input, init);
    if (fault === "lose" || this.isDown) {
      await answer.arrayBuffer();
      throw new TypeError("fetch failed");
    }
    return answer;
  };
}
