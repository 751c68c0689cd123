// Building with what is there already: steps copied, cut, pasted and duplicated, across workflows and tabs, through the system's
// clipboard; everything taken back, also after a reload; copies of workflows and agents, and away with what nobody ever used.

import type { Page } from "@playwright/test";
import { EditorPage } from "../../support/editor_page.ts";
import { ADMIN } from "../../support/people.ts";
import { expect, hydrated, test, unique, visit } from "../../support/test.ts";
import { chain, diamond, ECHO, saveAgents, template } from "../../support/workflows.ts";

test.use({ viewport: { width: 1440, height: 900 } });

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

const options = { viewport: { width: 1440, height: 900 }, permissions: ["clipboard-read", "clipboard-write"] };

interface Stored {
  readonly name: string;
  readonly description: string;
  readonly definition: {
    readonly inputs?: Record<string, { readonly title?: string }>;
    readonly limits?: { readonly max_parallel?: number };
    readonly steps: Record<
      string,
      {
        readonly title?: string;
        readonly agent_id: string;
        readonly depends_on: readonly string[];
        readonly inputs?: Record<string, unknown>;
        readonly ui?: { readonly x: number; readonly y: number };
      }
    >;
  };
}

const stored = (adminApi: { get<T>(path: string): Promise<T> }, id: string) =>
  adminApi.get<Stored>(`/api/workflows/templates/${id}`);

/** Makes the keyboard the canvas's, and selects everything on it. */
async function selectAll(page: Page, editor: EditorPage): Promise<void> {
  await editor.steps.getByRole("button").first().focus();
  await page.keyboard.press("ControlOrMeta+a");
}

/** Puts a text on the system's clipboard, as another program would. */
const onClipboard = (page: Page, text: string) => page.evaluate((text) => navigator.clipboard.writeText(text), text);

test("steps are copied from one workflow into another one in another tab, joined as they were", async ({ open, adminApi }) => {
  const [from, to] = await Promise.all([
    adminApi.draft(unique("Copied from"), diamond()),
    adminApi.draft(unique("Copied to"), {
      steps: { shout: { title: "Shout it", agent_id: ECHO.id, inputs: { text: { const: "x" } }, ui: { x: 0, y: 0 } } },
    }),
  ]);
  const page = await open(ADMIN, options);
  await visit(page, `/admin/workflows/${from}`);
  const editor = new EditorPage(page);
  await expect(editor.steps.getByRole("button")).toHaveCount(4);
  await selectAll(page, editor);
  await page.keyboard.press("ControlOrMeta+c");
  const text = await page.evaluate(() => navigator.clipboard.readText());
  expect(JSON.parse(text)).toMatchObject({ weft_steps: 1, workflow: from });

  const other = await page.context().newPage();
  await visit(other, `/admin/workflows/${to}`);
  const there = new EditorPage(other);
  await expect(there.steps.getByRole("button")).toHaveCount(1);
  // Where the pointer rests.
  const stage = await there.stage.boundingBox();
  if (!stage) throw new Error("no canvas");
  await other.mouse.move(stage.x + stage.width / 2, stage.y + stage.height * 0.7);
  await other.keyboard.press("ControlOrMeta+v");
  await expect(there.steps.getByRole("button")).toHaveCount(5);
  await expect(there.hint).toContainText("The run input “Your text” came along.");
  await there.expectSaved();
  const { definition } = await stored(adminApi, to);
  expect(Object.keys(definition.steps).sort()).toEqual(["count_it", "join_both", "shout", "shout_it_2", "take_the_text"]);
  expect(definition.steps.shout_it_2?.title).toBe("Shout it 2");
  expect([...(definition.steps.join_both?.depends_on ?? [])].sort()).toEqual(["count_it", "shout_it_2"]);
  expect(definition.steps.join_both?.inputs).toMatchObject({ left: { step: "shout_it_2" }, right: { step: "count_it" } });
  expect(definition.inputs?.text?.title).toBe("Your text");
  await test.step("it covers nothing, and is one step of undo", async () => {
    const rects = await Promise.all(Object.keys(definition.steps).map((key) => there.nodeRect(key)));
    for (const [n, a] of rects.entries()) {
      for (const b of rects.slice(n + 1)) {
        expect(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y).toBe(true);
      }
    }
    await other.keyboard.press("ControlOrMeta+z");
    await expect(there.steps.getByRole("button")).toHaveCount(1);
    await there.expectSaved();
    expect((await stored(adminApi, to)).definition.inputs ?? {}).toEqual({});
  });
});

