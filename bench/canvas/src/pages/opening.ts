// One page, opened from its address: when it can be used, its longest task, what its document weighs, and what it holds in memory.
// Must never call a page usable before it was taken over and shows what it was opened for.

import type { Browser, BrowserContext, Page } from "playwright-core";
import { ADMIN } from "../../../../end2end/support/people.ts";
import { Meter } from "../browser.ts";
import { signedIn } from "../person.ts";
import { watchReady } from "../ready.ts";

const OPENS_WITHIN_MS = 120_000;
/** Tasks that come after are counted too, as long as nothing else was done. */
const SETTLES_WITHIN_MS = 2_000;

export interface Opened {
  /** From the request until the second animation frame after it can be used. */
  readonly openMs: number;
  /** The longest task until it has settled; none was over 50 ms where it is 0. */
  readonly longestTaskMs: number;
  /** The document as it was read, decompressed. */
  readonly htmlKb: number;
  /** What scripts hold after a collection, without the memory of the program. */
  readonly heapMb: number;
  /** The renderer's process. */
  readonly rssMb: number;
}

declare global {
  interface Window {
    __tasks?: number[];
    /** Durations of what keys led to, until it was drawn, by interaction. */
    __keys?: Record<number, number>;
  }
}

/** Runs in the page before everything else of it. */
function listen(): void {
  const tasks: number[] = [];
  const keys: Record<number, number> = {};
  Object.assign(window, { __tasks: tasks, __keys: keys });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      tasks.push(duration);
    }
  }).observe({ type: "longtask", buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & { interactionId?: number })[]) {
      if (entry.interactionId && /^key/.test(entry.name)) {
        keys[entry.interactionId] = Math.max(keys[entry.interactionId] ?? 0, entry.duration);
      }
    }
  }).observe({ type: "event", durationThreshold: 16, buffered: true } as PerformanceObserverInit);
}

/** `isThere`: the text of a function that says in the page whether what it is opened for is shown. */
export async function open(browser: Browser, url: string, path: string, isThere: string): Promise<{ page: Page; opened: Opened; context: BrowserContext }> {
  const context = await signedIn(browser, url, ADMIN);
  try {
    const page = await context.newPage();
    await page.addInitScript(listen);
    await page.addInitScript({ content: watchReady(`() => document.documentElement.dataset.hydrated === "true" && (${isThere})()`) });
    const response = await page.goto(path, { waitUntil: "commit" });
    await page.waitForFunction(() => window.__openMs !== undefined, undefined, { timeout: OPENS_WITHIN_MS });
    await page.waitForTimeout(SETTLES_WITHIN_MS);
    const [openMs, longestTaskMs] = await page.evaluate(() => [window.__openMs ?? Number.NaN, Math.max(0, ...(window.__tasks ?? []))] as const);
    const html = await response?.body();
    const opened = {
      openMs,
      longestTaskMs,
      htmlKb: html ? html.length / 1_000 : Number.NaN,
      heapMb: await heapMb(page),
      rssMb: await (await Meter.of(browser)).rssMb(),
    };
    return { page, opened, context };
  } catch (error) {
    await context.close();
    throw error;
  }
}

async function heapMb(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize / 1_000_000;
}
