// How long a page takes from a press until what it did was drawn, while somebody works in it by keyboard and mouse: the interaction to
// next paint, as browsers count it.
// Must never press on before what the last press did is seen: people do not, and a queue would be measured in place of the page.

import type { BrowserContext, Page } from "playwright-core";
import { drawn } from "../input.ts";
import { REVIEWED, STEP, type Subjects } from "./subjects.ts";

const SEEN_WITHIN_MS = 60_000;
/** What is drawn sooner is not told apart. */
const LEAST_MS = 16;
/** One in so many is left out, which may be an accident. */
const LEAVES_OUT_ONE_IN = 50;
const TYPED = "what somebody writes";

export interface Interactions {
  readonly n: number;
  readonly inpMs: number;
  readonly medianMs: number;
  readonly slowest: string;
}

interface Told {
  readonly name: string;
  readonly duration: number;
}

declare global {
  interface Window {
    __interactions?: Record<number, Told>;
  }
}

/** Runs in the page before everything else of it. */
function listen(): void {
  const told: Record<number, Told> = {};
  Object.assign(window, { __interactions: told });
  new PerformanceObserver((list) => {
    for (const { interactionId, name, duration } of list.getEntries() as (PerformanceEntry & { interactionId?: number })[]) {
      if (interactionId && duration > (told[interactionId]?.duration ?? 0)) {
        told[interactionId] = { name, duration };
      }
    }
  }).observe({ type: "event", durationThreshold: 16, buffered: true } as PerformanceObserverInit);
}

/** One who counts what they press. */
class Presses {
  n = 0;

  constructor(readonly page: Page) {}

  async key(key: string): Promise<void> {
    this.n += 1;
    await this.page.keyboard.press(key);
    await drawn(this.page);
  }

  async type(text: string): Promise<void> {
    for (const letter of text) {
      await this.key(letter === " " ? "Space" : letter);
    }
  }

  async click(role: "button" | "switch", name: string | RegExp, within = this.page.locator("body")): Promise<void> {
    this.n += 1;
    await within.getByRole(role, { name }).first().click();
    await drawn(this.page);
  }
}

export const WORKED: readonly { readonly name: string; readonly path: (made: Subjects) => string; readonly work: (presses: Presses) => Promise<void> }[] = [
  // Without the form that waits too, which is answered and not continued.
  { name: "the inbox: j and k", path: () => `/inbox?q=${encodeURIComponent(REVIEWED)}`, work: walk },
  { name: "the inbox: a", path: () => "/inbox?q=subject", work: approve },
  { name: "the inbox: search and filter", path: () => "/inbox", work: search },
  { name: "a run: steps", path: (made) => `/runs/${made.large}`, work: choose },
  { name: "a run: writing what to change", path: (made) => `/runs/${made.waiting}`, work: write },
];

export async function measure(context: BrowserContext, url: string, path: string, work: (presses: Presses) => Promise<void>): Promise<Interactions> {
  const page = await context.newPage();
  page.setDefaultTimeout(SEEN_WITHIN_MS);
  try {
    await page.addInitScript(listen);
    await page.goto(`${url}${path}`);
    await page.locator("html[data-hydrated=true]").waitFor();
    const presses = new Presses(page);
    await work(presses);
    // What was observed is told in a task of its own.
    await page.waitForTimeout(500);
    const told = await page.evaluate(() => Object.values(window.__interactions ?? {}));
    return summary(told, presses.n);
  } finally {
    await page.close();
  }
}

function summary(told: readonly Told[], n: number): Interactions {
  const quick = Array.from({ length: Math.max(0, n - told.length) }, () => ({ name: "", duration: LEAST_MS }));
  const all = [...told, ...quick].sort((a, b) => b.duration - a.duration);
  const inp = all[Math.min(all.length - 1, Math.floor(all.length / LEAVES_OUT_ONE_IN))];
  return {
    n: all.length,
    inpMs: inp?.duration ?? Number.NaN,
    medianMs: all[Math.floor(all.length / 2)]?.duration ?? Number.NaN,
    slowest: all[0]?.name ?? "",
  };
}

const read = (page: Page) => page.getByRole("region", { name: "The review that is read" });

async function walk(presses: Presses): Promise<void> {
  const { page } = presses;
  const rows = page.getByRole("list", { name: "What waits" }).getByRole("listitem");
  await rows.first().waitFor();
  for (const key of [..."jjjjjjjjjjjjjjj", ..."kkkkkkkkkk"]) {
    await presses.key(key);
    await read(page).getByRole("button", { name: "Continue", exact: true }).waitFor();
  }
}

async function approve(presses: Presses): Promise<void> {
  const { page } = presses;
  const rows = page.getByRole("list", { name: "What waits" }).getByRole("listitem");
  await rows.first().waitFor();
  await presses.key("j");
  for (let n = 0; n < 10; n++) {
    await read(page).locator("button:enabled").filter({ hasText: /^\s*Continue/ }).waitFor();
    const gate = new URL(page.url()).searchParams.get("gate");
    await presses.key("a");
    await page.waitForURL((at) => at.searchParams.get("gate") !== gate);
  }
}

async function search(presses: Presses): Promise<void> {
  const { page } = presses;
  await page.getByRole("list", { name: "What waits" }).getByRole("listitem").first().waitFor();
  await presses.key("/");
  await presses.type("subject 3");
  await page.waitForURL((at) => at.searchParams.get("q") === "subject 3");
  for (let n = "subject 3".length; n > 0; n--) {
    await presses.key("Backspace");
  }
  await page.waitForURL((at) => !at.searchParams.get("q"));
  const filters = page.getByRole("search", { name: "Filter what waits" });
  for (let n = 0; n < 2; n++) {
    await presses.click("switch", "Due within a day", filters);
  }
}

async function choose(presses: Presses): Promise<void> {
  const { page } = presses;
  const steps = page.getByRole("complementary", { name: "Steps" }).getByRole("button", { name: /^Completed / });
  await steps.nth(19).waitFor();
  for (let n = 0; n < 20; n++) {
    presses.n += 1;
    await steps.nth(n).click();
    await drawn(page);
  }
}

async function write(presses: Presses): Promise<void> {
  const { page } = presses;
  const verbs = page.getByRole("group", { name: "What you can do" });
  await verbs.getByRole("button", { name: "Reject", exact: true }).waitFor();
  await presses.click("button", /^Reject$/, verbs);
  const dialog = page.getByRole("dialog", { name: `Reject “${STEP}”` });
  await dialog.getByLabel("What should be different?").waitFor();
  await presses.type(`${TYPED} about ${REVIEWED}`);
  await presses.click("button", "Too long", dialog);
  await presses.key("Escape");
}
