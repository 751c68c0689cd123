// Secrets: made, granted and given another value by keyboard and pointer; a value that was typed is found on no page afterwards.

import type { Page } from "@playwright/test";
import { ADMIN } from "../support/people.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { TEXT } from "../support/workflows.ts";

const CANARY = "c4n4ry-of-a-secret-value";
const AGENT = {
  id: "e2e-secret-caller",
  name: "Call with a secret",
  inputs: [],
  outputs: [{ name: "body", schema: TEXT }],
  config: { kind: "http", url: "https://api.example.org/", headers: { Authorization: "Bearer ${secret.e2e-none}" } },
};
const OTHER = { ...AGENT, id: "e2e-secret-other", name: "Call as well" };

const row = (page: Page, name: string) =>
  page.getByRole("list", { name: "Secrets" }).getByRole("listitem").filter({ hasText: name });

test("a secret is made, granted, given another value and deleted, and its value is never shown", async ({ open, adminApi, watch }) => {
  watch.expectRefusal({ url: /\/_fn\/set_secret/, status: 422 });
  for (const agent of [AGENT, OTHER]) {
    await adminApi.saveAgent(agent);
  }
  const name = unique("key").toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const page = await open(ADMIN);
  await visit(page, "/admin/secrets");

  await test.step("what is wrong stands at its field, and what was typed stays", async () => {
    await page.getByRole("button", { name: "New secret" }).click();
    const dialog = page.getByRole("dialog", { name: "New secret" });
    await expect(dialog.getByLabel("Name", { exact: true })).toBeFocused();
    await dialog.getByLabel("Name", { exact: true }).fill(name);
    await dialog.getByLabel("Value", { exact: true }).fill(CANARY);
    await dialog.getByLabel("Hosts", { exact: true }).fill("api.example.org, https://example.org/a/path");
    await page.keyboard.press("Enter");
    await expect(dialog.getByLabel("Hosts", { exact: true })).toHaveAccessibleDescription(/names more than a host/);
    await expect(dialog.getByLabel("Value", { exact: true })).toHaveValue(CANARY);
    await expect(dialog.getByLabel("Value", { exact: true })).toHaveAttribute("type", "password");
    await dialog.getByLabel("Hosts", { exact: true }).fill("api.example.org");
    const agents = dialog.getByRole("group", { name: "Agents that may use it" });
    await agents.getByRole("checkbox", { name: /e2e-secret-caller/ }).check();
    await agents.getByRole("checkbox", { name: /e2e-secret-caller/ }).uncheck();
    await agents.getByRole("checkbox", { name: /e2e-secret-other/ }).check();
    await dialog.getByLabel("What it is for").fill("For 🔑 و");
    await page.keyboard.press("Enter");
    await expect(dialog).toBeHidden();
    await expect(row(page, name)).toContainText("api.example.org");
    await expect(row(page, name)).toContainText(OTHER.id);
    await expect(row(page, name)).not.toContainText(AGENT.id);
  });

  const choose = async (item: string) => {
    await row(page, name).getByRole("button", { name: `Actions for ${name}` }).click();
    await page.getByRole("menuitem", { name: item }).click();
  };
  await test.step("an agent is let use it", async () => {
    await choose("Agents that may use it…");
    const dialog = page.getByRole("dialog", { name: `Agents that may use ${name}` });
    await dialog.getByRole("checkbox", { name: /e2e-secret-caller/ }).check();
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog).toBeHidden();
    await expect(row(page, name)).toContainText(AGENT.id);
  });
  await test.step("another value leaves the agents, and begins empty", async () => {
    await choose("Give a new value…");
    const dialog = page.getByRole("dialog", { name: `New value for ${name}` });
    await expect(dialog.getByLabel("Value", { exact: true })).toHaveValue("");
    await dialog.getByLabel("Value", { exact: true }).fill(`${CANARY}-2`);
    await dialog.getByLabel("Hosts", { exact: true }).fill("api.example.org, *.example.net");
    await dialog.getByRole("button", { name: "Set value" }).click();
    await expect(dialog).toBeHidden();
    await expect(row(page, name)).toContainText("*.example.net");
    await expect(row(page, name)).toContainText(AGENT.id);
  });
  await test.step("no page and no log tells it", async () => {
    await visit(page, `/admin/audit?subject=${name}`);
    await expect(page.getByRole("table", { name: "Audit log" })).toContainText("Gave a secret another value");
    expect(await page.content()).not.toContain(CANARY);
    await visit(page, "/admin/secrets");
    await expect(row(page, name)).toBeVisible();
    expect(await page.content()).not.toContain(CANARY);
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain(CANARY);
  });
  await test.step("it is deleted once that is confirmed", async () => {
    await choose("Delete…");
    const question = page.getByRole("dialog", { name: `Delete “${name}”?` });
    await question.getByRole("button", { name: "Delete secret" }).click();
    await expect(question).toBeHidden();
    await expect(row(page, name)).toHaveCount(0);
  });
});
