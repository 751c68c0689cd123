// Finding one's way: the list that Ctrl K opens, on every page and only with what a person may open; search and replace; the shortcuts;
// menus by mouse, finger and key; the steps as a list; the map. By real keys and pointers.

import type { Locator, Page } from "@playwright/test";
import type { Definition } from "../../support/api.ts";
import { axe } from "../../support/axe.ts";
import { EditorPage } from "../../support/editor_page.ts";
import { ADMIN, USER } from "../../support/people.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { chain, diamond, ECHO, echo, input, output, saveAgents, step, TEXT_INPUT } from "../../support/workflows.ts";

const DESK = { viewport: { width: 1440, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

interface Stored {
  readonly definition: {
    readonly steps: Record<string, { readonly title?: string; readonly prompt?: string; readonly depends_on: readonly string[]; readonly ui?: { readonly y: number } }>;
  };
}

const stored = async (api: { get<T>(path: string): Promise<T> }, id: string) =>
  (await api.get<Stored>(`/api/workflows/templates/${id}`)).definition.steps;

/** Opens the list by its keys. */
async function find(page: Page): Promise<{ readonly dialog: Locator; readonly field: Locator }> {
  await page.keyboard.press("ControlOrMeta+k");
  const dialog = page.getByRole("dialog", { name: "Find", exact: true });
  const field = dialog.getByRole("combobox", { name: "Find" });
  await expect(field).toBeFocused();
  return { dialog, field };
}

/** The option that Enter would take, as a screen reader is told of it. */
async function expectActive(dialog: Locator, field: Locator, name: RegExp): Promise<void> {
  const active = dialog.getByRole("option", { name, selected: true });
  await expect(active).toHaveCount(1);
  await expect(field).toHaveAttribute("aria-activedescendant", (await active.getAttribute("id")) ?? "?");
}

test("a few letters lead to a step, a command says why not, and Esc goes back", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Found by letters"), diamond());
  const page = await open(ADMIN, DESK);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  await editor.select("take", "Take the text");
  let { dialog, field } = await find(page);
  const undo = dialog.getByRole("option", { name: /^Undo\s*There is nothing to undo/ });
  await expect(undo).toHaveAttribute("aria-disabled", "true");
  // It is no button that cannot be pressed: it says why.
  await undo.click({ force: true });
  await expect(dialog, "what cannot be done is not done").toBeVisible();
  await field.fill("jb");
  await expectActive(dialog, field, /^Join both/);
  await expect(dialog.getByRole("option", { name: /^Join both/ }).locator("mark")).toHaveText(["J", "b"]);
  const found = await axe(page).include("#find").analyze();
  expect(found.violations).toEqual([]);
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(editor.panel.getByRole("heading", { name: "Join both", exact: true })).toBeVisible();
  await expect(editor.step("Join both"), "the keyboard goes on from there").toBeFocused();

  ({ dialog, field } = await find(page));
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(editor.step("Join both")).toBeFocused();

  ({ dialog, field } = await find(page));
  await field.fill("duplicate");
  await expectActive(dialog, field, /^Duplicate the selected steps/);
  await page.keyboard.press("Enter");
  await expect(editor.step("Join both 2")).toHaveCount(1);
});

test("everybody finds what they may open, and learns of nothing else", async ({ open, adminApi }) => {
  const word = unique("Quokka");
  await adminApi.draft(`${word} draft`, echo());
  await adminApi.publish(`${word} live`, echo());
  const page = await open(USER, DESK);
  await visit(page, "/dashboard");
  await page.getByRole("button", { name: "Find", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Find", exact: true });
  const field = dialog.getByRole("combobox", { name: "Find" });
  await field.fill(word);
  await expect(dialog.getByRole("option")).toHaveCount(1);
  await expectActive(dialog, field, new RegExp(`^${word} live`));
  await field.fill("e2e echo agents");
  await expect(dialog.getByText("Nothing found").first()).toBeVisible();
  await field.fill(word);
  await expectActive(dialog, field, new RegExp(`^${word} live`));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/start\//);

  const admin = await open(ADMIN, DESK);
  await visit(admin, "/account");
  const theirs = await find(admin);
  await theirs.field.fill(word);
  await expect(theirs.dialog.getByRole("option")).toHaveCount(2);
  await theirs.field.fill("e2e-echo");
  await expect(theirs.dialog.getByRole("option", { name: /^Echo/ }).first()).toBeVisible();
  await theirs.field.fill("audit log");
  await expectActive(theirs.dialog, theirs.field, /^Audit log/);
  await admin.keyboard.press("Enter");
  await expect(admin).toHaveURL(/\/admin\/audit/);
});

test("among a thousand steps one is found at once", async ({ open, adminApi }) => {
  const key = (n: number) => `s${String(n).padStart(4, "0")}`;
  const steps = Array.from({ length: 1_000 }, (_, at) => {
    const after = at < 20 ? [] : [key(at - 20)];
    return [key(at), step(`Step ${at}`, ECHO, after[0] === undefined ? input("text") : output(after[0]), after)] as const;
  });
  const definition: Definition = { inputs: TEXT_INPUT, steps: Object.fromEntries(steps) };
  const id = await adminApi.draft(unique("A thousand to find"), definition);
  const page = await open(ADMIN, DESK);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  await editor.nodeRect(key(0));
  const { dialog, field } = await find(page);
  await field.fill("step 777");
  await expectActive(dialog, field, /^Step 777/);
  await page.keyboard.press("Enter");
  await expect(editor.panel.getByRole("heading", { name: "Step 777", exact: true })).toBeVisible();
  await page.getByRole("tab", { name: "Steps" }).click();
  const list = page.getByRole("list", { name: "Steps in the order in which they run" });
  await expect(list.getByRole("listitem")).toHaveCount(200);
  await page.getByLabel("Search steps").fill("Step 999");
  await expect(list.getByRole("listitem")).toHaveCount(1);
});

test("texts are searched and replaced, and what a replacement would break is said and left", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Replaced"), diamond({ shout: "Second {{ text }}: a second text" }));
  const page = await open(ADMIN, DESK);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  await page.keyboard.press("ControlOrMeta+Shift+f");
  const dialog = page.getByRole("dialog", { name: "Search and replace" });
  await dialog.getByLabel("Find").fill("second");
  const hits = dialog.getByRole("list", { name: "Places" }).getByRole("listitem");
  await expect(hits).toHaveCount(2);
  await dialog.getByText("Match case").click();
  await expect(hits).toHaveCount(1);
  await expect(hits.locator("mark")).toHaveText("second");
  await dialog.getByText("Match case").click();

  await test.step("a hit leads to its field", async () => {
    await hits.first().getByRole("button", { name: /Prompt/ }).first().click();
    await expect(dialog).toBeHidden();
    await expect(editor.panel.getByLabel("Prompt of this step")).toBeFocused();
  });

  await page.keyboard.press("ControlOrMeta+Shift+f");
  await dialog.getByLabel("Find").fill("text");
  await dialog.getByLabel("Whole word").check();
  await dialog.getByLabel("Replace with").fill("words");
  // Titles of a step and of an input, and in the prompt the placeholder and the word behind it.
  await expect(hits).toHaveCount(4);
  await expect(hits.filter({ hasText: "This would break it" })).toHaveCount(1);
  await dialog.getByRole("button", { name: "Replace all" }).click();
  await expect(dialog.getByText("Replaced in 2 places. Left as they are in 2 places, where it would break a field.")).toBeVisible();
  await dialog.getByRole("button", { name: /^Replace in/ }).first().click();
  await expect(dialog.getByText("Replaced in 1 place.", { exact: true })).toBeVisible();
  await dialog.getByRole("button", { name: "Close" }).click();
  await expect(editor.step("Take the words")).toHaveCount(1);
  await editor.expectSaved();
  expect((await stored(adminApi, id)).shout?.prompt).toBe("Second {{ text }}: a second words");
  await page.getByRole("button", { name: /^Undo: Replace/ }).click();
  await page.getByRole("button", { name: /^Undo: Replace/ }).click();
  await expect(editor.step("Take the text"), "all of them are one step of undo").toHaveCount(1);
});

test("menus open on a step, a line and the empty canvas, by mouse and by key, and the focus returns", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Menus"), chain());
  const page = await open(ADMIN, DESK);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  const rect = await editor.nodeRect("second");
  await page.mouse.click(rect.x + rect.width / 2, rect.y + rect.height / 2, { button: "right" });
  const menu = page.getByRole("menu", { name: "Actions for Second" });
  await expect(menu.getByRole("menuitem", { name: /^Open/ })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(menu).toBeHidden();
  await expect(editor.panel.getByRole("heading", { name: "Second", exact: true })).toBeVisible();

  await test.step("by key, and back to the step", async () => {
    await editor.step("Second").focus();
    await page.keyboard.press("Shift+F10");
    await expect(menu.getByRole("menuitem", { name: /^Open/ })).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(editor.step("Second")).toBeFocused();
    await page.keyboard.press("ContextMenu");
    await menu.getByRole("menuitem", { name: /^Duplicate/ }).click();
    await expect(editor.step("Second 2")).toHaveCount(1);
    await page.keyboard.press("ControlOrMeta+z");
    await expect(editor.step("Second 2")).toHaveCount(0);
  });

  await test.step("of a line", async () => {
    const [from, to] = [await editor.port("first", "out"), await editor.port("second", "in")];
    await page.mouse.click((from.x + to.x) / 2, (from.y + to.y) / 2, { button: "right" });
    await page.getByRole("menu", { name: "Actions for the connection" }).getByRole("menuitem", { name: /^Delete/ }).click();
    await expect(editor.step("Second")).not.toHaveAccessibleName(/depends on/);
  });

  await test.step("of nothing, and of several", async () => {
    const stage = await editor.stage.boundingBox();
    if (!stage) throw new Error("no canvas");
    await page.mouse.click(stage.x + stage.width / 2, stage.y + 20, { button: "right" });
    await page.getByRole("menu", { name: "Actions for the canvas" }).getByRole("menuitem", { name: /^Select all/ }).click();
    const third = await editor.nodeRect("third");
    await page.mouse.click(third.x + third.width / 2, third.y + third.height / 2, { button: "right" });
    const several = page.getByRole("menu", { name: "Actions for 4 steps" });
    await expect(several.getByRole("menuitem", { name: "Tidy up these steps" })).toBeVisible();
    // A press beside it closes it.
    await page.mouse.click(stage.x + stage.width / 2, stage.y + 20);
    await expect(several).toBeHidden();
  });

  await test.step("all shortcuts", async () => {
    await page.keyboard.press("?");
    const help = page.getByRole("dialog", { name: "Shortcuts" });
    await expect(help.getByText("Search and replace in titles, prompts and constants")).toBeVisible();
    const off = help.getByRole("button", { name: "Switch off single characters" });
    const on = help.getByRole("button", { name: "Switch on single characters" });
    await off.press("Enter");
    await expect(on).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(help).toBeHidden();
    await page.keyboard.press("?");
    // Where it had opened the shortcuts, this would open nothing.
    const { field } = await find(page);
    await field.fill("Show all shortcuts");
    await page.keyboard.press("Enter");
    await on.press("Enter");
    await expect(off).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(help).toBeHidden();
  });
});

test("on a phone a finger that rests opens the menu, and the steps are a list", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("On a phone"), chain());
  const page = await open(ADMIN, PHONE);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  const rect = await editor.nodeRect("first");
  const session = await page.context().newCDPSession(page);
  const at = { x: rect.x + rect.width / 2, y: rect.y + rect.height / 2 };
  await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [at] });
  const menu = page.getByRole("menu", { name: "Actions for First" });
  await expect(menu).toBeVisible();
  await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await expect(menu, "it stays when the finger is lifted").toBeVisible();
  await page.keyboard.press("Escape");
  await expect(menu).toBeHidden();
  await expect(page.getByRole("button", { name: /^Map:/ }), "no map lies over the steps").toBeHidden();

  await page.getByRole("radio", { name: "Steps", exact: true }).check();
  const list = page.getByRole("list", { name: "Steps in the order in which they run" });
  await expect(list.getByRole("listitem")).toHaveCount(4);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await list.getByRole("button", { name: /^Third/ }).click();
  await expect(editor.panel.getByRole("heading", { name: "Third", exact: true })).toBeVisible();
});

