// Adding while drawing: lines let go where nothing is, agents dropped on lines, ends of lines moved, by mouse, finger and keyboard.
// Each is one step of undo, says what it brought, and leaves nothing behind when it is given up.

import type { Page } from "@playwright/test";
import { EditorPage } from "../../support/editor_page.ts";
import { ADMIN } from "../../support/people.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { chain, saveAgents } from "../../support/workflows.ts";

const DESK = { viewport: { width: 1440, height: 900 } };

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

interface Stored {
  readonly definition: {
    readonly steps: Record<string, { readonly depends_on: readonly string[]; readonly inputs?: Record<string, unknown> }>;
  };
}

const steps = async (adminApi: { get<T>(path: string): Promise<T> }, id: string) =>
  (await adminApi.get<Stored>(`/api/workflows/templates/${id}`)).definition.steps;

const chooser = (page: Page, name: string) => page.getByRole("combobox", { name, exact: true });

/** Places below the picture, where nothing is. */
async function below(editor: EditorPage, key: string): Promise<{ x: number; y: number }> {
  const { x, y, width, height } = await editor.nodeRect(key);
  return { x: x + width + 40, y: y + height + 150 };
}

test("a line let go where nothing is asks for an agent, adds it there and joins it", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Drawn out"), chain());
  const page = await open(ADMIN, DESK);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  const undo = page.getByRole("button", { name: /^Undo/ });
  const draw = async () => editor.drag(await editor.port("aside", "out"), await below(editor, "aside"));

  await test.step("Escape leaves nothing", async () => {
    await draw();
    const search = chooser(page, "Add a step after Aside");
    await expect(search).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(search).toHaveCount(0);
    await expect(editor.steps.getByRole("button")).toHaveCount(4);
    await expect(undo).toBeDisabled();
  });

  await test.step("what cannot read the line says why, what can is added by Enter", async () => {
    await draw();
    const search = chooser(page, "Add a step after Aside");
    await expect(search).toBeFocused();
    await search.fill("e2e-collect");
    const offered = page.getByRole("listbox").getByRole("option");
    await expect(offered).toContainText("Takes list, not text");
    await expect(offered).toBeDisabled();
    await search.fill("e2e-echo");
    await page.keyboard.press("Enter");
    await expect(editor.step("Echo")).toHaveAccessibleName(/depends on Aside/);
    await expect(editor.step("Echo")).toBeFocused();
    await expect(page.getByRole("status").filter({ hasText: "Echo added after Aside, which feeds its text" })).toHaveCount(1);
    await editor.expectSaved();
    const { echo } = await steps(adminApi, id);
    expect(echo?.depends_on).toEqual(["aside"]);
    expect(echo?.inputs).toMatchObject({ text: { step: "aside", artifact: "text" } });
  });

  await test.step("it is one step of undo", async () => {
    await undo.click();
    await expect(editor.step("Echo")).toHaveCount(0);
    await expect(undo).toBeDisabled();
  });

  await test.step("a double click adds here", async () => {
    const { x, y } = await below(editor, "aside");
    await page.mouse.dblclick(x, y);
    const search = chooser(page, "Add a step here");
    await expect(search).toBeFocused();
    const list = page.getByRole("listbox", { name: "Options" });
    await expect(list).toBeVisible();
    const top = async () => (await search.boundingBox())?.y ?? 0;
    const before = await top();
    // Aside, where neither the field nor its list can lie.
    const stage = await editor.stage.boundingBox();
    if (!stage) throw new Error("no canvas");
    await page.mouse.move(stage.x + 20, stage.y + stage.height / 2);
    await page.mouse.wheel(0, 120);
    await expect.poll(top, "it moves along with the picture").toBeLessThan(before);
    const apart = async () => {
      const [field, options] = [await search.boundingBox(), await list.boundingBox()];
      if (!field || !options) return Number.POSITIVE_INFINITY;
      // Below it, or above where there is no room.
      return Math.min(Math.abs(options.y - field.y - field.height), Math.abs(options.y + options.height - field.y));
    };
    await expect.poll(apart, "and so does its list").toBeLessThan(10);
    await page.mouse.wheel(0, -120);
    await expect.poll(top).toBeGreaterThan(before - 1);
    await page.keyboard.type("count l");
    await page.getByRole("option", { name: /^Count letters/ }).click();
    await expect(editor.step("Count letters")).not.toHaveAccessibleName(/depends on/);
    const card = await editor.nodeRect("count_letters");
    expect(Math.hypot(card.x + card.width / 2 - x, card.y + card.height / 2 - y)).toBeLessThan(20);
  });
});

