// An admin draws a workflow: agents dragged onto the canvas, lines drawn from port to port, inputs mapped, a cycle
// refused, everything undone and redone, published and run. Real mouse, real keyboard.

import { ADMIN, USER } from "../support/people.ts";
import { EditorPage } from "../support/editor_page.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { diamond, saveAgents } from "../support/workflows.ts";

// Three columns of steps beside the palette and the panel.
test.use({ viewport: { width: 1800, height: 1000 } });

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("a fan-out and fan-in of four steps is drawn, mapped, published and run", async ({ open, viewport }) => {
  const name = unique("Drawn by hand");
  const page = await open(ADMIN, { viewport });
  const editor = new EditorPage(page);
  await visit(page, "/admin/workflows");
  await page.getByRole("button", { name: "New workflow" }).click();
  await expect(page.getByText("Drag an agent here")).toBeVisible();

  await test.step("name it, and ask for a text to start with", async () => {
    await editor.panel.getByLabel("Name").fill(name);
    await editor.panel.getByRole("button", { name: "Add input" }).click();
    await expect(editor.panel.getByLabel("Title")).toBeFocused();
    await page.keyboard.type("Your text");
    await expect(page.getByRole("heading", { name, level: 1 })).toBeAttached();
  });

  await test.step("drag four agents onto the canvas", async () => {
    await editor.drop("Echo", { x: 0.2, y: 0.45 });
    await editor.drop("Shout", { x: 0.5, y: 0.25 });
    await editor.drop("Count letters", { x: 0.5, y: 0.65 });
    await editor.drop("Join", { x: 0.8, y: 0.45 });
    await expect(page.getByText("Drag an agent here")).toBeHidden();
    await expect(editor.steps.getByRole("button")).toHaveCount(4);
  });

  await test.step("draw the lines from port to port", async () => {
    await editor.connect("echo", "shout");
    await editor.connect("echo", "count_letters");
    await editor.connect("shout", "join");
    // Two inputs would take it: they are mapped below.
    await expect(page.getByRole("combobox", { name: "Which input of Join reads Shout?" })).toBeFocused();
    await page.keyboard.press("Escape");
    await editor.connect("count_letters", "join");
    await expect(page.getByRole("combobox", { name: "Which input of Join reads Count letters?" })).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(editor.step("Echo")).toHaveAccessibleName(/feeds (Shout and Count letters|Count letters and Shout)/);
    await expect(editor.step("Join")).toHaveAccessibleName(
      /depends on (Shout and Count letters|Count letters and Shout)/,
    );
  });

  await test.step("a line maps the one input that it can be for", async () => {
    for (const [key, title] of [["shout", "Shout"], ["count_letters", "Count letters"]] as const) {
      await editor.select(key, title);
      await expect(editor.panel.getByRole("combobox", { name: "Source of text" })).toHaveValue("Echo · text");
    }
    await page.keyboard.press("Escape");
  });

  await test.step("a line that would close a cycle is refused, with the reason", async () => {
    await editor.connect("join", "echo");
    await expect(editor.hint).toContainText("This would close the cycle");
    await expect(editor.hint).toContainText("Echo > ");
    await expect(editor.step("Echo")).not.toHaveAccessibleName(/depends on/);
    await editor.connect("echo", "shout");
    await expect(editor.hint).toContainText("“Shout” already depends on “Echo”");
  });

  await test.step("what is missing is listed, and leads to its field", async () => {
    await expect(page.getByRole("button", { name: "Publish" })).toBeDisabled();
    const problems = page.getByRole("region", { name: "Problems" });
    await problems.getByRole("button", { name: "Problems" }).click();
    const missing = problems.getByRole("button", { name: /Error in Join/ });
    await expect(missing).toHaveCount(2);
    await missing.first().click();
    await expect(editor.panel.getByRole("combobox", { name: /^Source of (left|right)$/ }).and(page.locator(":focus"))).toHaveCount(1);
    await page.keyboard.press("Escape");
    await problems.getByRole("button", { name: "Problems" }).click();
  });

  await test.step("map the inputs from the artifacts of the steps before", async () => {
    await editor.select("echo", "Echo");
    await editor.map("text", "Run input: Your text");
    await editor.select("join", "Join");
    await editor.map("left", "Shout · text");
    await editor.map("right", "Count letters · text");
    await expect(page.getByText("No problems").first()).toBeVisible();
  });

  await test.step("undo and redo, by button and by key", async () => {
    await page.getByRole("button", { name: /^Undo: Map input/ }).click();
    await expect(page.getByText("1 error", { exact: true })).toBeVisible();
    await page.getByRole("button", { name: /^Redo: Map input/ }).click();
    await expect(page.getByText("No problems").first()).toBeVisible();
    await editor.select("count_letters", "Count letters");
    await page.keyboard.press("Delete");
    await expect(editor.step("Count letters")).toHaveCount(0);
    await page.keyboard.press("ControlOrMeta+z");
    await expect(editor.step("Join")).toHaveAccessibleName(/depends on .*Count letters/);
    await page.keyboard.press("ControlOrMeta+Shift+z");
    await expect(editor.step("Count letters")).toHaveCount(0);
    await page.keyboard.press("ControlOrMeta+z");
    await expect(editor.steps.getByRole("button")).toHaveCount(4);
    await expect(page.getByText("No problems").first()).toBeVisible();
  });

  await test.step("it saves itself: a reload shows the same", async () => {
    await editor.expectSaved();
    await visit(page, page.url());
    await expect(editor.steps.getByRole("button")).toHaveCount(4);
    await editor.select("join", "Join");
    await expect(editor.panel.getByRole("combobox", { name: "Source of left" })).toHaveValue("Shout · text");
  });

  await test.step("publish, which says what it is", async () => {
    await page.getByRole("button", { name: "Publish" }).click();
    const dialog = page.getByRole("dialog", { name: "Publish version 1" });
    await expect(dialog).toContainText("The first version: 4 steps");
    await dialog.getByRole("button", { name: "Publish version 1" }).click();
    await expect(page.getByText("Version 1 is live", { exact: true })).toBeVisible();
    await expect(page.getByRole("button", { name: "Publish" })).toBeDisabled();
  });

  await test.step("a user starts what was drawn", async () => {
    const theirs = await open(USER);
    await visit(theirs, "/workflows");
    await theirs.getByRole("link", { name: `Start ${name}` }).click();
    await theirs.getByLabel("Your text").fill("drawn");
    await theirs.getByRole("button", { name: "Start run" }).click();
    await theirs.waitForURL("**/runs/*");
    const run = new RunPage(theirs);
    await run.expectStatus("Completed");
    await run.choose("Join");
    await expect(run.content).toContainText("DRAWN / 5 letters");
  });
});