test("the list of steps does what the canvas does", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("As a list"), chain());
  const page = await open(ADMIN, DESK);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  await page.getByRole("tab", { name: "Steps" }).click();
  const panel = page.getByRole("complementary", { name: "Steps" });
  const list = panel.getByRole("list", { name: "Steps in the order in which they run" });
  const row = (title: string) => list.getByRole("button", { name: new RegExp(`^${title}(?! \\d)`) });
  const choose = async (title: string, verb: RegExp) => {
    await panel.getByRole("button", { name: `Actions for ${title}`, exact: true }).click();
    await page.getByRole("menuitem", { name: verb }).click();
  };
  const found = await axe(page).include("#palette").analyze();
  expect(found.violations).toEqual([]);

  await row("First").focus();
  await page.keyboard.press("ArrowDown");
  await expect(row("Second")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(editor.panel.getByRole("heading", { name: "Second", exact: true })).toBeVisible();

  await choose("Aside", /^Connect to/);
  const dialog = page.getByRole("dialog", { name: "Connect “Aside” to…" });
  await dialog.getByRole("combobox").click();
  await expect(page.getByRole("option", { name: /^First/ })).toHaveAttribute("aria-disabled", "true");
  await page.getByRole("option", { name: /^Third/ }).click();
  await dialog.getByRole("button", { name: "Connect", exact: true }).click();
  await expect(row("Third")).toContainText(/After (Second and Aside|Aside and Second)/);
  await choose("Third", /^Connection from “Second”/);
  await expect(editor.panel.getByRole("heading", { name: "Connection", exact: true })).toBeFocused();
  await editor.panel.getByRole("combobox", { name: "Lead it from another step" }).focus();
  await page.keyboard.type("First");
  await expect(page.getByRole("option", { name: /^First/ })).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(row("Third")).toContainText(/After (First and Aside|Aside and First)/);
  await expect(editor.panel.getByRole("heading", { name: "Connection", exact: true })).toBeFocused();
  await choose("Third", /^Disconnect from “First”/);
  await expect(row("Third")).toContainText("After Aside");

  await choose("Aside", /^Move up/);
  await expect(list.getByRole("listitem").nth(1)).toContainText("Aside");
  await expect(row("Aside")).toBeFocused();
  await choose("Second", /^Duplicate/);
  await expect(list.getByRole("listitem")).toHaveCount(5);
  await row("Second").focus();
  await page.keyboard.press("Delete");
  await expect(list.getByRole("listitem")).toHaveCount(4);
  await editor.expectSaved();
  const steps = await stored(adminApi, id);
  expect(Object.keys(steps).sort()).toEqual(["aside", "first", "second_2", "third"]);
  expect(steps.third?.depends_on).toEqual(["aside"]);
  await choose("First", /^Rename/);
  await expect(editor.panel.getByLabel("Title")).toBeFocused();
  await choose("Third", /^Select it, too/);
  await expect(editor.panel.getByRole("heading", { name: "2 steps" })).toBeVisible();
  await panel.getByRole("button", { name: "Actions for Third", exact: true }).click();
  await expect(page.getByRole("menuitem", { name: /^Delete 2 steps/ })).toBeVisible();
  await page.keyboard.press("Escape");
  await choose("Third", /^Colour…/);
  await page.getByRole("menu", { name: "Colour" }).getByRole("menuitem", { name: "Teal" }).click();
  await expect(editor.step("First")).toHaveAccessibleName(/coloured teal/);
  await expect(editor.step("Third")).toHaveAccessibleName(/coloured teal/);
  await choose("Aside", /^Add a step after it/);
  await expect(page.getByRole("combobox", { name: "Add a step after Aside" })).toBeFocused();
  await page.keyboard.type("Echo");
  await expect(page.getByRole("option", { name: /^Echo/ })).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(row("Echo"), "the list goes on, and not the picture").toBeFocused();
});

