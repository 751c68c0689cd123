// Waiting, and how long to wait before the same is tried again.
// Spans are measured by a clock that nobody sets: must never be used to tell the time of day.

/** Milliseconds since some moment; never goes back. */
export const now = (): number => performance.now();

/** Resolves after `ms`, or as soon as the signal is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    // No time at all still lets timers and the network run; time that has passed already does not wait.
    if (ms < 0 || signal?.aborted) {
      resolve();
      return;
    }
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}

const FIRST_MS = 200;
const LONGEST_MS = 10_000;
/** However long the server asks to stay away, it is looked at again after this. */
const LONGEST_ASKED_MS = 60_000;

/** The pause before try number `failures + 1`: random, so that a thousand workers do not come back together. */
export function pause(failures: number, askedMs = 0): number {
  const most = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 16));
  return Math.min(askedMs, LONGEST_ASKED_MS) + most * (0.25 + 0.75 * Math.random());
}

/** Lets loops wait until something has changed. A change that nobody waited for is not kept: look first, then wait. */
export class Changes {
  private waiting: (() => void)[] = [];

  tell(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const wake of waiting) {
      wake();
    }
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

/** A signal that is aborted with the first of these: AbortSignal.any is younger than Node 18. */
export function joined(...signals: readonly AbortSignal[]): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const links = signals.map((signal) => ({ signal, abort: () => controller.abort(signal.reason) }));
  for (const { signal, abort } of links) {
    if (signal.aborted) {
      abort();
    }
    signal.addEventListener("abort", abort);
  }
  const release = () => links.forEach(({ signal, abort }) => signal.removeEventListener("abort", abort));
  return { signal: controller.signal, release };
}
