// The timeline keeps what was read: earlier events come below the newest, and none is lost on the way.

import { USER } from "../../support/people.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { echo, saveAgents } from "../../support/workflows.ts";

/** More than the two pages that are read at once. */
const SWITCHES = 430;

test("earlier events are added to the newest, each once and in order", async ({ open, adminApi, userApi }) => {
  await saveAgents(adminApi);
  const template = await adminApi.publish(unique("Switched on and off"), {
    ...echo(),
    steps: { ...echo().steps, echo: { ...(echo().steps.echo as object), review: { mode: "always" } } },
  });
  const { id } = await userApi.start(template, { text: "again" });
  for (let n = 0; n < SWITCHES; n++) {
    await userApi.raw("PATCH", `/api/workflows/runs/${id}`, { auto_run: n % 2 === 0 });
  }
  const { seq } = await userApi.run(id);
  expect(seq).toBeGreaterThan(SWITCHES);

  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  await page.getByRole("button", { name: "Timeline" }).click();
  const timeline = page.getByRole("region", { name: "Timeline" });
  const rows = timeline.getByRole("listitem");
  const earlier = timeline.getByRole("button", { name: "Earlier events" });
  await expect(rows).toHaveCount(200);
  await earlier.focus();
  await page.keyboard.press("Enter");
  await expect(rows).toHaveCount(400);
  await expect(earlier).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(rows).toHaveCount(seq);
  await expect(earlier).toHaveCount(0);
  await expect(rows.nth(400), "the first row that came last").toBeFocused();
  await expect(rows.last()).toContainText("The run was started");

  await test.step("what happens now comes on top", async () => {
    await userApi.raw("PATCH", `/api/workflows/runs/${id}`, { auto_run: SWITCHES % 2 === 0 });
    await expect(rows).toHaveCount(seq + 1);
    await expect(rows.first()).toContainText("Auto-run was switched");
    await expect(rows.last()).toContainText("The run was started");
  });
});
