// The list of runs: one is found again among many, gets a title and a tag, is started again with its inputs, and goes into the archive.

import { USER } from "../support/people.ts";
import { expect, hydrated, test, unique, visit } from "../support/test.ts";
import { echo, saveAgents } from "../support/workflows.ts";

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("a run is found, named, started again and archived, and the address keeps what is looked for", async ({ open, watch, adminApi, userApi }) => {
  const name = unique("Found again");
  const template = await adminApi.publish(name, echo());
  for (const text of ["rain in May", "snow"]) {
    const { id } = await userApi.start(template, { text });
    await expect.poll(async () => (await userApi.run(id)).status).toBe("completed");
  }
  // The page of the run is left as soon as it is read, while its feed still opens.
  watch.allowComplaint(/WebSocket is closed before the connection is established/);
  const page = await open(USER);
  await visit(page, "/dashboard");
  await page.getByRole("link", { name: "Find runs" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Runs" })).toBeVisible();
  const form = page.getByRole("search", { name: "Find runs" });
  const rows = page.getByRole("table", { name: "Runs" }).getByRole("row");
  await form.getByLabel("Search").fill(`${name} rain`);
  await form.getByLabel("Search").press("Enter");
  await expect(page).toHaveURL(/\/runs\?q=.*rain$/);
  await expect(rows, "the head and one run").toHaveCount(2);
  await form.getByLabel("Status").selectOption({ label: "Failed" });
  await expect(page.getByText("No runs found")).toBeVisible();
  await form.getByLabel("Status").selectOption({ label: "Completed" });
  await expect(rows).toHaveCount(2);
  await form.getByText("More filters").click();
  await form.getByLabel("Stale").selectOption({ label: "With stale steps" });
  await expect(page.getByText("No runs found")).toBeVisible();
  await form.getByLabel("Stale").selectOption({ label: "Any" });
  await expect(rows).toHaveCount(2);
  await form.getByRole("combobox", { name: "Workflow" }).fill(name);
  await page.getByRole("option", { name }).click();
  await expect(page).toHaveURL(/[?&]workflow=/);
  await expect(rows).toHaveCount(2);

  // On the smallest phone nothing has to be scrolled sideways to.
  const wide = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 740 });
  const fits = () => page.getByRole("region", { name: "Runs", exact: true }).evaluate((list) => list.scrollWidth <= list.clientWidth);
  await expect.poll(fits).toBe(true);
  if (wide !== null) {
    await page.setViewportSize(wide);
  }

  const tag = unique("wet");
  const row = rows.nth(1);
  await row.getByRole("button", { name: "Actions for rain in May" }).click();
  await page.getByRole("menuitem", { name: "Title and tags…" }).click();
  const labels = page.getByRole("dialog", { name: "Title and tags" });
  await labels.getByLabel("Title", { exact: true }).fill("<b>May</b> مايو");
  await labels.getByLabel("Tags", { exact: true }).fill(`spring, ${tag}`);
  await labels.getByRole("button", { name: "Save", exact: true }).click();
  await row.getByRole("link", { name: "<b>May</b> مايو" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("<b>May</b> مايو");
  await page.goBack();
  await row.getByRole("link", { name: `Runs with the tag ${tag}` }).click();
  await expect(page).toHaveURL(/\/runs\?tag=[^&]+$/);
  await expect(form.getByLabel("Tag")).toHaveValue(tag);
  await page.reload();
  await hydrated(page);
  await expect(rows).toHaveCount(2);

  await row.getByRole("button", { name: /^Actions for/ }).click();
  await page.getByRole("menuitem", { name: "Start again with these inputs" }).click();
  await expect(page.getByLabel("Your text")).toHaveValue("rain in May");
  await page.goBack();
  await expect(rows).toHaveCount(2);

  await row.getByRole("checkbox", { name: /^Select/ }).check();
  await page.getByRole("button", { name: "Archive…" }).click();
  const question = page.getByRole("dialog", { name: "Archive 1 run?" });
  await question.getByRole("button", { name: "Archive", exact: true }).click();
  await expect(page.getByText("No runs found")).toBeVisible();
  await form.getByLabel("Show", { exact: true }).selectOption({ label: "Archived" });
  await expect(page).toHaveURL(/archived=yes$/);
  await expect(row.getByRole("link", { name: "<b>May</b> مايو" })).toBeVisible();
});
