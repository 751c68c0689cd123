// Many runs from one table: what is wrong is told before anything starts, each row becomes a run, the same table starts nothing twice, and
// what the runs gave comes back as a table.

import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { USER } from "../../support/people.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { ECHO, input, saveAgents, step, TEXT_INPUT } from "../../support/workflows.ts";

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

const choose = (page: Page, name: string, text: string) =>
  page.getByLabel("Table", { exact: true }).setInputFiles({ name, mimeType: "text/csv", buffer: Buffer.from(text) });

test("a table is looked at, corrected, started once and followed to its results", async ({ open, adminApi }) => {
  const template = await adminApi.publish(unique("Echoes"), {
    inputs: TEXT_INPUT,
    steps: { echo: step("Repeat it", ECHO, input("text")) },
  });
  const page = await open(USER);
  await visit(page, `/start/${template}`);
  await page.getByRole("link", { name: "Many from a table" }).click();
  await expect(page.getByRole("heading", { name: /^Start many/ })).toBeVisible();

  await test.step("faults stand with their row and column, and nothing can be started", async () => {
    await choose(page, "bad.csv", "text;colour\nfirst;red\n;blue\n");
    const faults = page.getByRole("alert").filter({ hasText: "to correct before anything starts" });
    await expect(faults).toContainText("colour");
    await expect(faults).toContainText("Row 2, text");
    await expect(page.getByRole("button", { name: /^Start 2 runs/ })).toBeDisabled();
  });

  const table = `\u{feff}Your text\r\nfirst\r\n"=1+1; said ""${unique("two")}"""\r\n`;
  await choose(page, "good.csv", table);
  await expect(page.getByRole("status").filter({ hasText: "2 rows" })).toBeVisible();
  await page.getByRole("button", { name: "Start 2 runs" }).click();
  await expect(page).toHaveURL(/\/batches\//);
  const address = page.url();
  await expect(page.getByRole("heading", { name: "good.csv" })).toBeVisible();
  await expect(page.getByText("2 of 2 rows started, 2 finished")).toBeVisible({ timeout: 30_000 });
  const rows = page.getByRole("table", { name: "Rows" });
  await expect(rows.getByRole("link")).toHaveCount(2);

  await test.step("the results are a table without formulas", async () => {
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download the results" }).click();
    const text = readFileSync(await (await download).path(), "utf8");
    expect(text).toContain(`"'=1+1; said ""`);
    expect(text.trim().split("\r\n")).toHaveLength(3);
  });

  await test.step("the same table leads to what became of it", async () => {
    await visit(page, `/start/${template}/table`);
    await expect(page.getByRole("table", { name: "Tables you uploaded" })).toContainText("good.csv");
    await choose(page, "again.csv", table);
    await page.getByRole("link", { name: "Look at it" }).click();
    await expect(page).toHaveURL(address);
  });
});

test("a link fills in the form and starts nothing, and what was used last is offered", async ({ open, adminApi }) => {
  const template = await adminApi.publish(unique("Linked"), {
    inputs: TEXT_INPUT,
    steps: { echo: step("Repeat it", ECHO, input("text")) },
  });
  const page = await open(USER);
  const text = page.getByLabel("Your text");
  await visit(page, `/start/${template}?input.text=${encodeURIComponent("<b>from</b> a link")}&input.other=x`);
  await expect(text).toHaveValue("<b>from</b> a link");
  await expect(page.getByText("The link filled in this form")).toBeVisible();
  await expect(page).toHaveURL(/\/start\//);
  await page.getByRole("button", { name: "Start run" }).click();
  await page.waitForURL("**/runs/*");

  await visit(page, `/start/${template}`);
  await expect(page.getByText("Fill in what you used last?")).toBeVisible();
  await expect(text).toHaveValue("");
  await page.getByRole("button", { name: "Fill in" }).click();
  await expect(text).toHaveValue("<b>from</b> a link");
  await expect(text, "its button is gone").toBeFocused();
});
