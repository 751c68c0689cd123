// With auto-run on a run goes straight to its end; and the workflow that Weft ships does so on a real text with the
// real local model, up to the review that it always asks for.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, hydrated, test, unique, visit } from "../support/test.ts";
import { diamond, saveAgents } from "../support/workflows.ts";

const NAME = unique("Shout and count, by itself");
const SPEECH = fileURLToPath(new URL("../texts/gettysburg_address.txt", import.meta.url));
/** What the model may take on a slow machine; it is done in a fraction of it elsewhere. */
const MODEL_TIMEOUT_MS = 180_000;

test("with auto-run on a run completes without being touched", async ({ open, adminApi }) => {
  await saveAgents(adminApi);
  await adminApi.publish(NAME, diamond());
  const page = await open(USER);
  await visit(page, "/workflows");
  await page.getByRole("link", { name: `Start ${NAME}` }).click();
  await page.getByLabel("Your text").fill("all at once");
  await expect(page.getByRole("switch", { name: "Run to the end by itself" })).toBeChecked();
  await page.getByRole("button", { name: "Start run" }).click();
  await page.waitForURL("**/runs/*");
  const run = new RunPage(page);
  await run.expectStatus("Completed");
  await run.expectSteps({
    "Take the text": "Completed",
    "Shout it": "Completed",
    "Count it": "Completed",
    "Join both": "Completed",
  });
  await run.choose("Join both");
  await expect(run.content).toContainText("ALL AT ONCE / 11 letters");
  await expect(run.head).toContainText("4 of 4 steps");

  const file = page.waitForEvent("download");
  await run.content.getByRole("link", { name: "Download" }).click();
  expect(readFileSync(await (await file).path(), "utf8")).toBe("ALL AT ONCE / 11 letters");

  await page.getByRole("link", { name: "Dashboard" }).first().click();
  const row = page.getByRole("listitem").filter({ hasText: NAME }).filter({ hasText: "4 of 4 steps" });
  await expect(row).toContainText("Completed");
});

test("Start pressed many times starts one run", async ({ open, adminApi, userApi }) => {
  const template = await adminApi.publish(unique("Started once"), diamond());
  const page = await open(USER);
  await visit(page, `/start/${template}`);
  await page.getByLabel("Your text").fill("once");
  const start = page.getByRole("button", { name: "Start run" });
  await start.dblclick();
  await page.waitForURL("**/runs/*");
  const { runs } = await userApi.get<{ runs: { template_id: string }[] }>("/api/workflows/runs");
  expect(runs.filter((run) => run.template_id === template)).toHaveLength(1);
});

test("the shipped brief reads a real text with the local model and waits for its review", async ({ open }) => {
  test.setTimeout(MODEL_TIMEOUT_MS + 30_000);
  const page = await open(USER);
  await visit(page, "/workflows");
  await page.getByRole("link", { name: "Start Document brief" }).click();
  await page.getByLabel("Your text").fill(readFileSync(SPEECH, "utf8"));
  await page.getByLabel("Title of the brief").fill("Gettysburg");
  await page.getByRole("button", { name: "Start run" }).click();
  await page.waitForURL("**/runs/*");
  await hydrated(page);
  const run = new RunPage(page);

  await test.step("the clean text is there at once, and tokens stream", async () => {
    await expect(run.step("Clean the text", "Completed")).toBeVisible();
    await run.expectStatus("Running");
    await run.choose("Summarise");
    const stream = run.panel.getByRole("region", { name: "Output so far" });
    await expect(stream).toContainText(/\S+ \S+/, { timeout: MODEL_TIMEOUT_MS });
    const soFar = await stream.innerText();
    await expect(async () => {
      const now = await run.content.innerText();
      expect(now.length).toBeGreaterThan(soFar.length);
    }).toPass({ timeout: MODEL_TIMEOUT_MS });
  });

  await test.step("three answers in parallel, then the brief waits", async () => {
    await expect(run.step("Write the brief", "Awaiting review")).toBeVisible({ timeout: MODEL_TIMEOUT_MS });
    await run.expectSteps({ Summarise: "Completed", "Extract keywords": "Completed", "Judge the mood": "Completed" });
    await run.expectStatus("Awaiting review");
    await expect(run.head).toContainText(/\d+ tokens/);
    await run.choose("Summarise");
    await run.tab("Attempts").click();
    await expect(run.content).toContainText(/\d+ \+ \d+ tokens/);
  });

  await test.step("Continue completes it", async () => {
    await run.choose("Write the brief");
    const brief = run.content.getByRole("article");
    await expect(brief.getByRole("heading", { name: "Gettysburg" })).toBeVisible();
    for (const name of ["Summary", "Keywords", "Mood"]) {
      await expect(brief.getByRole("heading", { name })).toBeVisible();
    }
    await run.panel.getByRole("button", { name: "Continue" }).click();
    await run.expectStatus("Completed");
  });
});
