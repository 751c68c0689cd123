// The inbox by its roles and labels, for the specs that look for what waits and decide it there.

import { expect, type Locator, type Page } from "@playwright/test";
import { visit } from "./test.ts";

export class InboxPage {
  readonly search: Locator;
  readonly reader: Locator;

  constructor(readonly page: Page) {
    this.search = page.getByRole("searchbox", { name: /^Search what/ });
    this.reader = page.getByRole("group", { name: "Reading" });
  }

  /** With the words in its address: other specs leave reviews of their own. */
  async visit(words: string, query = ""): Promise<void> {
    await visit(this.page, `/inbox?q=${encodeURIComponent(words)}${query}`);
  }

  /** By the rail, from whichever page one is on. */
  async come(): Promise<void> {
    await this.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: /^Inbox/ }).click();
    await expect(this.page.getByRole("heading", { level: 1, name: "Inbox" })).toBeVisible();
  }

  /** What waits and says this. */
  rows(words: string): Locator {
    return this.page.getByRole("list", { name: "What waits" }).getByRole("listitem").filter({ hasText: words });
  }

  /** The link of the one row that says this. */
  link(words: string): Locator {
    return this.rows(words).getByRole("link");
  }

  async expectRead(words: string): Promise<void> {
    await expect(this.link(words)).toHaveAttribute("aria-current", "true");
  }

  tick(words: string): Locator {
    return this.rows(words).getByRole("checkbox");
  }

  async expectCount(words: string): Promise<void> {
    await expect(this.page.getByRole("status").filter({ hasText: words })).toBeVisible();
  }

  /** What was decided and says this. */
  past(words: string): Locator {
    return this.page.getByRole("list", { name: "What was decided" }).getByRole("listitem").filter({ hasText: words });
  }
}
