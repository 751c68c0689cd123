// The run page by its roles and labels, for the specs that watch and steer runs.

import { expect, type Locator, type Page } from "@playwright/test";

export type Status = "Pending" | "Ready" | "Running" | "Awaiting review" | "Completed" | "Failed" | "Skipped" | "Cancelled";

export class RunPage {
  readonly outline: Locator;
  readonly panel: Locator;
  readonly head: Locator;

  constructor(readonly page: Page) {
    this.outline = page.getByRole("complementary", { name: "Steps" });
    this.panel = page.getByRole("complementary", { name: "Step", exact: true });
    this.head = page.locator(".run-head");
  }

  /** The row of a step in the outline, once it has this status. */
  step(title: string, status?: Status): Locator {
    return this.outline.getByRole("button", { name: new RegExp(`^${status ?? "[A-Z][a-z ]+"} ${title}( Stale)?( [\\d.]+ .*)?( No worker .*)?$`) });
  }

  /** The same for a step whose result is stale. */
  stale(title: string): Locator {
    return this.outline.getByRole("button", { name: new RegExp(`^[A-Z][a-z ]+ ${title} Stale( |$)`) });
  }

  async expectSteps(statuses: Record<string, Status>): Promise<void> {
    for (const [title, status] of Object.entries(statuses)) {
      await expect(this.step(title, status)).toBeVisible();
    }
  }

  /** Chooses the step and waits until the panel shows it. */
  async choose(title: string): Promise<void> {
    await this.step(title).click();
    await expect(this.panel.getByRole("heading", { name: title, exact: true })).toBeVisible();
  }

  /** A verb that stands on the panel itself. */
  verb(name: string): Locator {
    return this.panel.getByRole("group", { name: "What you can do" }).getByRole("button", { name, exact: true });
  }

  /** A verb from the menu of the step. */
  async more(name: string): Promise<void> {
    await this.panel.getByRole("button", { name: "More about this step" }).click();
    await this.panel.getByRole("menuitem", { name }).click();
  }

  /** A verb from the menu of the run. */
  async moreOfRun(name: string): Promise<void> {
    await this.head.getByRole("button", { name: "More about this run" }).click();
    await this.head.getByRole("menuitem", { name }).click();
  }

  dialog(name: string | RegExp): Locator {
    return this.page.getByRole("dialog", { name });
  }

  /** Opens the dialog of a verb on the chosen step, and presses its answer. */
  async answer(dialog: string | RegExp, button: string): Promise<void> {
    await this.dialog(dialog).getByRole("button", { name: button, exact: true }).click();
    await expect(this.dialog(dialog)).toBeHidden();
  }

  tab(name: string): Locator {
    return this.panel.getByRole("tab", { name });
  }

  get content(): Locator {
    return this.panel.getByRole("tabpanel");
  }

  /** Reviews one step: looks at its output and presses Continue. */
  async continue(title: string, text: string | RegExp): Promise<void> {
    await this.choose(title);
    await expect(this.content).toContainText(text);
    await this.panel.getByRole("button", { name: "Continue" }).click();
    await expect(this.step(title, "Completed")).toBeVisible();
  }

  /** The run itself, not one of its steps. */
  async expectStatus(words: string): Promise<void> {
    await expect(this.head.locator(".status-chip")).toHaveText(words);
  }
}