test("steps that are cut are gone, come back by undo, and can be pasted", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Cut from"), chain());
  const page = await open(ADMIN, options);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  await editor.select("second", "Second");
  await page.keyboard.press("ControlOrMeta+x");
  await expect(editor.step("Second")).toHaveCount(0);
  await expect(editor.step("Third")).not.toHaveAccessibleName(/depends on/);
  await page.keyboard.press("ControlOrMeta+z");
  await expect(editor.step("Third")).toHaveAccessibleName(/depends on Second/);
  await page.keyboard.press("ControlOrMeta+Shift+z");
  await expect(editor.step("Second")).toHaveCount(0);
  await page.keyboard.press("ControlOrMeta+v");
  await expect(editor.step("Second")).toHaveAccessibleName(/depends on First/);
  await page.keyboard.press("ControlOrMeta+v");
  await expect(editor.step("Second 2")).toHaveAccessibleName(/depends on First/);
  await editor.expectSaved();
  expect(Object.keys((await stored(adminApi, id)).definition.steps).sort()).toEqual(["aside", "first", "second", "second_2", "third"]);
});

test("Alt drags a copy, Ctrl D makes one, and the menu does what the keys do", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Duplicated"), chain());
  const page = await open(ADMIN, options);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  const before = await editor.nodeRect("second");
  const middle = { x: before.x + before.width / 2, y: before.y + before.height / 2 };
  await page.keyboard.down("Alt");
  await editor.drag(middle, { x: middle.x, y: middle.y - 140 });
  await page.keyboard.up("Alt");
  await expect(editor.step("Second 2")).toHaveAccessibleName(/depends on First/);
  expect(await editor.nodeRect("second")).toEqual(before);
  const copy = await editor.nodeRect("second_2");
  expect(Math.abs(copy.y + copy.height / 2 - (middle.y - 140))).toBeLessThan(10);

  await page.keyboard.press("ControlOrMeta+d");
  await expect(editor.steps.getByRole("button")).toHaveCount(6);
  await expect(editor.step("Second 3")).toHaveCount(1);

  const menu = page.getByRole("toolbar", { name: "Canvas" }).getByRole("button", { name: "Steps: copy, paste and more" });
  const choose = async (name: string) => {
    await menu.click();
    await page.getByRole("menuitem", { name, exact: true }).click();
  };
  await choose("Cut");
  await expect(editor.step("Second 3")).toHaveCount(0);
  await choose("Paste");
  await expect(editor.step("Second 3")).toHaveCount(1);
  await choose("Duplicate");
  await expect(editor.step("Second 4")).toHaveCount(1);
  await page.getByRole("button", { name: /^Undo: Duplicate Second 4/ }).click();
  await expect(editor.step("Second 4")).toHaveCount(0);
});

test("what cannot be pasted is refused with the reason, and nothing changes", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Refuses"), chain());
  const page = await open(ADMIN, options);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  await editor.steps.getByRole("button").first().focus();
  const wrap = (steps: string) => `{"weft_steps":1,"steps":${steps}}`;
  const many = Array.from({ length: 10_000 }, (_, n) => `"s${n}":{"agent_id":"e2e-echo"}`).join();
  for (const [text, words] of [
    ["Four score and seven years ago", "no steps of a workflow"],
    [JSON.stringify(diamond()), "no steps of a workflow"],
    [wrap(`{"a":{"agent_id":"x"},"a":{"agent_id":"y"}}`), "`steps.a` is there twice".replaceAll("`", "")],
    [wrap(`{"__proto__":{"agent_id":"x"}}`), "is no key of a step"],
    [wrap(`{"a":{"agent_id":"x","prompt":${"[".repeat(5000)}${"]".repeat(5000)}}}`), "nested deeper than 64 levels"],
    [wrap(`{"a":{"agent_id":"x","depends_on":["b"]},"b":{"agent_id":"x","depends_on":["a"]}}`), "would close the cycle"],
    [wrap(`{${many}}`), "at most 10,000 steps"],
    [wrap(`{"a":{"agent_id":"${"x".repeat(50_000_000)}"}}`), "too large: 48 MiB"],
    [`{"weft_steps":2,"steps":{}}`, "newer Weft"],
  ] as const) {
    await onClipboard(page, text);
    await page.keyboard.press("ControlOrMeta+v");
    await expect(editor.hint).toContainText(words);
    await expect(editor.steps.getByRole("button")).toHaveCount(4);
  }
  await expect(page.getByRole("button", { name: "Undo", exact: true })).toBeDisabled();
  await editor.expectSaved();
});

