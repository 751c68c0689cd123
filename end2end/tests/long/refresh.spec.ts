// What is stale in a run is refreshed at one press: those steps and no others, after they were listed. What a person wrote is never run over
// by it, and a re-run that would take its place says so before.

import type { Locator } from "@playwright/test";
import type { Api } from "../../support/api.ts";
import { USER } from "../../support/people.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { chain, ECHO, input, saveAgents, step, TEXT_INPUT } from "../../support/workflows.ts";

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("what is stale is refreshed, and what a person wrote stays unless they are warned", async ({ open, adminApi, userApi }) => {
  const template = await adminApi.publish(unique("Kept fresh"), chain());
  const { id } = await userApi.start(template, { text: "loom" });
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  const refresh = run.head.getByRole("button", { name: "Refresh what is stale" });
  const dialog = run.dialog("Refresh what is stale");
  await run.expectStatus("Completed");
  await expect(refresh).toHaveCount(0);

  await test.step("what reads an edited output runs again, and the edited step does not", async () => {
    await edit(run, "First", "thread");
    await expect(run.stale("Third")).toBeVisible();
    await refresh.click();
    await expectListed(dialog, ["Aside", "Second", "Third"]);
    await expect(dialog.getByRole("alert")).toHaveCount(0);
    await run.answer("Refresh what is stale", "Refresh 3 steps");
    await expect.poll(() => generations(userApi, id)).toEqual({ first: 1, second: 2, third: 2, aside: 2 });
    await run.expectStatus("Completed");
    await expect(refresh).toHaveCount(0);
    await run.choose("Third");
    await expect(run.content).toContainText("THREAD");
  });

  await test.step("a step that is stale and written by a person is left, and named", async () => {
    await edit(run, "Second", "by hand");
    await edit(run, "First", "yarn");
    await expect(run.stale("Second")).toBeVisible();
    await expect(run.stale("Aside")).toBeVisible();
    await refresh.click();
    await expectListed(dialog, ["Aside", "Third"]);
    await expect(dialog.getByText("Left as it is")).toContainText("Second");
    await run.answer("Refresh what is stale", "Refresh 2 steps");
    await expect.poll(() => generations(userApi, id)).toEqual({ first: 1, second: 2, third: 3, aside: 3 });
    await run.expectStatus("Completed");
    await run.choose("Third");
    await expect(run.content).toContainText("by hand");
    await refresh.click();
    await expect(dialog.getByText("There is nothing here that running again would refresh")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
  });

  await test.step("a re-run says before it takes the place of what a person wrote", async () => {
    await run.choose("Second");
    await run.verb("Re-run").click();
    const again = run.dialog("Re-run “Second”");
    await expect(again.getByRole("alert")).toContainText("Second");
    await again.getByRole("radio", { name: "With every later step" }).check();
    await expectListed(again, ["Second", "Third"]);
    await run.answer("Re-run “Second”", "Re-run");
    await expect(run.content).toContainText("YARN");
    await run.expectStatus("Completed");
    await expect(refresh).toHaveCount(0);
  });

  await test.step("any two versions are compared, and it is said which step read one", async () => {
    await run.tab("Versions").click();
    await expect(run.content).toContainText(/v4 was read by .*Third/);
    await run.content.getByLabel("Compare with").selectOption({ label: "v1 · attempt 1" });
    await run.content.getByRole("radio", { name: "Differences" }).check();
    await expect(run.content.getByRole("region", { name: /^v1 .* to v4/ })).toContainText("LOOM");
    await run.content.getByRole("list", { name: "Versions" }).getByRole("button", { name: /^v3 / }).click();
    await expect(run.content.getByRole("region", { name: /^v2 .* to v3/ })).toContainText("by hand");
    await expect(run.content).toContainText("No step has read v3 in its last attempt");
  });
});

test("a fork begins with the prompt and the inputs that its dialog was given", async ({ open, adminApi, userApi, watch }) => {
  const template = await adminApi.publish(unique("Forked with changes"), chain());
  const { id } = await userApi.start(template, { text: "loom" });
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.expectStatus("Completed");
  await run.choose("Second");
  await run.more("Fork from here");
  const dialog = run.dialog("Fork from “Second”");
  watch.expectRefusal({ url: /\/_fn\/fork_run/, status: 422 });
  await dialog.getByLabel("Prompt").fill("{{ text");
  await dialog.getByRole("button", { name: "Fork", exact: true }).click();
  await expect(dialog.getByLabel("Prompt")).toHaveAttribute("aria-invalid", "true");
  await dialog.getByLabel("Prompt").fill("{{ text }}, woven");
  await dialog.locator("summary").filter({ hasText: "Inputs" }).click();
  await dialog.getByRole("button", { name: "Set a value" }).click();
  await dialog.getByLabel("text").fill("mine");
  await dialog.getByRole("button", { name: "Fork", exact: true }).click();
  await expect(page).not.toHaveURL(new RegExp(id));
  await expect(run.head).toContainText("Forked from another run");
  await run.expectStatus("Completed");
  await run.choose("Second");
  await expect(run.content).toContainText("mine, woven");
  expect(await generations(userApi, id)).toEqual({ first: 1, second: 1, third: 1, aside: 1 });
});

test("what happened to the items of a list is one line that opens, and an event leads to its step", async ({
  open,
  adminApi,
  userApi,
}) => {
  const template = await adminApi.publish(unique("Six of them"), {
    inputs: TEXT_INPUT,
    steps: {
      each: { ...step("Say each", ECHO, input("text")), map: { over: { const: ["a", "b", "c", "d", "e", "f"] } } },
      after: step("After all", ECHO, input("text"), ["each"]),
    },
  });
  const { id } = await userApi.start(template, { text: "loom" });
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.expectStatus("Completed");
  await run.choose("Say each");
  await page.getByRole("button", { name: "Timeline" }).click();
  const timeline = page.getByRole("region", { name: "Timeline" });
  const items = timeline.getByRole("listitem").filter({ hasText: "events of its items: 6 completed" });
  await expect(items.getByRole("listitem")).toHaveCount(0);
  await items.locator("summary").click();
  await expect(items.getByRole("listitem").filter({ hasText: "completed: text v1" })).toHaveCount(6);
  await timeline.getByRole("button", { name: "After all", exact: true }).first().click();
  await expect(run.panel.getByRole("heading", { name: "After all", exact: true })).toBeVisible();
});

/** What a dialog says will run. */
async function expectListed(dialog: Locator, titles: readonly string[]): Promise<void> {
  const listed = dialog.getByRole("region", { name: "What runs again" }).getByRole("listitem").locator(".truncate");
  await expect.poll(async () => (await listed.allInnerTexts()).sort()).toEqual(titles);
}

async function edit(run: RunPage, title: string, text: string): Promise<void> {
  await run.choose(title);
  await run.verb("Edit").click();
  await run.dialog(`Edit “${title}”`).getByLabel("text").fill(text);
  await run.answer(`Edit “${title}”`, "Save");
}

async function generations(api: Api, id: string): Promise<Record<string, number>> {
  const { steps } = await api.run(id);
  return Object.fromEntries(steps.map(({ key, generation }) => [key, generation]));
}
