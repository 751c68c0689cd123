// Without a mouse: the steps of the canvas are reached, walked and announced, and a run is started, reviewed and
// finished by keyboard alone.

import type { Page } from "@playwright/test";
import { press, tabTo } from "../support/keyboard.ts";
import { USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { diamond, saveAgents } from "../support/workflows.ts";

const NAME = unique("By keyboard alone");

let template: string;

test.beforeAll(async ({ adminApi }) => {
  await saveAgents(adminApi);
  template = await adminApi.publish(NAME, diamond());
});

test("the canvas says each step with its status and what it hangs on, and arrows follow the lines", async ({
  open,
  userApi,
}) => {
  const { id } = await userApi.start(template, { text: "said" }, false);
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const canvas = page.getByRole("application");
  const step = (title: string) => canvas.getByRole("button", { name: new RegExp(`^${title},`) });
  await expect(step("Take the text")).toHaveAccessibleName(
    /^Take the text, agent Echo.*, awaiting review, feeds (Shout it and Count it|Count it and Shout it)$/,
  );
  await expect(step("Join both")).toHaveAccessibleName(
    /^Join both, agent Join.*, pending, depends on (Shout it and Count it|Count it and Shout it)$/,
  );

  await tabTo(page, step("Take the text"));
  await expect(step("Take the text")).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("ArrowRight");
  const upper = step("Shout it");
  const lower = step("Count it");
  await expect(upper.or(lower).and(page.locator(":focus"))).toHaveCount(1);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await expect(upper).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await expect(step("Join both")).toBeFocused();
  await expect(new RunPage(page).panel.getByRole("heading", { name: "Join both" })).toBeVisible();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("status").filter({ hasText: "Nothing depends on this step" })).toHaveCount(1);
  await page.keyboard.press("Home");
  await expect(step("Take the text")).toBeFocused();

  await test.step("a change is announced without taking the focus", async () => {
    await userApi.post(`/api/workflows/runs/${id}/steps/take/continue`, {});
    await expect(step("Take the text")).toHaveAccessibleName(/, completed, /);
    await expect(step("Take the text")).toBeFocused();
    await expect(page.getByRole("status").filter({ hasText: /awaiting review/i }).first()).toBeAttached();
  });
});

test("a run is started, reviewed and finished by keyboard alone", async ({ open }) => {
  const page = await open(USER);
  await visit(page, "/workflows");
  await tabTo(page, page.getByLabel("Search workflows"));
  await page.keyboard.type(NAME);
  await press(page, page.getByRole("link", { name: `Start ${NAME}` }), "Enter");
  await tabTo(page, page.getByLabel("Your text"));
  await page.keyboard.type("typed");
  await press(page, page.getByRole("switch", { name: "Run to the end by itself" }), "Space");
  await press(page, page.getByRole("button", { name: "Start run" }), "Enter");
  await page.waitForURL("**/runs/*");
  const run = new RunPage(page);

  for (const title of ["Take the text", "Shout it", "Count it", "Join both"]) {
    await expect(run.step(title, "Awaiting review")).toBeVisible();
    await press(page, run.step(title), "Enter");
    await press(page, run.panel.getByRole("button", { name: "Continue" }), "Enter");
    await expect(run.step(title, "Completed")).toBeVisible();
    await expectNext(page, run);
  }
  await run.expectStatus("Completed");

  await test.step("Escape leaves a dialog and gives the focus back", async () => {
    const again = run.panel.getByRole("button", { name: "Re-run" });
    await press(page, again, "Enter");
    const dialog = page.getByRole("dialog", { name: "Re-run “Join both”" });
    await expect(dialog.getByLabel("Prompt")).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
    await expect(again).toBeFocused();
  });

  await test.step("tabs are walked by arrows", async () => {
    await tabTo(page, run.tab("Output"));
    await page.keyboard.press("ArrowRight");
    await expect(run.tab("Inputs")).toBeFocused();
    await expect(run.content).toContainText("Shout it · text v1");
  });
});

test("the first Tab offers to skip to the content", async ({ open }) => {
  const page = await open(USER);
  await visit(page, "/dashboard");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
});