test("steps are moved, and the view is panned, zoomed and fitted", async ({ open, viewport, adminApi }) => {
  const id = await adminApi.draft(unique("Moved about"), diamond());
  const page = await open(ADMIN, { viewport });
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${id}`);
  const before = await editor.nodeRect("join");

  await test.step("a step follows the mouse, and goes back by undo", async () => {
    const middle = { x: before.x + before.width / 2, y: before.y + before.height / 2 };
    await editor.drag(middle, { x: middle.x, y: middle.y + 160 });
    await expect.poll(async () => (await editor.nodeRect("join")).y - before.y).toBeGreaterThan(100);
    await page.keyboard.press("ControlOrMeta+z");
    await expect.poll(async () => Math.abs((await editor.nodeRect("join")).y - before.y)).toBeLessThan(2);
  });

  await test.step("zoom goes to the pointer", async () => {
    const [x, y] = [before.x + 20, before.y + 20];
    const zoom = (await editor.camera())?.zoom ?? 1;
    await page.mouse.move(x, y);
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -240);
    await page.keyboard.up("Control");
    await expect.poll(async () => (await editor.camera())?.zoom).toBeGreaterThan(zoom * 1.1);
    const now = await editor.nodeRect("join");
    const scale = now.width / before.width;
    expect(Math.abs(now.x + 20 * scale - x)).toBeLessThan(3);
    expect(Math.abs(now.y + 20 * scale - y)).toBeLessThan(3);
  });

  await test.step("the wheel pans, and Fit shows everything again", async () => {
    const start = await editor.nodeRect("take");
    await page.mouse.wheel(300, 0);
    await expect.poll(async () => (await editor.nodeRect("take")).x).toBeLessThan(start.x - 200);
    await page.getByRole("button", { name: "Fit" }).click();
    const stage = await editor.stage.boundingBox();
    for (const key of ["take", "shout", "count", "join"]) {
      await expect
        .poll(async () => {
          const node = await editor.nodeRect(key);
          return !!stage && node.x >= stage.x && node.x + node.width <= stage.x + stage.width;
        })
        .toBe(true);
    }
  });
});

test("a session that ends while one draws loses nothing", async ({ open, viewport, adminApi, watch }) => {
  watch.allowRefusal({ url: /\/_fn\/|\/live/, status: 401 });
  const id = await adminApi.draft(unique("Drawn through the end of a session"), diamond());
  const page = await open(ADMIN, { viewport });
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${id}`);
  await editor.select("join", "Join both");
  // What is drawn is on its way when the session ends, of which the page is told at once.
  let goOn = () => {};
  const ended = new Promise<void>((resolve) => (goOn = resolve));
  await page.route("**/_fn/save_draft*", async (route) => {
    await ended;
    await route.continue();
  });
  await editor.panel.getByLabel("Title").fill("Joined without a session");
  await adminApi.endOtherSessions();
  goOn();
  const dialog = page.getByRole("dialog", { name: "Sign in again" });
  await expect(dialog).toBeVisible();
  await expect(page.getByText(/^Signed out: \d+ edits? kept here$/)).toBeVisible();
  await dialog.getByLabel("Password").fill(ADMIN.password);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await expect(dialog).toBeHidden();
  await editor.expectSaved();
  await expect(editor.panel.getByLabel("Title")).toHaveValue("Joined without a session");
  await visit(page, page.url());
  await expect(editor.step("Joined without a session")).toHaveCount(1);
});

