// How long what took, and the run as it was: the chart by keys, the table, the slider over the events, and back to what is now, which went on
// underneath.

import { RunPage } from "../../support/run_page.ts";
import { USER } from "../../support/people.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { ECHO, SHOUT, TEXT_INPUT, input, output, saveAgents, step } from "../../support/workflows.ts";

test("the times of a run are read by keys, and its past is looked at while it goes on", async ({ open, adminApi, userApi }) => {
  await saveAgents(adminApi);
  const template = await adminApi.publish(unique("Replayed"), {
    inputs: TEXT_INPUT,
    steps: {
      take: step("Take it", ECHO, input("text")),
      shout: { ...step("Shout it", SHOUT, output("take"), ["take"]), review: { mode: "always" } },
    },
  });
  const { id } = await userApi.start(template, { text: "again" });
  const page = await open(USER, { viewport: { width: 1440, height: 900 } });
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await expect(run.step("Shout it", "Awaiting review")).toBeVisible();
  await expect(run.verb("Continue")).toBeVisible();
  await page.getByRole("button", { name: "Timeline" }).click();
  await page.getByRole("radio", { name: "Times and replay" }).check();
  const timeline = page.getByRole("region", { name: "Timeline" });
  const chart = timeline.getByRole("application", { name: /^Chart of the times/ });
  await expect(timeline.getByText(/^Now, after [1-9]\d* events$/)).toBeVisible();

  await test.step("keys go from bar to bar, and Enter leads to the step", async () => {
    await chart.focus();
    await page.keyboard.press("ArrowRight");
    await expect(timeline.getByText(/^Take it: /)).toBeVisible();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await expect(timeline.getByText(/^Shout it: Waiting for a review: .* so far, from /)).toBeVisible();
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await expect(run.panel.getByRole("heading", { name: "Take it", exact: true })).toBeVisible();
  });

  await test.step("the table says the same", async () => {
    await timeline.getByText("As a table").click();
    const row = timeline.getByRole("row", { name: /^Shout it/ });
    await expect(row).toContainText("Awaiting review");
    await expect(row).toContainText("Waiting for a review");
    await row.getByRole("button", { name: "Shout it" }).click();
    await expect(run.panel.getByRole("heading", { name: "Shout it", exact: true })).toBeVisible();
  });

  const slider = timeline.getByRole("slider", { name: "Show the run as it was after an event" });
  const banner = page.getByText(/^You look at the run as it was at /);

  await test.step("the page shows what was, and no verb is there", async () => {
    await slider.focus();
    await page.keyboard.press("Home");
    await expect(banner).toBeVisible();
    await expect(run.step("Shout it", "Pending")).toBeVisible();
    await expect(page.getByRole("region", { name: "Graph of the run as it was" })).toBeVisible();
    await expect(run.head.getByRole("button", { name: "Cancel run" })).toBeHidden();
    await timeline.getByRole("button", { name: "To the review or failure after" }).click();
    await expect(run.step("Shout it", "Awaiting review")).toBeVisible();
    await expect(run.panel).toContainText("You look at the run as it was: go back to now first");
    await expect(run.verb("Continue")).toHaveCount(0);
  });

  await test.step("meanwhile it went on, and what is now is one press away", async () => {
    await userApi.post(`/api/workflows/runs/${id}/steps/shout/continue`, {});
    await expect(run.head.getByText("Completed", { exact: true }).first()).toBeVisible();
    await expect(banner).toBeVisible();
    await expect(run.step("Shout it", "Awaiting review")).toBeVisible();
    await page.getByRole("button", { name: "Back to now" }).click();
    await expect(banner).toHaveCount(0);
    await expect(run.step("Shout it", "Completed")).toBeVisible();
    await expect(page.getByRole("region", { name: "Graph of the run", exact: true })).toBeVisible();
  });
});
