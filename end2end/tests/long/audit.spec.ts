// The audit log: what is looked for stands in the address, a fault stands at its field, and everything has its name.

import { ADMIN, OTHER_USER } from "../../support/people.ts";
import { expect, hydrated, login, test, unique, visit } from "../../support/test.ts";
import { echo, saveAgents } from "../../support/workflows.ts";

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("a failed sign-in is found by the email that was tried, also after a reload", async ({ open, watch }) => {
  watch.expectRefusal({ url: /\/_fn\/login/, status: 401 });
  const stranger = await open(null);
  await visit(stranger, "/login");
  await login(stranger, { ...OTHER_USER, password: "not the right one" });
  await expect(stranger.getByRole("alert")).toBeVisible();

  const page = await open(ADMIN);
  await visit(page, "/admin/audit");
  const rows = page.getByRole("table", { name: "Audit log" }).getByRole("row");
  await page.getByLabel("Who").fill(OTHER_USER.email);
  await page.getByLabel("What", { exact: true }).selectOption({ label: "Failed sign-ins" });
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await expect(rows.nth(1)).toContainText("Gave a wrong password");
  await expect(rows.nth(1)).toContainText(OTHER_USER.email);
  await expect(page).toHaveURL(/who=.+&action=session\.refused/);

  await page.reload();
  await hydrated(page);
  await expect(page.getByLabel("Who")).toHaveValue(OTHER_USER.email);
  await expect(rows.nth(1)).toContainText("Gave a wrong password");
  await page.getByLabel("Who").fill("stranger@example.com");
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await expect(page.getByText("Nothing found")).toBeVisible();
  await page.getByRole("button", { name: "Clear" }).click();
  await expect(page).toHaveURL(/\/admin\/audit$/);
  await expect(page.getByLabel("Who")).toHaveValue("");
});

test("a fault of the filter stands at its field, and days the wrong way round are told before anything is asked", async ({ open, watch }) => {
  watch.expectRefusal({ url: /\/_fn\/audit_log/, status: 422 });
  const page = await open(ADMIN);
  await visit(page, "/admin/audit");
  await page.getByLabel("From where").fill("somewhere");
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await expect(page.getByLabel("From where")).toHaveAccessibleDescription(/This is no address/);
  await expect(page.getByRole("button", { name: "Try again" })).toHaveCount(0);
  await page.getByLabel("From where").fill("");
  await page.getByLabel("From day").fill("2026-02-01");
  await page.getByLabel("To day").fill("2026-01-01");
  await expect(page.getByLabel("To day")).toHaveAccessibleDescription(/before the first day/);
});

test("a workflow has its name there, and the page begins where other lists begin", async ({ open, adminApi }) => {
  const name = unique("Named in the log");
  await adminApi.publish(name, echo());
  const page = await open(ADMIN, { viewport: { width: 1440, height: 900 } });
  await visit(page, "/admin/audit?action=template.published");
  const table = page.getByRole("table", { name: "Audit log" });
  await expect(table).toContainText(name);
  const left = async () => (await page.getByRole("heading", { level: 1 }).boundingBox())?.x;
  const mine = await left();
  const heights = await page
    .locator(".audit-filters .input")
    .evaluateAll((inputs) => [...new Set(inputs.map((input) => Math.round(input.getBoundingClientRect().height)))]);
  expect(heights).toHaveLength(1);
  await visit(page, "/admin/users");
  expect(await left()).toBe(mine);
});
