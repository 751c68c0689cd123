// Something else is tried beside a run without touching it: a fork, compared and taken over; and a run goes on with a
// newer version of its workflow.

import { ADMIN, USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, hydrated, test, unique, visit } from "../support/test.ts";
import { chain, ECHO, input, saveAgents, step, TEXT_INPUT } from "../support/workflows.ts";

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("a fork tries another prompt, is compared with its original, and what is better is taken over", async ({
  open,
  adminApi,
  userApi,
}) => {
  const template = await adminApi.publish(unique("Tried two ways"), chain());
  const { id } = await userApi.start(template, { text: "loom" });
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.expectStatus("Completed");

  await test.step("fork at the second step", async () => {
    await run.choose("Second");
    await run.more("Fork from here");
    const dialog = run.dialog("Fork from “Second”");
    await expect(dialog.getByRole("switch", { name: "Run to the end by itself" })).toBeChecked();
    await dialog.getByRole("button", { name: "Fork", exact: true }).click();
    await expect(page).not.toHaveURL(new RegExp(id));
    await expect(run.head).toContainText("Forked from another run");
    await run.expectStatus("Completed");
    await run.choose("First");
    await expect(run.panel).toContainText(/Echo v\d/);
    await expect(run.content).toContainText("loom");
  });

  await test.step("another prompt there", async () => {
    await run.choose("Second");
    await run.verb("Re-run").click();
    const dialog = run.dialog("Re-run “Second”");
    await dialog.getByLabel("Prompt").fill("{{ text | upper }}, woven");
    await dialog.getByRole("radio", { name: "With every later step" }).check();
    await run.answer("Re-run “Second”", "Re-run");
    await expect(run.content).toContainText("LOOM, woven");
    await run.expectStatus("Completed");
  });

  await test.step("side by side with the original, which is as it was", async () => {
    await run.head.getByRole("link", { name: "Compare with it" }).click();
    await expect(page).toHaveURL(new RegExp(`/runs/${id}/compare/`));
    await hydrated(page);
    await expect(page.getByRole("status").filter({ hasText: "2 of 4 steps differ" })).toBeVisible();
    const second = page.getByRole("region", { name: "Second", exact: true });
    await expect(second).toContainText("Another prompt");
    await expect(second).toContainText("LOOM");
    await expect(second).toContainText(", woven");
    await expect(page.getByRole("region", { name: "First", exact: true })).toHaveCount(0);
    await page.getByRole("switch", { name: "Only what differs" }).click();
    await expect(page.getByRole("region", { name: "First", exact: true })).toContainText("the same in both");
  });

  await test.step("take the better step over: a new version there, and what hangs on it is stale", async () => {
    await page.getByRole("button", { name: "Adopt Second" }).click();
    const dialog = run.dialog("Take over into the left run?");
    await expect(dialog).toContainText("for Second");
    await dialog.getByRole("button", { name: "Adopt", exact: true }).click();
    await expect(dialog).toBeHidden();
    await expect(page.getByText("Taken over as new versions")).toBeVisible();
    await expect(page.getByRole("region", { name: "Second", exact: true })).toContainText("text: the same in both");
    await page.getByRole("region", { name: "Left" }).getByRole("link").click();
    await expect(page).toHaveURL(`/runs/${id}`);
    await hydrated(page);
    await run.choose("Second");
    await expect(run.content).toContainText("LOOM, woven");
    await run.tab("Versions").click();
    await expect(run.content.getByRole("list", { name: "Versions" })).toContainText(`brought by ${USER.email}`);
    await expect(run.stale("Third")).toBeVisible();
  });
});

test("a list is taken over as a whole, and what is not completed is not offered", async ({ open, adminApi, userApi }) => {
  const template = await adminApi.publish(unique("Said twice over"), {
    inputs: TEXT_INPUT,
    steps: {
      each: { ...step("Say each", ECHO, input("text")), map: { over: { const: ["once", "twice"] } } },
      check: { ...step("Check it", ECHO, input("text")), review: { mode: "always" } },
    },
  });
  const [left, right] = [await userApi.start(template, { text: "warp" }), await userApi.start(template, { text: "weft" })];
  const page = await open(USER);
  for (const { id } of [left, right]) {
    await visit(page, `/runs/${id}`);
    await new RunPage(page).expectSteps({ "Say each": "Completed", "Check it": "Awaiting review" });
  }
  await visit(page, `/runs/${left.id}/compare/${right.id}`);
  await expect(page.getByRole("status").filter({ hasText: "2 of 2 steps differ" })).toBeVisible();
  await expect(page.getByRole("button", { name: /^Adopt / })).toHaveText(["Adopt all", "Adopt"]);
  await expect(page.getByRole("button", { name: "Adopt Say each", exact: true })).toBeVisible();

  await page.getByRole("button", { name: "Adopt all" }).click();
  const dialog = page.getByRole("dialog", { name: "Take over into the left run?" });
  await expect(dialog).toContainText("for Say each");
  await dialog.getByRole("button", { name: "Adopt", exact: true }).click();
  await expect(page.getByText("Taken over as new versions")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Adopt / })).toHaveCount(0);
});

test("a run goes on with a newer version, after saying what stays and what runs again", async ({ open, adminApi }) => {
  const name = unique("Published twice");
  const template = await adminApi.publish(name, chain());
  const { id } = await adminApi.start(template, { text: "warp" });
  const newer = chain({ second: "{{ text | upper }}, anew" });
  const { aside: _, ...steps } = newer.steps;
  const { draft_revision } = await adminApi.get<{ draft_revision: number }>(`/api/workflows/templates/${template}`);
  const saved = await adminApi.raw("PUT", `/api/workflows/templates/${template}`, {
    definition: { ...newer, steps: { ...steps, fourth: { ...(steps.third as object), title: "Fourth" } } },
    base_revision: draft_revision,
  });
  expect(saved.ok(), await saved.text()).toBe(true);
  await adminApi.post(`/api/workflows/templates/${template}/publish`);

  const page = await open(ADMIN);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.expectStatus("Completed");
  await run.moreOfRun("Move to another version…");
  const dialog = run.dialog("Move to another version");
  await expect(dialog.getByLabel("Version")).toHaveValue("2");
  const row = (words: string) => dialog.locator(".move-plan > div").filter({ hasText: words });
  await expect(row("Stay as they are (1)")).toContainText("First");
  await expect(row("Run again (2)")).toContainText("Second and Third");
  await expect(row("New (1)")).toContainText("Fourth");
  await expect(row("Gone (1)")).toContainText("Aside");
  await run.answer("Move to another version", "Move the run");
  await expect(run.head).toContainText("Version 2");
  await run.expectStatus("Completed");
  await run.expectSteps({ First: "Completed", Second: "Completed", Third: "Completed", Fourth: "Completed" });
  await expect(run.step("Aside")).toHaveCount(0);
  await run.choose("Third");
  await expect(run.content).toContainText("WARP, anew");
  await run.choose("First");
  await expect(run.panel.locator(".step-meta")).not.toContainText("generation");
});
