// Arranging what is drawn: selecting along the lines, aligning, notes written in their place, colours, groups whose frame moves what it
// holds, and what one person collapsed. By mouse, by keys and by menus; all of it in the document but what is collapsed.

import type { Page } from "@playwright/test";
import { EditorPage } from "../../support/editor_page.ts";
import { ADMIN } from "../../support/people.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { diamond, saveAgents } from "../../support/workflows.ts";

const DESK = { viewport: { width: 1440, height: 900 } };

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

interface Place {
  readonly x: number;
  readonly y: number;
}

interface Stored {
  readonly definition: {
    readonly steps: Record<string, { readonly colour?: string; readonly group?: string; readonly ui?: Place }>;
    readonly notes?: readonly (Place & { readonly text: string; readonly colour?: string })[];
    readonly groups?: Record<string, { readonly title?: string; readonly colour?: string }>;
  };
}

test("steps are selected along the lines, aligned, coloured and grouped, and notes are written", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Arranged"), diamond());
  const stored = async () => (await adminApi.get<Stored>(`/api/workflows/templates/${id}`)).definition;
  const page = await open(ADMIN, DESK);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  const pressed = editor.steps.getByRole("button", { pressed: true });
  const menu = (name: string) => page.getByRole("menu", { name });
  const choose = (of: string, item: RegExp | string) => menu(of).getByRole("menuitem", { name: item }).click();

  await test.step("along the lines, by keys", async () => {
    await editor.select("join", "Join both");
    await page.keyboard.press("u");
    await expect(pressed).toHaveCount(4);
    await editor.select("take", "Take the text");
    await page.keyboard.press("d");
    await expect(pressed).toHaveCount(4);
  });

  await test.step("into one line, by the menu", async () => {
    await page.keyboard.press("Shift+F10");
    await choose("Actions for 4 steps", /^Align and distribute/);
    await choose("Align and distribute", "Align top");
    await expect(page.getByRole("button", { name: "Undo: Align top" })).toBeEnabled();
    const tops = async () => new Set(Object.values((await stored()).steps).map((step) => step.ui?.y)).size;
    await expect.poll(tops).toBe(1);
    await page.keyboard.press("ControlOrMeta+z");
    await expect.poll(tops).toBeGreaterThan(1);
  });

  await test.step("a colour, and a frame that moves what it holds", async () => {
    await editor.select("join", "Join both");
    await page.keyboard.press("Shift+F10");
    await choose("Actions for Join both", /^Colour…/);
    await choose("Colour", "Teal");
    await expect.poll(async () => (await stored()).steps.join?.colour).toBe("teal");

    await page.keyboard.press("g");
    const title = page.getByRole("textbox", { name: "Title of the group" });
    await expect(title).toBeFocused();
    await title.fill("The end");
    await page.keyboard.press("Enter");
    await expect(title).toHaveCount(0);
    await expect.poll(async () => Object.values((await stored()).groups ?? {})).toEqual([{ title: "The end" }]);
    const before = await editor.nodeRect("join");
    const frame = await groupRect(page, "g1");
    const handle = { x: frame.x + frame.width / 2, y: frame.y + frame.height / 2 };
    await editor.drag(handle, { x: handle.x, y: handle.y + 64 });
    await expect.poll(async () => (await editor.nodeRect("join")).y).toBeGreaterThan(before.y + 30);
  });

  await test.step("a note, written where it stands", async () => {
    const { x, y, height } = await editor.nodeRect("take");
    await page.mouse.move(x + 60, y + height + 170);
    await editor.step("Take the text").focus();
    await page.keyboard.press("t");
    const text = page.getByRole("textbox", { name: "Text of the note, in Markdown" });
    await expect(text).toBeFocused();
    await text.fill("# Why\n- it is *so*");
    await page.keyboard.press("Escape");
    await expect(text).toHaveCount(0);
    await expect.poll(async () => (await stored()).notes?.map((note) => note.text)).toEqual(["# Why\n- it is *so*"]);
  });

  await test.step("in the list, and collapsed for this person alone", async () => {
    await page.getByRole("tab", { name: "Steps" }).click();
    const list = page.getByRole("complementary", { name: "Steps" });
    await expect(list.getByRole("list", { name: "Notes" }).getByRole("button", { name: "Why", exact: true })).toBeVisible();
    const group = list.getByRole("list", { name: "Groups" });
    await group.getByRole("button", { name: "Actions for The end" }).click();
    await choose("Actions for The end", "Collapse");
    await expect(group.getByRole("listitem")).toContainText("1 step · collapsed");
    await expect.poll(async () => (await stored()).notes?.length).toBe(1);
    await editor.expectSaved();
    await visit(page, `/admin/workflows/${id}`);
    await page.getByRole("tab", { name: "Steps" }).click();
    await expect(group.getByRole("listitem")).toContainText("1 step · collapsed");
    expect(Object.values((await stored()).groups ?? {}), "the document knows nothing of it").toEqual([{ title: "The end" }]);
  });
});

/** Where the title of a group is in the window. */
async function groupRect(page: Page, id: string): Promise<{ x: number; y: number; width: number; height: number }> {
  const ask = () => page.evaluate((id) => window.__canvas?.groupRect(id) ?? null, id);
  await expect.poll(ask).not.toBeNull();
  const rect = await ask();
  if (!rect) throw new Error(`no group ${id}`);
  return rect;
}
