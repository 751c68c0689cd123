// Deleting a run from the list: counted first, taken back by Undo, and so is archiving.

import { USER } from "../support/people.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { echo, saveAgents } from "../support/workflows.ts";

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("a run that is deleted leaves the list, and Undo brings it back to its place, as after archiving", async ({ open, adminApi, userApi }) => {
  const name = unique("Deleted");
  const template = await adminApi.publish(name, echo());
  for (const text of ["first words", "second words"]) {
    const { id } = await userApi.start(template, { text });
    await expect.poll(async () => (await userApi.run(id)).status).toBe("completed");
  }
  const page = await open(USER);
  await visit(page, `/runs?q=${encodeURIComponent(name)}`);
  const rows = page.getByRole("table", { name: "Runs" }).getByRole("row");
  const newest = rows.nth(1);
  const news = page.getByRole("region", { name: "Notifications" });
  await expect(rows, "the head and two runs").toHaveCount(3);

  await newest.getByRole("checkbox", { name: /^Select/ }).check();
  await page.getByRole("button", { name: "Delete…" }).click();
  const question = page.getByRole("dialog", { name: "Delete 1 run?" });
  await expect(question).toContainText("You can undo it for half a minute");
  await question.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(news).toContainText("1 run deleted");
  await expect(rows).toHaveCount(2);
  await expect(page.getByRole("checkbox", { name: "Select all runs that are loaded" }), "its button is gone").toBeFocused();
  await expect(newest.getByRole("link", { name: "first words" })).toBeVisible();
  await news.getByRole("button", { name: "Undo" }).click();
  await expect(rows).toHaveCount(3);
  await expect(newest.getByRole("link", { name: "second words" })).toBeVisible();
  await expect(news).toContainText("Undone");

  await newest.getByRole("checkbox", { name: /^Select/ }).check();
  await page.getByRole("button", { name: "Archive…" }).click();
  const archiving = page.getByRole("dialog", { name: "Archive 1 run?" });
  await archiving.getByRole("button", { name: "Archive", exact: true }).click();
  await expect(rows).toHaveCount(2);
  await news.getByRole("button", { name: "Undo" }).click();
  await expect(rows).toHaveCount(3);
  await page.reload();
  await expect(rows, "they were not only drawn").toHaveCount(3);
});
