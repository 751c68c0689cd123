// Asks for tasks while there are free slots: one claim at a time, which the server holds until there is something.
// Must never ask for more than there are slots, and never give up a claim under way: what it was answered would be lost.

import type { Live } from "./live.js";
import { now, sleep } from "./time.js";

/** Below the 30 s after which many proxies cut a connection on which nothing moves. */
const WAIT_MS = 25_000;
const ANSWER_MS = 10_000;
/** A server that has nothing, but does not wait either, is not asked all the time. */
const LEAST_MS = 1_000;

export async function claim(live: Live, start: (answer: string) => void): Promise<void> {
  while (!live.isOver && !live.isDraining) {
    const max = Math.min(live.free, 1_000);
    if (live.isPaused || max === 0) {
      await live.slots.changes.next();
      continue;
    }
    const began = now();
    const wait_ms = Math.min(WAIT_MS, live.registered.wait_ms_max);
    live.reserved += max;
    try {
      const { status, text } = await live.http.repeat(live.post("claim", { max, wait_ms }, wait_ms + ANSWER_MS));
      if (status !== 204) {
        start(text);
      } else if (now() - began < Math.min(LEAST_MS, wait_ms)) {
        await sleep(LEAST_MS * (0.5 + Math.random()), live.signal);
      }
    } finally {
      live.reserved -= max;
    }
  }
}
