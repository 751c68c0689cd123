// Asks for tasks while there are free slots: one claim at a time, which the server holds until there is something.
// Must never ask for more than there are slots, and never give up a claim under way: what it was answered would be lost.

import { NoAnswer } from "./errors.js";
import { isLater } from "./http.js";
import type { Live } from "./live.js";
import { now, pause, sleep } from "./time.js";

/** Below the 30 s after which many proxies cut a connection on which nothing moves. */
const WAIT_MS = 25_000;
const ANSWER_MS = 10_000;
/** A server that has nothing, but does not wait either, is not asked all the time; and what ends sooner was not cut for being idle. */
const LEAST_MS = 1_000;

export async function claim(live: Live, start: (answer: string) => void): Promise<void> {
  let wait = Math.min(WAIT_MS, live.registered.wait_ms_max);
  let failures = 0;
  let cuts = 0;
  while (!live.isOver && !live.isDraining) {
    const max = Math.min(live.free, 1_000);
    if (live.isPaused || max === 0) {
      await live.slots.changes.next();
      continue;
    }
    const began = now();
    live.reserved += max;
    try {
      const { status, text } = await live.http.once(live.post("claim", { max, wait_ms: Math.round(wait) }, wait + ANSWER_MS));
      failures = cuts = 0;
      if (status !== 204) {
        start(text);
      } else if (now() - began < Math.min(LEAST_MS, wait)) {
        await sleep(LEAST_MS * (0.5 + Math.random()), live.signal);
      }
    } catch (error) {
      const lasted = now() - began;
      if (error instanceof NoAnswer && lasted > LEAST_MS && lasted <= wait) {
        // Somebody in between cuts idle connections. Twice in a row is no accident: from now on it waits for less.
        cuts += 1;
        wait = cuts > 1 ? Math.max(LEAST_MS, 0.8 * lasted) : wait;
      } else if (error instanceof NoAnswer || isLater(error)) {
        failures += 1;
        await sleep(pause(failures, error instanceof NoAnswer ? 0 : error.retryAfterMs), live.signal);
      } else {
        throw error;
      }
    } finally {
      live.reserved -= max;
    }
  }
}