test("an agent dropped on a line is put between, and one that fits nothing says so", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Put between"), chain());
  const page = await open(ADMIN, DESK);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  const onLine = async () => {
    const [from, to] = [await editor.port("first", "out"), await editor.port("second", "in")];
    return { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  };
  const dropped = async (agent: string) => {
    const item = editor.palette.getByRole("button", { name: `Add ${agent}`, exact: true });
    await item.scrollIntoViewIfNeeded();
    const box = await item.boundingBox();
    if (!box) throw new Error(`no ${agent} in the palette`);
    await editor.drag({ x: box.x + box.width / 2, y: box.y + box.height / 2 }, await onLine());
  };
  await dropped("Echo");
  await expect(editor.step("Echo")).toHaveAccessibleName(/depends on First, feeds Second/);
  await expect(editor.step("Second")).toHaveAccessibleName(/depends on Echo/);
  const [echo, second, third] = [await editor.nodeRect("echo"), await editor.nodeRect("second"), await editor.nodeRect("third")];
  expect(echo.x + echo.width, "later steps made way").toBeLessThan(second.x);
  expect(second.x + second.width).toBeLessThan(third.x);
  await editor.expectSaved();
  const stored = await steps(adminApi, id);
  expect(stored.second?.inputs).toMatchObject({ text: { step: "echo", artifact: "text" } });
  expect(stored.echo?.inputs).toMatchObject({ text: { step: "first", artifact: "text" } });
  expect(stored.second?.depends_on).toEqual(["echo"]);

  await page.keyboard.press("ControlOrMeta+z");
  await expect(editor.step("Echo")).toHaveCount(0);
  await expect(editor.step("Second")).toHaveAccessibleName(/depends on First/);

  await dropped("Collect");
  await expect(editor.hint).toContainText("Choose in its panel what “Collect” reads as its parts");
  await expect(editor.step("Collect")).toHaveAccessibleName(/depends on First, feeds Second/);
});

test("an end of a line is dragged to another step, by mouse and by finger, and comes back by Escape", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Moved line"), chain());
  const page = await open(ADMIN, { ...DESK, hasTouch: true });
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  const { mouse } = page;
  const middle = async (key: string) => {
    const { x, y, width, height } = await editor.nodeRect(key);
    return { x: x + width / 2, y: y + height / 2 };
  };

  await test.step("given up, it is where it was", async () => {
    const [from, to] = [await editor.grip("second", "third", "out"), await middle("aside")];
    await mouse.move(from.x, from.y);
    await mouse.down();
    await mouse.move(to.x, to.y, { steps: 5 });
    await expect(editor.hint).toContainText("Aside → Third");
    await page.keyboard.press("Escape");
    await mouse.up();
    await expect(editor.step("Third")).toHaveAccessibleName(/depends on Second/);
  });

  await test.step("what it brought is read from the new step", async () => {
    await editor.drag(await editor.grip("second", "third", "out"), await middle("aside"));
    await expect(editor.step("Third")).toHaveAccessibleName(/depends on Aside/);
    await editor.expectSaved();
    const { third } = await steps(adminApi, id);
    expect(third?.inputs).toMatchObject({ text: { step: "aside", artifact: "text" } });
    expect(third?.depends_on).toEqual(["aside"]);
    await page.keyboard.press("ControlOrMeta+z");
    await expect(editor.step("Third")).toHaveAccessibleName(/depends on Second/);
  });

  await test.step("a step that cannot take it says why", async () => {
    await editor.drag(await editor.grip("first", "second", "out"), await middle("third"));
    await expect(editor.hint).toContainText("This would close the cycle Second > Third > Second");
    await expect(editor.step("Second")).toHaveAccessibleName(/depends on First/);
  });

  await test.step("a finger beside it takes it up too", async () => {
    const [from, to] = [await editor.grip("second", "third", "out"), await middle("aside")];
    const session = await page.context().newCDPSession(page);
    const touch = (type: "touchStart" | "touchMove" | "touchEnd", points: { x: number; y: number }[]) =>
      session.send("Input.dispatchTouchEvent", { type, touchPoints: points.map((point) => ({ ...point, id: 1 })) });
    const start = { x: from.x + 4, y: from.y + 17 };
    await touch("touchStart", [start]);
    await touch("touchMove", [{ x: (start.x + to.x) / 2, y: (start.y + to.y) / 2 }]);
    await touch("touchMove", [to]);
    await touch("touchEnd", []);
    await expect(editor.step("Third")).toHaveAccessibleName(/depends on Aside/);
  });
});