test("copying and pasting in a field stays the browser's, and so does undo while one types", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Field"), chain());
  const page = await open(ADMIN, options);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  await editor.select("second", "Second");
  const title = editor.panel.getByLabel("Title");
  await title.fill("Halves");
  await title.selectText();
  await page.keyboard.press("ControlOrMeta+c");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("Halves");
  await page.keyboard.press("End");
  await page.keyboard.press("ControlOrMeta+v");
  await expect(title).toHaveValue("HalvesHalves");
  await page.keyboard.press("ControlOrMeta+z");
  await expect(title).toHaveValue("Halves");
  await expect(editor.steps.getByRole("button")).toHaveCount(4);
});

test("name, description, settings and steps are taken back after a reload, one by one", async ({ open, adminApi }) => {
  const name = unique("Renamed");
  const id = await adminApi.draft(name, chain());
  const page = await open(ADMIN, options);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  const undo = page.getByRole("button", { name: /^Undo/ });
  await editor.panel.getByLabel("Name", { exact: true }).fill(`${name}, later`);
  await editor.panel.getByLabel("Description").fill("Said in passing");
  await editor.panel.getByRole("button", { name: "Add input" }).click();
  await expect(editor.panel.getByLabel("Title").last()).toBeFocused();
  await page.keyboard.type("Tone");
  await editor.select("third", "Third");
  await page.keyboard.press("Delete");
  await expect(editor.steps.getByRole("button")).toHaveCount(3);
  await editor.expectSaved();

  await page.reload();
  await hydrated(page);
  // The input takes its key from its title once its field is left, which may come after the step is gone.
  for (let left = 2; left > 0 && (await undo.getAttribute("aria-label")) !== "Undo: Delete Third"; left -= 1) {
    await undo.click();
  }
  await expect(undo).toHaveAccessibleName("Undo: Delete Third");
  await undo.click();
  await expect(editor.steps.getByRole("button")).toHaveCount(4);
  for (let left = 10; left > 0 && (await undo.isEnabled()); left -= 1) {
    if ((await undo.getAttribute("aria-label"))?.includes("Change description")) break;
    await undo.click();
  }
  await expect(editor.panel.getByLabel("Description")).toHaveValue("Said in passing");
  await undo.click();
  await expect(editor.panel.getByLabel("Description")).toHaveValue("");
  await expect(undo).toHaveAccessibleName("Undo: Rename workflow");
  await editor.expectSaved();

  await page.reload();
  await hydrated(page);
  await undo.click();
  await expect(editor.panel.getByLabel("Name", { exact: true })).toHaveValue(name);
  await expect(undo).toBeDisabled();
  await editor.expectSaved();
  const first = await stored(adminApi, id);
  expect([first.name, first.description, Object.keys(first.definition.inputs ?? {})]).toEqual([name, "", ["text"]]);
  const redo = page.getByRole("button", { name: /^Redo/ });
  await redo.click();
  await expect(page.getByRole("heading", { name: `${name}, later`, level: 1 })).toBeAttached();
  for (let left = 10; left > 0 && (await redo.isEnabled()); left -= 1) {
    await redo.click();
  }
  await expect(editor.steps.getByRole("button")).toHaveCount(3);
});

test("what somebody else saved meanwhile is not undone by an old history", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Theirs"), chain());
  const page = await open(ADMIN, options);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  await editor.panel.getByLabel("Description").fill("Mine");
  await editor.expectSaved();
  const { draft_revision } = await adminApi.get<{ draft_revision: number }>(`/api/workflows/templates/${id}`);
  await adminApi.raw("PUT", `/api/workflows/templates/${id}`, { description: "Theirs", base_revision: draft_revision });
  await page.reload();
  await hydrated(page);
  await expect(editor.panel.getByLabel("Description")).toHaveValue("Theirs");
  await expect(page.getByRole("button", { name: "Undo", exact: true })).toBeDisabled();
});

