// A person starts a run on a pasted text with auto-run off, reviews every step, retries a failed one with another
// prompt, re-runs one and compares the versions. Nothing is ever reloaded: what changes comes over the live feed.

import type { Page } from "@playwright/test";
import { InboxPage } from "../support/inbox_page.ts";
import { USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, hydrated, tabTitle, test, unique, visit } from "../support/test.ts";
import { diamond, saveAgents } from "../support/workflows.ts";

const NAME = unique("Shout and count, one by one");

test.beforeAll(async ({ adminApi }) => {
  await saveAgents(adminApi);
  await adminApi.publish(NAME, diamond({ shout: "{{ 1 // 0 }}" }));
});

test("every step is reviewed, a failed one retried and a finished one run again with other prompts", async ({ open }) => {
  const page = await open(USER, { permissions: ["clipboard-read", "clipboard-write"] });
  await startOnPastedText(page, "warp and weft");
  const run = new RunPage(page);
  await page.evaluate(() => ((window as { wasNeverLeft?: boolean }).wasNeverLeft = true));

  await test.step("Continue at each review", async () => {
    await expect(run.step("Take the text", "Awaiting review")).toBeVisible();
    await run.expectStatus("Awaiting review");
    await run.expectSteps({ "Shout it": "Pending", "Count it": "Pending", "Join both": "Pending" });
    await expect(page).toHaveTitle(/^(\(\d+\+?\) )?Review: /);
    await run.continue("Take the text", "warp and weft");
    await run.expectSteps({ "Shout it": "Failed", "Count it": "Awaiting review" });
    await run.continue("Count it", "13 letters");
  });

  await test.step("the failure says what is wrong, and Retry takes another prompt", async () => {
    await run.expectSteps({ "Join both": "Skipped" });
    await run.expectStatus("Failed");
    await run.choose("Shout it");
    await expect(run.panel).toContainText("This step failed");
    await expect(run.panel).toContainText("unable to calculate");
    await run.panel.getByRole("button", { name: "Retry" }).click();
    await rewrite(page, "Retry", "{{ 1 // 0 }}", "{{ text | upper }}!");
    await expect(run.step("Shout it", "Awaiting review")).toBeVisible();
    await run.expectSteps({ "Join both": "Pending" });
    await run.continue("Shout it", "WARP AND WEFT!");
    await run.continue("Join both", "WARP AND WEFT! / 13 letters");
    await run.expectStatus("Completed");
    await expect(page).toHaveTitle(tabTitle(`warp and weft · ${NAME} · Weft`));
  });

  await test.step("a re-run makes version 2 beside version 1", async () => {
    await run.choose("Join both");
    await run.panel.getByRole("button", { name: "Re-run" }).click();
    await rewrite(page, "Re-run", "{{ left }} / {{ right }}", "{{ right }}: {{ left }}");
    await expect(run.step("Join both", "Awaiting review")).toBeVisible();
    await expect(run.content).toContainText("13 letters: WARP AND WEFT!");
    await run.continue("Join both", "13 letters: WARP AND WEFT!");
    await run.tab("Versions").click();
    const versions = run.content.getByRole("list", { name: "Versions" });
    await expect(versions.getByRole("listitem")).toHaveCount(2);
    await expect(run.content.getByRole("radio", { name: "Differences" })).toBeChecked();
    await run.content.getByRole("radio", { name: "Both" }).check();
    const beside = run.content.getByRole("article");
    await expect(beside).toHaveCount(2);
    await expect(beside.nth(0)).toContainText("v1");
    await expect(beside.nth(0)).toContainText("WARP AND WEFT! / 13 letters");
    await expect(beside.nth(1)).toContainText("v2 · latest");
    await expect(beside.nth(1)).toContainText("13 letters: WARP AND WEFT!");
    await run.content.getByRole("radio", { name: "Differences" }).check();
    await expect(run.content.getByRole("region", { name: /v1 .* to v2/ })).toBeVisible();
  });

  await test.step("the prompt of this run differs from the template's, which stays", async () => {
    await run.tab("Prompt").click();
    await expect(run.content).toContainText("Changed for this run only");
    await run.tab("Attempts").click();
    await expect(run.content.getByRole("listitem")).toHaveCount(2);
  });

  await test.step("the timeline names who did what", async () => {
    await page.getByRole("button", { name: "Timeline" }).click();
    const timeline = page.getByRole("region", { name: "Timeline" });
    await expect(timeline.getByText("was started by hand").first()).toBeVisible();
    await expect(timeline.getByText(`by ${USER.email}`).first()).toBeVisible();
    await expect(timeline.getByText("The run was started")).toBeVisible();
  });

  expect(await page.evaluate(() => (window as { wasNeverLeft?: boolean }).wasNeverLeft)).toBe(true);
});

test("the dashboard says live what waits for me, and leads to it", async ({ open, userApi }) => {
  const page = await open(USER);
  await visit(page, "/dashboard");
  const template = await userApi.templateNamed(NAME);
  const about = unique("from elsewhere");
  const { id } = await userApi.start(template, { text: about }, false);
  await page.getByRole("region", { name: "Waiting for you" }).getByRole("link", { name: /^Open inbox/ }).click();
  const inbox = new InboxPage(page);
  await inbox.search.fill(about);
  await expect(inbox.rows(about)).toContainText("Take the text");
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.expectStatus("Awaiting review");
  await page.getByRole("button", { name: "Cancel run" }).click();
  const question = page.getByRole("dialog", { name: "Cancel this run?" });
  await question.getByRole("button", { name: "Cancel the run" }).click();
  await run.expectStatus("Cancelled");
  await run.expectSteps({ "Take the text": "Cancelled", "Join both": "Cancelled" });
});

test("switching auto-run on releases what waits", async ({ open, adminApi, userApi }) => {
  const template = await adminApi.publish(unique("Shout and count, released"), diamond());
  const { id } = await userApi.start(template, { text: "go" }, false);
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await expect(run.step("Take the text", "Awaiting review")).toBeVisible();
  await page.getByRole("switch", { name: "Auto-run" }).click();
  await run.expectStatus("Completed");
  await run.choose("Join both");
  await expect(run.content).toContainText("GO / 2 letters");
});

async function startOnPastedText(page: Page, text: string): Promise<void> {
  await visit(page, "/workflows");
  await page.getByRole("link", { name: `Start ${NAME}` }).click();
  await expect(page.getByRole("heading", { name: `Start ${NAME}` })).toBeVisible();
  await page.evaluate((text) => navigator.clipboard.writeText(text), text);
  await page.getByLabel("Your text").click();
  await page.keyboard.press("ControlOrMeta+V");
  await expect(page.getByLabel("Your text")).toHaveValue(text);
  await page.getByRole("switch", { name: "Run to the end by itself" }).click();
  await expect(page.getByText("Every finished step waits")).toBeVisible();
  await page.getByRole("button", { name: "Start run" }).click();
  await page.waitForURL("**/runs/*");
  await hydrated(page);
  await expect(page.getByRole("heading", { name: text, level: 1 })).toBeVisible();
}

/** Writes another prompt in the open dialog by keyboard and sends it. */
async function rewrite(page: Page, verb: string, before: string, after: string): Promise<void> {
  const dialog = page.getByRole("dialog", { name: new RegExp(`^${verb} “`) });
  const prompt = dialog.getByLabel("Prompt");
  await expect(prompt).toHaveValue(before);
  await prompt.click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(after);
  await expect(dialog.getByText("What changes")).toBeVisible();
  await dialog.getByRole("button", { name: verb, exact: true }).click();
  await expect(dialog).toBeHidden();
}
