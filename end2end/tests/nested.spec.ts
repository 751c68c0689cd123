// A workflow as a step of another: its run is opened from its parent and leads back, what it makes is the step's, and it
// ends with its parent.

import { USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, hydrated, test, unique, visit } from "../support/test.ts";
import { ECHO, input, output, saveAgents, SHOUT, step, TEXT, TEXT_INPUT } from "../support/workflows.ts";

const NAME = unique("With a workflow inside");
const INSIDE = unique("The workflow inside");

test.beforeAll(async ({ adminApi }) => {
  await saveAgents(adminApi);
  const template_id = await adminApi.publish(INSIDE, {
    inputs: TEXT_INPUT,
    steps: { shout: { ...step("Shout it", SHOUT, input("text")), review: { mode: "always" } } },
  });
  await adminApi.saveAgent({
    id: "e2e-nested",
    name: "Nested",
    inputs: [{ name: "text", schema: TEXT, required: true }],
    outputs: [{ name: "text", schema: TEXT }],
    config: { kind: "workflow", template_id, version: 1, outputs: { text: { step: "shout", artifact: "text" } } },
  });
  await adminApi.publish(NAME, {
    inputs: TEXT_INPUT,
    steps: {
      inside: step("Run the other", { id: "e2e-nested" }, input("text")),
      use: step("Use it", ECHO, output("inside"), ["inside"]),
    },
  });
});

test("a sub-workflow is opened from its parent, reviewed there, and its output goes on in the parent", async ({ open, userApi }) => {
  const { id } = await userApi.start(await userApi.templateNamed(NAME), { text: "inner" });
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await expect(run.step("Run the other", "Running")).toBeVisible();
  await run.choose("Run the other");
  await run.panel.getByRole("link", { name: "Open the sub-workflow's run" }).click();
  await expect(page).not.toHaveURL(new RegExp(id));
  await hydrated(page);
  await expect(run.head).toContainText(INSIDE);
  await run.expectStatus("Awaiting review");
  await run.continue("Shout it", "INNER");
  await run.expectStatus("Completed");
  await run.head.getByRole("link", { name: "Part of a larger run" }).click();
  await expect(page).toHaveURL(`/runs/${id}?step=inside`);
  await expect(run.head).toContainText(NAME);
  await run.expectStatus("Completed");
  await expect(run.panel.getByRole("heading", { name: "Run the other" })).toBeVisible();
  await expect(run.content).toContainText("INNER");
  await run.choose("Use it");
  await expect(run.content).toContainText("INNER");
});

test("a sub-workflow is cancelled with its parent", async ({ open, userApi }) => {
  const { id } = await userApi.start(await userApi.templateNamed(NAME), { text: "ended" });
  const [page, inside] = [await open(USER), await open(USER)];
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.choose("Run the other");
  const link = run.panel.getByRole("link", { name: "Open the sub-workflow's run" });
  await visit(inside, (await link.getAttribute("href")) ?? "");
  const child = new RunPage(inside);
  await child.expectStatus("Awaiting review");
  await page.getByRole("button", { name: "Cancel run" }).click();
  await run.answer("Cancel this run?", "Cancel the run");
  await run.expectStatus("Cancelled");
  await child.expectStatus("Cancelled");
  await child.expectSteps({ "Shout it": "Cancelled" });
});
