// Charts of runs: reached from the list, they say in words and in a table what they draw, and the address keeps what is chosen.

import { axe } from "../../support/axe.ts";
import { USER } from "../../support/people.ts";
import { expect, hydrated, test, unique, visit } from "../../support/test.ts";
import { echo, saveAgents } from "../../support/workflows.ts";

interface Totals {
  readonly took: { readonly n: number } | null;
}

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("what runs did is drawn, said and listed, narrowed to one workflow, and fits a phone", async ({ open, adminApi, userApi }) => {
  // It waits for the count, which may take as long as a test may.
  test.slow();
  const name = unique("Counted");
  const template = await adminApi.publish(name, echo());
  for (const text of ["one", "two"]) {
    const { id } = await userApi.start(template, { text });
    await expect.poll(async () => (await userApi.run(id)).status).toBe("completed");
  }
  // Runs are counted after their commits, some seconds late.
  const totals = `/api/workflows/runs/totals?workflow=${template}`;
  await expect.poll(async () => (await userApi.get<Totals>(totals)).took?.n, { timeout: 90_000 }).toBe(2);
  const page = await open(USER);
  await visit(page, "/runs");
  await page.getByRole("link", { name: "Charts", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Charts of runs" })).toBeVisible();
  await visit(page, `/runs/charts?workflow=${template}`);
  await expect(page.getByRole("combobox", { name: "Workflow" })).toHaveValue(template);
  await expect(page.getByText(/^2 runs in 30 days/)).toBeVisible();
  const success = page.getByRole("region", { name: "Success" });
  await expect(success).toContainText("100 % completed of 2 runs");

  const runs = page.getByRole("region", { name: "Runs a day", exact: true });
  await runs.getByText("Table: Runs a day").press("Enter");
  const rows = runs.getByRole("table", { name: "Table: Runs a day" }).getByRole("row");
  await expect(rows, "the head and each day").toHaveCount(31);
  await expect(rows.nth(1).getByRole("cell").first()).toHaveText("2");

  await page.getByRole("combobox", { name: "Days" }).selectOption({ label: "The last 7 days" });
  await expect(page).toHaveURL(/days=7/);
  await expect(page.getByText(/^2 runs in 7 days/)).toBeVisible();
  await page.reload();
  await hydrated(page);
  await expect(page.getByRole("combobox", { name: "Days" })).toHaveValue("7");
  await page.getByRole("radio", { name: "Agent" }).check();
  const used = page.getByRole("table", { name: "Tokens and cost by agent" });
  await expect(used.getByRole("rowheader", { name: "Echo" })).toBeVisible();

  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  expect((await axe(page).analyze()).violations).toEqual([]);

  await visit(page, "/runs/charts?workflow=00000000-0000-4000-8000-000000000000");
  await expect(page.getByText("No runs in these days")).toBeVisible();
});
