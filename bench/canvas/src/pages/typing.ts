// A long text in the dialog in which people change what a step made: how long until it stands there, and until each key is seen.
// Must never save: the next repeat opens the same text.

import type { Page } from "playwright-core";
import { drawn } from "../input.ts";

const OPENS_WITHIN_MS = 60_000;
const TYPED = "what somebody adds to a text that is long already. ";
/** What is shown sooner than that is not told apart. */
const LEAST_MS = 16;

export interface Typed {
  /** From the press until the second frame after all of the text stands in the field. */
  readonly dialogMs: number;
  /** Of each key, until what it did was drawn. */
  readonly keysMs: readonly number[];
}

declare global {
  interface Window {
    __dialogMs?: number;
  }
}

export async function type(page: Page, length: number): Promise<Typed> {
  await page.evaluate((length) => {
    addEventListener("click", ({ timeStamp }) => {
      const look = () => {
        const field = document.querySelector<HTMLTextAreaElement>("dialog[open] textarea");
        if ((field?.textLength ?? 0) < length) return void requestAnimationFrame(look);
        requestAnimationFrame(() => requestAnimationFrame(() => { window.__dialogMs = performance.now() - timeStamp; }));
      };
      requestAnimationFrame(look);
    }, { capture: true, once: true });
  }, length);
  await page.getByRole("group", { name: "What you can do" }).getByRole("button", { name: "Edit", exact: true }).click();
  await page.waitForFunction(() => window.__dialogMs !== undefined, undefined, { timeout: OPENS_WITHIN_MS });
  const dialogMs = await page.evaluate(() => window.__dialogMs ?? Number.NaN);
  const field = page.locator("dialog[open] textarea");
  await field.press("ControlOrMeta+End");
  await drawn(page);
  await page.evaluate(() => {
    for (const id of Object.keys(window.__keys ?? {})) {
      delete window.__keys?.[Number(id)];
    }
  });
  for (const key of TYPED.slice(0, 50)) {
    await page.keyboard.press(key === " " ? "Space" : key);
    await drawn(page);
  }
  // What was observed is told in a task of its own.
  await page.waitForTimeout(500);
  const told = await page.evaluate(() => Object.values(window.__keys ?? {}));
  const quick = Array.from({ length: Math.max(0, 50 - told.length) }, () => LEAST_MS);
  return { dialogMs, keysMs: [...told, ...quick] };
}