test("the map has a button of its own that puts it away, and stands where the workflow ends", async ({ open, adminApi }) => {
  const steps = Array.from({ length: 24 }, (_, at) => [`s${at}`, step(`Step ${at}`, ECHO, at === 0 ? input("text") : output(`s${at - 1}`), at === 0 ? [] : [`s${at - 1}`])] as const);
  const id = await adminApi.draft(unique("With a map"), { inputs: TEXT_INPUT, steps: Object.fromEntries(steps) });
  const page = await open(ADMIN, { viewport: { width: 1024, height: 768 } });
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  const map = page.getByRole("button", { name: /^Map:/ });
  await expect(map).toBeVisible();
  const [first, box] = [await editor.nodeRect("s0"), await map.boundingBox()];
  if (!box) throw new Error("no map");
  const isApart = first.x + first.width <= box.x || box.x + box.width <= first.x || first.y + first.height <= box.y || box.y + box.height <= first.y;
  expect(isApart, "the map covers the first step").toBe(true);
  await page.getByRole("button", { name: "Put the map away" }).click();
  await expect(map).toBeHidden();
  await page.reload();
  await expect(page.getByRole("button", { name: "Map", exact: true })).toHaveAttribute("aria-pressed", "false");
  await expect(map).toBeHidden();
});
