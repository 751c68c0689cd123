// Getting about by keyboard alone, as a person does who has no mouse. Must never move the focus but by keys.

import { expect, type Locator, type Page } from "@playwright/test";

/** A person gives up sooner or later. */
const MOST = 80;

/** Presses Tab until the element has the focus. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  await tab(page, target, "Tab");
}

/** The other way. */
export async function tabBack(page: Page, target: Locator): Promise<void> {
  await tab(page, target, "Shift+Tab");
}

async function tab(page: Page, target: Locator, key: string): Promise<void> {
  await expect(target).toBeVisible();
  const hasFocus = () => target.evaluate((element) => element === document.activeElement);
  for (let presses = 0; presses < MOST; presses++) {
    if (await hasFocus()) {
      return;
    }
    await page.keyboard.press(key);
  }
  await expect(target, `reached by ${key}`).toBeFocused();
}

/** Goes there and presses the key. */
export async function press(page: Page, target: Locator, key: string): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.press(key);
}
