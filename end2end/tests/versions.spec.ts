// Versions can be gone back to and forward again, everything that hangs on them says whether it is stale and why, and
// what runs again is exactly what was announced.

import type { Page } from "@playwright/test";
import { USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { chain, saveAgents } from "../support/workflows.ts";
import type { Api } from "../support/api.ts";

const NAME = unique("Handed from step to step");
const TITLES: Record<string, string> = { first: "First", second: "Second", third: "Third", aside: "Aside" };

test.beforeAll(async ({ adminApi }) => {
  await saveAgents(adminApi);
  await adminApi.publish(NAME, chain());
});

test("a rollback makes what hangs on it stale, and rolling forward makes it fresh again", async ({ open, userApi }) => {
  const { page, run } = await begin(await open(USER), userApi, "one");

  await test.step("a second version by hand, which the second and third steps then use", async () => {
    await run.choose("First");
    await run.verb("Edit").click();
    await run.dialog("Edit “First”").getByLabel("text").fill("two");
    await run.answer("Edit “First”", "Save");
    for (const title of ["Second", "Third", "Aside"]) {
      await expect(run.stale(title)).toBeVisible();
    }
    await run.choose("Second");
    expect(await again(run, "Second", "With every later step")).toEqual(["Second", "Third"]);
    await expect(run.content).toContainText("TWO");
    await run.expectSteps({ Second: "Completed", Third: "Completed" });
    await run.expectStatus("Completed");
    await expect(run.stale("Second")).toHaveCount(0);
    await expect(run.stale("Third")).toHaveCount(0);
    await expect(run.stale("Aside")).toBeVisible();
  });

  await test.step("back to the first version: said beforehand, and then shown with its reason", async () => {
    await rollBack(run, "v1", "Turns stale: Second and Third. Fresh again: Aside.");
    await expect(run.stale("Second")).toBeVisible();
    await expect(run.stale("Third")).toBeVisible();
    await expect(run.stale("Aside")).toHaveCount(0);
    await run.choose("Second");
    await expect(run.panel).toContainText("This result is stale");
    await expect(run.panel).toContainText("because First · text is now v1; it was made with v2");
    await expect(run.panel.locator(".status-chip")).toContainText("Stale");
    await run.choose("Third");
    await expect(run.panel).toContainText("something before it is stale: Second");
    await run.expectStatus("Completed");
  });

  await test.step("forward again: what used it is fresh, and nothing has run", async () => {
    await rollBack(run, "v2", "Turns stale: Aside. Fresh again: Second and Third.");
    await expect(run.stale("Second")).toHaveCount(0);
    await expect(run.stale("Third")).toHaveCount(0);
    await expect(run.stale("Aside")).toBeVisible();
    expect(await generations(userApi, page)).toEqual({ first: 1, second: 2, third: 2, aside: 1 });
  });
});

test("re-run from here, in each of its modes, runs exactly the steps that it listed", async ({ open, userApi }) => {
  const { page, run } = await begin(await open(USER), userApi, "steps");
  const ran = async (title: string, mode: string, prompt?: string) => {
    const before = await generations(userApi, page);
    await run.choose(title);
    const listed = await again(run, title, mode, prompt);
    await expect.poll(async () => changed(before, await generations(userApi, page))).toEqual(listed);
    await run.expectStatus("Completed");
    return listed;
  };

  await test.step("this step only: those after it turn stale", async () => {
    expect(await ran("Second", "This step only", "{{ text }}?")).toEqual(["Second"]);
    await expect(run.content).toContainText("steps?");
    await expect(run.stale("Third")).toBeVisible();
    await expect(run.stale("Aside")).toHaveCount(0);
  });

  await test.step("with what is stale downstream: the fresh ones are left alone", async () => {
    expect(await ran("First", "With later steps that are stale")).toEqual(["First", "Third"]);
    await expect(run.stale("Third")).toHaveCount(0);
    await run.choose("Third");
    await expect(run.content).toContainText("steps?");
  });

  await test.step("with everything downstream", async () => {
    expect(await ran("First", "With every later step", "{{ text }}!")).toEqual(["Aside", "First", "Second", "Third"]);
    await expect(run.stale("Third")).toHaveCount(0);
    await run.choose("Third");
    await expect(run.content).toContainText("steps!?");
  });
});

test("what a version was made from is told back to the input of the run", async ({ open, userApi }) => {
  const { run, page } = await begin(await open(USER), userApi, "told");
  await test.step("with an edit on the way", async () => {
    await run.choose("Second");
    await run.verb("Edit").click();
    await run.dialog("Edit “Second”").getByLabel("text").fill("Told by hand");
    await run.answer("Edit “Second”", "Save");
    await expect(run.stale("Third")).toBeVisible();
    await run.choose("Third");
    await again(run, "Third", "This step only");
    await expect(run.content).toContainText("Told by hand");
  });

  await run.tab("Versions").click();
  await run.content.getByRole("button", { name: "What v2 was made from" }).click();
  const lineage = page.getByRole("dialog", { name: "Third · text v2" });
  await expect(lineage).toContainText("Second · text v2");
  await expect(lineage).toContainText(`edited by ${USER.email}`);
  await expect(lineage).toContainText("Second · text v1");
  await expect(lineage).toContainText("First · text v1");
  await expect(lineage).toContainText("run input “text”");
  await lineage.getByText("Prompt", { exact: true }).first().click();
  await expect(lineage).toContainText("{{ text }}");
  await page.keyboard.press("Escape");
  await expect(lineage).toBeHidden();
});

test("what is done to a version is done to the one that is chosen", async ({ open, userApi }) => {
  const { run, page } = await begin(await open(USER), userApi, "chosen");
  await run.choose("Second");
  for (const text of ["by hand", "by hand again"]) {
    await run.verb("Edit").click();
    await run.dialog("Edit “Second”").getByLabel("text").fill(text);
    await run.answer("Edit “Second”", "Save");
  }
  await run.tab("Versions").click();
  const versions = run.content.getByRole("list", { name: "Versions" });
  await expect(versions.getByRole("listitem")).toHaveCount(3);
  for (const version of ["v1", "v2"]) {
    await versions.getByRole("button", { name: new RegExp(`^${version} `) }).click();
    await run.content.getByRole("button", { name: `Roll back to ${version}` }).click();
    await expect(run.dialog(`Roll text back to ${version}?`)).toBeVisible();
    await page.keyboard.press("Escape");
    await run.content.getByRole("button", { name: `What ${version} was made from` }).click();
    await expect(run.dialog(`Second · text ${version}`)).toBeVisible();
    await page.keyboard.press("Escape");
  }
});

/** A finished run on this text, opened. */
async function begin(page: Page, api: Api, text: string): Promise<{ page: Page; run: RunPage }> {
  const { id } = await api.start(await api.templateNamed(NAME), { text });
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.expectStatus("Completed");
  return { page, run };
}

/** Makes another version of the first step the latest, and reads beforehand what that does to the others. */
async function rollBack(run: RunPage, version: string, consequences: string): Promise<void> {
  await run.choose("First");
  await run.tab("Versions").click();
  await run.content.getByRole("list", { name: "Versions" }).getByRole("button", { name: new RegExp(`^${version} `) }).click();
  await run.content.getByRole("button", { name: `Roll back to ${version}` }).click();
  await expect(run.dialog(`Roll text back to ${version}?`)).toContainText(consequences);
  await run.answer(`Roll text back to ${version}?`, `Roll back to ${version}`);
  const rows = run.content.getByRole("list", { name: "Versions" }).getByRole("button");
  const latest = rows.filter({ hasText: "latest ·" });
  await expect(latest).toHaveCount(1);
  await expect(latest).toContainText(new RegExp(`^${version}`));
}

/** Runs the chosen step again, and returns the titles of what the dialog said would run. */
async function again(run: RunPage, title: string, mode: string, prompt?: string): Promise<string[]> {
  await run.verb("Re-run").click();
  const dialog = run.dialog(`Re-run “${title}”`);
  if (prompt !== undefined) {
    await dialog.getByLabel("Prompt").fill(prompt);
  }
  await dialog.getByRole("radio", { name: mode }).check();
  const blast = dialog.getByRole("region", { name: "What runs again" });
  const rows = blast.getByRole("listitem");
  const n = await rows.count();
  await expect(blast.getByRole("status")).toContainText(new RegExp(`^${n} steps? will run`));
  const listed = await rows.locator(".truncate").allInnerTexts();
  await run.answer(`Re-run “${title}”`, "Re-run");
  return listed.sort();
}

async function generations(api: Api, page: Page): Promise<Record<string, number>> {
  const id = new URL(page.url()).pathname.split("/").pop() ?? "";
  const { steps } = await api.run(id);
  return Object.fromEntries(steps.map(({ key, generation }) => [key, generation]));
}

/** The titles of the steps that began a new generation. */
function changed(before: Record<string, number>, now: Record<string, number>): string[] {
  const keys = Object.keys(now).filter((key) => now[key] !== before[key]);
  return keys.map((key) => TITLES[key] ?? key).sort();
}