test("held at the edge of the canvas, the picture moves on under it", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("To the edge"), chain());
  const page = await open(ADMIN, DESK);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  const stage = await editor.stage.boundingBox();
  if (!stage) throw new Error("no canvas");
  const [from, before] = [await editor.port("third", "out"), await editor.camera()];
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(stage.x + stage.width / 2, stage.y + stage.height / 2, { steps: 3 });
  await page.mouse.move(stage.x + stage.width / 2, stage.y + stage.height - 3, { steps: 3 });
  await expect.poll(async () => ((await editor.camera())?.y ?? 0) - (before?.y ?? 0)).toBeGreaterThan(200);
  await page.mouse.move(stage.x + stage.width / 2, stage.y + stage.height / 2);
  const still = await editor.camera();
  await page.keyboard.press("Escape");
  await page.mouse.up();
  expect(await editor.camera()).toEqual(still);
  await expect(editor.steps.getByRole("button")).toHaveCount(4);
});

test("by keyboard alone a step is added and connected, and what cannot be connected says why", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("By keys"), chain());
  const page = await open(ADMIN, DESK);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  await editor.step("Third").focus();
  await page.keyboard.press("n");
  await expect(chooser(page, "Add a step after Third")).toBeFocused();
  await page.keyboard.type("shout");
  await page.keyboard.press("Enter");
  await expect(editor.step("Shout")).toHaveAccessibleName(/depends on Third/);
  await expect(editor.step("Shout")).toBeFocused();

  await page.keyboard.press("Home");
  await expect(editor.step("First")).toBeFocused();
  await page.keyboard.press("c");
  const search = chooser(page, "Connect First to");
  await expect(search).toBeFocused();
  await expect(page.getByRole("option", { name: /^Second/ })).toContainText("“Second” already depends on “First”");
  await expect(page.getByRole("option", { name: /^Second/ })).toBeDisabled();
  await page.keyboard.type("shout");
  await expect(editor.hint).toContainText("Connect First to Shout");
  await page.keyboard.press("Enter");
  await expect(editor.step("Shout")).toHaveAccessibleName(/depends on (First and Third|Third and First)/);
  await expect(editor.step("First")).toBeFocused();
  await page.keyboard.press("c");
  await expect(search).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(search).toHaveCount(0);
  await expect(editor.step("First")).toBeFocused();

  await test.step("the palette goes on after the selected step", async () => {
    await editor.step("Third").focus();
    await editor.palette.getByLabel("Search agents").fill("count l");
    await page.keyboard.press("Enter");
    await expect(editor.step("Count letters")).toHaveAccessibleName(/depends on Third/);
    await page.getByRole("button", { name: /^Undo: Add Count letters/ }).click();
    await expect(editor.step("Count letters")).toHaveCount(0);
  });
});
