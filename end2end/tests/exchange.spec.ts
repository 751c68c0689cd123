// Workflows as files: taken out from a row, changed by hand, and brought back; what it would do is listed before it is done.

import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { EditorPage } from "../support/editor_page.ts";
import { ADMIN } from "../support/people.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { chain, saveAgents } from "../support/workflows.ts";

test.use({ viewport: { width: 1440, height: 900 } });

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

interface Filed {
  readonly main: string;
  readonly workflows: Record<string, { name: string; definition: { steps: Record<string, { title?: string }> } }[]>;
}

/** Presses what makes the browser take a file, and reads it. */
async function taken(page: Page, press: () => Promise<void>): Promise<{ name: string; text: string }> {
  const download = page.waitForEvent("download");
  await press();
  const file = await download;
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), "utf8") };
}

const choose = (page: Page, name: string, text: string) =>
  page.getByLabel("File", { exact: true }).setInputFiles({ name, mimeType: "text/plain", buffer: Buffer.from(text) });

test("a workflow is exported, changed in the file, listed with its conflict, and imported", async ({ open, adminApi, watch }) => {
  watch.expectRefusal({ url: /\/_fn\/import_workflow$/, status: 422 });
  const name = unique("Filed");
  const id = await adminApi.draft(name, chain());
  const page = await open(ADMIN);
  await visit(page, "/admin/workflows");
  await page.getByRole("button", { name: `Actions for ${name}` }).click();
  const file = await taken(page, () => page.getByRole("menuitem", { name: "Export" }).click());
  expect(file.name).toMatch(/^filed.*\.weft\.json$/);
  await expect(page.getByRole("menuitem", { name: "Export" })).toBeHidden();
  const told = JSON.parse(file.text) as Filed;
  const [draft] = told.workflows[told.main] ?? [];
  if (!draft) throw new Error("no draft in the file");
  expect(draft.name).toBe(name);

  await page.getByRole("link", { name: "Import" }).click();
  await expect(page.getByRole("heading", { name: "Import a workflow" })).toBeVisible();
  const confirm = page.getByRole("button", { name: "Import", exact: true });
  await choose(page, "same.json", file.text);
  await expect(page.getByText(`Nothing to do: “${name}” is here as it is in the file`)).toBeVisible();
  await expect(confirm).toBeDisabled();

  await test.step("a bad file is told by its place, and changes nothing", async () => {
    await choose(page, "bad.json", file.text.replace('"weft": 1', '"weft": 9'));
    await expect(page.getByText("version 9 of the format")).toBeVisible();
    await expect(confirm).toHaveCount(0);
    await choose(page, "cut.json", file.text.slice(0, 40));
    await expect(page.getByText(/The file is not JSON.*line/)).toBeVisible();
  });

  const step = Object.values(draft.definition.steps)[0];
  if (!step) throw new Error("no step in the file");
  step.title = "Changed by hand";
  await choose(page, "changed.json", JSON.stringify(told));
  const list = page.getByRole("table", { name: "What this file would do" });
  const row = list.getByRole("row").filter({ hasText: told.main });
  await expect(row).toContainText("Draft changes");
  await expect(row).toContainText("title");
  await expect(page.getByRole("alert").filter({ hasText: "It would cover what is here" })).toContainText("never published");
  await confirm.focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`/admin/workflows/${id}$`));
  const editor = new EditorPage(page);
  await expect(editor.steps.getByRole("button", { name: /^Changed by hand,/ })).toBeVisible();

  await test.step("the drawing is taken too, and the file from the editor", async () => {
    const more = async (verb: string) => {
      await page.getByRole("button", { name: "More for this workflow" }).click();
      await page.getByRole("menuitem", { name: verb }).click();
    };
    const drawing = await taken(page, () => more("Download drawing (SVG)"));
    expect(drawing.name).toBe(`${name}.svg`);
    expect(drawing.text).toMatch(/^<svg /);
    expect(drawing.text).toContain("Changed by hand");
    const picture = await taken(page, () => more("Download drawing (PNG)"));
    expect(picture.name).toBe(`${name}.png`);
    expect(picture.text.slice(1, 4)).toBe("PNG");
    const again = await taken(page, () => more("Export to a file"));
    expect(again.text).toContain("Changed by hand");
  });
});