test("two admins at one draft: what both did is merged, and where both changed one field a person chooses", async ({
  open,
  viewport,
  adminApi,
  watch,
}) => {
  watch.expectRefusal({ url: /\/_fn\/save_draft/, status: 409 });
  const id = await adminApi.draft(unique("Drawn by two"), diamond());
  const mine = await open(ADMIN, { viewport });
  const theirs = await open(ADMIN, { viewport });
  for (const page of [mine, theirs]) {
    await visit(page, `/admin/workflows/${id}`);
  }
  const editor = new EditorPage(theirs);
  await editor.select("join", "Join both");
  await editor.panel.getByLabel("Title").fill("Theirs");
  await editor.expectSaved();
  const own = new EditorPage(mine);
  await own.select("take", "Take the text");
  await own.panel.getByLabel("Title").fill("Mine");

  await test.step("different fields: both are in the draft, here and on the server", async () => {
    await expect(own.step("Theirs")).toHaveCount(1);
    await expect(own.panel.getByLabel("Title")).toHaveValue("Mine");
    await own.expectSaved();
    await visit(theirs, theirs.url());
    await expect(editor.step("Mine")).toHaveCount(1);
    await expect(editor.step("Theirs")).toHaveCount(1);
  });

  await test.step("one field: both values stand side by side, and what is chosen is one step back", async () => {
    await own.panel.getByLabel("Title").fill("Mine again");
    await own.expectSaved();
    await editor.select("take", "Mine");
    await editor.panel.getByLabel("Title").fill("Theirs too");
    await theirs.getByRole("button", { name: "Decide…" }).click();
    const dialog = theirs.getByRole("dialog", { name: "You and somebody else changed the same" });
    const field = dialog.getByRole("group", { name: /: Title$/ });
    await expect(field.getByRole("radio", { name: /Theirs too/ })).toBeVisible();
    await expect(dialog.getByRole("button", { name: "Save both together" })).toBeDisabled();
    await field.getByRole("radio", { name: /Mine again/ }).check();
    await dialog.getByRole("button", { name: "Save both together" }).click();
    await expect(dialog).toBeHidden();
    await expect(editor.panel.getByLabel("Title")).toHaveValue("Mine again");
    await editor.expectSaved();
    await theirs.getByRole("button", { name: /^Undo: Take in the changes of others/ }).click();
    await expect(editor.panel.getByLabel("Title")).toHaveValue("Theirs too");
  });
});