test("a workflow is duplicated from its row and from the editor, and deleted until it is published", async ({ open, adminApi }) => {
  const name = unique("Twice");
  const id = await adminApi.draft(name, chain());
  const published = unique("Live");
  const live = await adminApi.publish(published, diamond());
  const page = await open(ADMIN, options);
  await visit(page, "/admin/workflows");
  const row = (name: string) => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
  const act = async (name: string, verb: string) => {
    await row(name).getByRole("button", { name: `Actions for ${name}` }).click();
    await page.getByRole("menuitem", { name: verb, exact: true }).click();
  };
  await act(name, "Duplicate");
  await expect(row(`${name} (copy)`)).toContainText("4");
  await act(`${name} (copy)`, "Delete");
  const dialog = page.getByRole("dialog", { name: `Delete “${name} (copy)”?` });
  await expect(dialog).toContainText("cannot be brought back");
  await dialog.getByRole("button", { name: "Delete workflow" }).click();
  await expect(page.getByText(`“${name} (copy)” is deleted`)).toBeVisible();
  await expect(row(`${name} (copy)`)).toHaveCount(0);
  await row(published).getByRole("button", { name: `Actions for ${published}` }).click();
  await expect(page.getByRole("menuitem", { name: "Delete" })).toHaveCount(0);
  await page.keyboard.press("Escape");

  await test.step("the editor duplicates what is on it, the last edit included", async () => {
    await visit(page, `/admin/workflows/${id}`);
    const editor = new EditorPage(page);
    await editor.panel.getByLabel("Description").fill("The last word");
    await page.getByRole("button", { name: "More for this workflow" }).click();
    await page.getByRole("menuitem", { name: "Duplicate workflow" }).click();
    await expect(page.getByRole("heading", { name: `${name} (copy)`, level: 1 })).toBeAttached();
    await expect(editor.panel.getByLabel("Description")).toHaveValue("The last word");
    await expect(editor.steps.getByRole("button")).toHaveCount(4);
    await page.getByRole("button", { name: "More for this workflow" }).click();
    await page.getByRole("menuitem", { name: "Delete workflow" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete workflow" }).click();
    await page.waitForURL("**/admin/workflows");
    await expect(row(name)).toHaveCount(1);
    await expect(row(`${name} (copy)`)).toHaveCount(0);
  });

  await test.step("one that was published says why it stays", async () => {
    await visit(page, `/admin/workflows/${live}`);
    await page.getByRole("button", { name: "More for this workflow" }).click();
    await expect(page.getByRole("menuitem", { name: /^Delete workflow/ })).toContainText("It was published: archive it");
  });
});

test("an agent is duplicated under a name and an id of its own, and deleted as long as nothing used it", async ({ open, adminApi, watch }) => {
  const name = unique("Spare");
  const id = name.toLowerCase().replaceAll(" ", "-");
  await adminApi.saveAgent(template(id, name, ["text"], "Say {{ text }}"));
  const page = await open(ADMIN, options);
  await visit(page, "/admin/agents");
  const row = (name: string) => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
  const act = async (name: string, verb: string) => {
    await page.getByLabel("Search agents").fill(name);
    await row(name).getByRole("button", { name: `Actions for ${name}` }).click();
    await page.getByRole("menuitem", { name: verb, exact: true }).click();
  };
  await act(name, "Duplicate");
  const form = page.locator("form").first();
  await expect(form.getByLabel("Name").first()).toHaveValue(`${name} (copy)`);
  await expect(page.locator("#f-id")).toHaveValue(`${id}-copy`);
  await expect(page.locator("#f-config-template")).toHaveValue("Say {{ text }}");
  await form.getByLabel("Name").first().fill(`${name} again`);
  await expect(page.locator("#f-id")).toHaveValue(`${id}-again`);
  await page.getByRole("button", { name: "Create agent" }).click();
  await expect(page.getByRole("heading", { name: `${name} again`, level: 1 })).toBeVisible();

  await visit(page, "/admin/agents");
  await act(`${name} again`, "Delete");
  await page.getByRole("dialog").getByRole("button", { name: "Delete agent" }).click();
  await expect(page.getByText(`“${name} again” is deleted`)).toBeVisible();
  await expect(row(`${name} again`)).toHaveCount(0);

  watch.expectRefusal({ url: /\/_fn\/delete_agent/, status: 409 });
  await act("Echo", "Delete");
  await page.getByRole("dialog").getByRole("button", { name: "Delete agent" }).click();
  await expect(page.getByText(/has a step of it|stays in the library/)).toBeVisible();
  await page.getByLabel("Search agents").fill("Echo");
  await expect(row("Echo")).toHaveCount(1);
});

test("empty workflows do not pile up, and one that was drawn in is no longer empty", async ({ open, adminApi }) => {
  const page = await open(ADMIN, options);
  const count = async () =>
    (await adminApi.get<{ name: string }[]>("/api/workflows/templates")).filter(({ name }) => name === "Untitled workflow").length;
  const begin = async () => {
    await visit(page, "/admin/workflows");
    await page.getByRole("button", { name: "New workflow" }).click();
    await page.waitForURL(/\/admin\/workflows\/[0-9a-f-]{36}$/);
    await expect(page.getByText("Drag an agent here")).toBeVisible();
    return page.url();
  };
  const first = await begin();
  const n = await count();
  expect(await begin()).toBe(first);
  expect(await begin()).toBe(first);
  expect(await count()).toBe(n);
  const editor = new EditorPage(page);
  await editor.drop("Echo", { x: 0.5, y: 0.5 });
  await editor.expectSaved();
  expect(await begin()).not.toBe(first);
  expect(await count()).toBe(n + 1);
});
