// Deleting a run from the list: counted first, taken back by Undo, and so is archiving. One that is not taken back goes away under the eyes of
// whoever has it open: this begins first, since it takes the half minute in which it could be.

import type { BrowserContext, Page } from "@playwright/test";
import type { Api } from "../../support/api.ts";
import { USER } from "../../support/people.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { echo, saveAgents } from "../../support/workflows.ts";

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("a run that is deleted leaves the list, and Undo brings it back to its place, as after archiving", async ({ open, adminApi, userApi, watch }) => {
  const name = unique("Deleted");
  const template = await adminApi.publish(name, echo());
  for (const text of ["first words", "second words"]) {
    const { id } = await userApi.start(template, { text });
    await expect.poll(async () => (await userApi.run(id)).status).toBe("completed");
  }
  const page = await open(USER);
  // Its page asks whether it is there, and goes on asking for its feed and for what it shows until it knows.
  watch.allowRefusal({ url: /\/_fn\/whole_run/, status: 404 });
  watch.allowRefusal({ url: /\/runs\/[^/]+\/live/, status: 404 });
  watch.allowComplaint(/\/live' failed: WebSocket is closed before the connection is established/);
  const other = await openOnDoomed(page.context(), userApi, await adminApi.publish(unique("Soon gone"), echo()));
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

  await test.step("the tab that is open on the other run says that it is gone, and leads on", async () => {
    const gone = other.getByRole("status").filter({ hasText: "This run was deleted" });
    await expect(gone, "half a minute after it was asked for").toBeVisible({ timeout: 90_000 });
    await expect(other.getByRole("dialog"), "what was open went with it").toHaveCount(0);
    await gone.getByRole("link", { name: "Go to the runs" }).click();
    await expect(other.getByRole("heading", { level: 1, name: "Runs" })).toBeVisible();
  });
});

/** A second tab with a dialog open on a run that is asked to be deleted, and is whole for as long as that can be taken back. */
async function openOnDoomed(context: BrowserContext, api: Api, template: string): Promise<Page> {
  const { id } = await api.start(template, { text: "soon gone" });
  await expect.poll(async () => (await api.run(id)).status).toBe("completed");
  const page = await context.newPage();
  await visit(page, `/runs/${id}?step=echo`);
  const run = new RunPage(page);
  await run.moreOfRun("Title and tags…");
  await expect(run.dialog("Title and tags")).toBeVisible();
  await api.post("/api/workflows/runs/change", { action: "delete", runs: [id] });
  return page;
}