test("whatever vanishes under the keyboard, the focus is somewhere sensible", async ({ open, userApi }) => {
  const { id } = await userApi.start(template, { text: "kept" }, false);
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await expect(run.step("Take the text", "Awaiting review")).toBeVisible();
  await press(page, run.step("Take the text"), "Enter");

  const heading = (title: string) => run.panel.getByRole("heading", { name: title, exact: true });
  const dialog = page.getByRole("dialog");

  await test.step("Reject, from its dialog: the heading, while the agent does it again", async () => {
    await press(page, run.verb("Reject"), "Enter");
    // The part that holds the dialogs may still be on its way.
    await expect(dialog.getByLabel("What should be different?")).toBeFocused();
    // Its agent is a template, which need not read what is written.
    await expect(dialog.getByLabel("What should be different?")).toHaveAccessibleDescription(/comes out the same unless/);
    await expect(dialog.getByRole("button", { name: "Close", exact: true })).toHaveCount(1);
    await page.keyboard.type("again");
    await page.keyboard.press("ControlOrMeta+Enter");
    await expect(run.panel).toContainText("begun 2 times");
    await expectFocusIn(page, run);
  });

  await test.step("Skip, from the menu", async () => {
    await press(page, run.step("Join both"), "Enter");
    await press(page, run.verb("Skip"), "Enter");
    await press(page, dialog.getByRole("button", { name: "Skip", exact: true }), "Enter");
    await expect(run.step("Join both", "Skipped")).toBeVisible();
    // The first step waits for a review.
    await expect(run.step("Take the text").or(heading("Join both")).and(page.locator(":focus"))).toHaveCount(1);
  });

  await test.step("Pause becomes Resume, and stays under the keyboard", async () => {
    await press(page, run.head.getByRole("button", { name: "Pause" }), "Enter");
    await expect(run.head.getByRole("button", { name: "Resume" })).toBeVisible();
    await expect(run.head.locator(":focus")).toHaveCount(1);
    await press(page, run.head.getByRole("button", { name: "Resume" }), "Enter");
    await expect(run.head.getByRole("button", { name: "Pause" })).toBeVisible();
    await expect(run.head.locator(":focus")).toHaveCount(1);
  });

  await test.step("Cancel run takes its own button away", async () => {
    await press(page, run.head.getByRole("button", { name: "Cancel run" }), "Enter");
    await press(page, dialog.getByRole("button", { name: "Cancel the run" }), "Enter");
    await run.expectStatus("Cancelled");
    await expect(run.head.locator(":focus")).toHaveCount(1);
  });

  await test.step("a press into the empty page is left alone", async () => {
    const other = await userApi.start(template, { text: "alone" }, false);
    await visit(page, `/runs/${other.id}`);
    await expect(run.step("Take the text", "Awaiting review")).toBeVisible();
    await page.locator(".run-facts").click({ position: { x: 2, y: 2 } });
    await userApi.post(`/api/workflows/runs/${other.id}/steps/take/continue`, {});
    await expect(run.step("Take the text", "Completed")).toBeVisible();
    expect(["BODY", "MAIN"], "where the press has put it").toContain(
      await page.evaluate(() => document.activeElement?.tagName),
    );
  });
});

/** After Continue: on the next step that waits, or on the heading of this one. */
async function expectNext(page: Page, run: RunPage): Promise<void> {
  const row = run.outline.getByRole("button", { name: /^Awaiting review / });
  // Of the step itself, or of the next one where the page has gone on to it.
  const heading = run.panel.getByRole("heading", { level: 2 });
  await expect(row.or(heading).and(page.locator(":focus"))).toHaveCount(1);
}

async function expectFocusIn(page: Page, run: RunPage): Promise<void> {
  // What a change draws anew loses the focus for two frames.
  await expect(async () => {
    await expect(run.panel.locator(":focus").or(run.outline.locator(":focus"))).toHaveCount(1, { timeout: 1_000 });
    expect(await page.evaluate(() => document.activeElement?.tagName)).not.toBe("BODY");
  }).toPass({ timeout: 20_000 });
}
