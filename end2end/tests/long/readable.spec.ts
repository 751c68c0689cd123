// The canvas is read before anything else is done with it: at eight steps and at a thousand, on a desk and on a phone.
// By real pointer, wheel, fingers and keys; what is drawn has no element, so `window.__canvas` tells where it is.

import type { Page } from "@playwright/test";
import type { Definition } from "../../support/api.ts";
import { EditorPage } from "../../support/editor_page.ts";
import { ADMIN } from "../../support/people.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { ECHO, JOIN, TEXT_INPUT, input, output, saveAgents, step } from "../../support/workflows.ts";

const DESK = { viewport: { width: 1440, height: 900 } };
const SMALL = { viewport: { width: 1024, height: 768 } };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };
/** Below it a title is too small to be read. */
const READABLE = 0.6;

const TITLES = ["Take the text", "Clean it up", "Find the names", "Find the dates", "Summarise it", "Check the facts", "Write the brief", "Ask the editor"];
const key = (n: number) => `s${String(n).padStart(4, "0")}`;

/** Eight steps of which some run side by side. */
function eight(): Definition {
  const before = [[], [0], [1], [1], [1], [2, 3], [4, 5], [6]];
  const steps = TITLES.map((title, n) => {
    const after = (before[n] ?? []).map((n) => key(n));
    return [key(n), step(title, ECHO, after[0] === undefined ? input("text") : output(after[0]), after)] as const;
  });
  return { inputs: TEXT_INPUT, steps: Object.fromEntries(steps) };
}

/** As many steps as wanted, in layers of twenty. */
function many(n: number): Definition {
  const steps = Array.from({ length: n }, (_, at) => {
    const after = at < 20 ? [] : [key(at - 20)];
    return [key(at), step(`Step ${at}`, ECHO, after[0] === undefined ? input("text") : output(after[0]), after)] as const;
  });
  return { inputs: TEXT_INPUT, steps: Object.fromEntries(steps) };
}

const made = { eight: "", run: "", sixty: "" };

test.beforeAll(async ({ adminApi }) => {
  await saveAgents(adminApi);
  made.eight = await adminApi.publish(unique("Eight steps"), eight());
  made.sixty = await adminApi.publish(unique("Sixty steps"), many(60));
  made.run = (await adminApi.start(made.eight, { text: "read me" })).id;
});

const zoom = async (editor: EditorPage) => (await editor.camera())?.zoom ?? 0;
const share = (page: Page) =>
  page.evaluate(() => (document.querySelector(".canvas-stage")?.getBoundingClientRect().width ?? 0) / window.innerWidth);

/** Which steps lie on the screen with all of their card. */
async function inView(editor: EditorPage, page: Page, n: number): Promise<string[]> {
  const stage = await page.locator(".canvas-stage").boundingBox();
  const seen: string[] = [];
  for (let at = 0; at < n; at++) {
    const box = await editor.nodeRect(key(at));
    const isInside =
      stage &&
      box.x >= stage.x &&
      box.y >= stage.y &&
      box.x + box.width <= stage.x + stage.width &&
      box.y + box.height <= stage.y + stage.height;
    if (isInside) {
      seen.push(key(at));
    }
  }
  return seen;
}

for (const [name, path] of [
  ["the editor", () => `/admin/workflows/${made.eight}`],
  ["a run", () => `/runs/${made.run}`],
] as const) {
  test(`eight steps open in ${name} so that all of them can be read, and the canvas has most of the width`, async ({ open }) => {
    const page = await open(ADMIN, DESK);
    const editor = new EditorPage(page);
    await visit(page, path());
    await editor.nodeRect(key(0));
    expect(await share(page)).toBeGreaterThanOrEqual(0.6);
    expect(await zoom(editor)).toBeGreaterThanOrEqual(0.8);
    expect(await inView(editor, page, 8)).toHaveLength(8);
  });

  for (const [where, options] of [["a small window", SMALL], ["a phone", PHONE]] as const) {
    test(`${name} lies from top to bottom in ${where}`, async ({ open }) => {
      const page = await open(ADMIN, options);
      const editor = new EditorPage(page);
      await visit(page, path());
      if (options === PHONE) {
        await page.getByRole("radio", { name: /^(Canvas|Graph)$/ }).check();
      }
      const places = [];
      for (let at = 0; at < 8; at++) {
        places.push((await editor.nodeRect(key(at))).y);
      }
      const [take, clean, names, , , check, write, ask] = places as [number, number, number, number, number, number, number, number];
      expect([take, clean, names, check, write, ask]).toEqual([take, clean, names, check, write, ask].toSorted((a, b) => a - b));
      expect(await zoom(editor)).toBeGreaterThanOrEqual(READABLE);
      expect(await inView(editor, page, 8)).toContain(key(0));
    });
  }
}

test("tidy up is one step to undo, and leaves where it is what was pinned", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Untidy"), eight());
  const page = await open(ADMIN, DESK);
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${id}`);
  const middle = async (of: string) => {
    const { x, y, width, height } = await editor.nodeRect(of);
    return { x: x + width / 2, y: y + height / 2 };
  };
  const stage = await editor.stage.boundingBox();
  const below = { x: (stage?.x ?? 0) + 200, y: (stage?.y ?? 0) + (stage?.height ?? 0) - 110 };
  await editor.drag(await middle(key(7)), below);
  await page.keyboard.press("p");
  await expect(editor.step("Ask the editor")).toHaveAccessibleName(/pinned/);
  await editor.drag(await middle(key(0)), { x: below.x + 300, y: below.y });
  const [pinned, moved] = [await editor.nodeRect(key(7)), await editor.nodeRect(key(0))];
  await page.getByRole("button", { name: /^Tidy up/ }).click();
  // Fitting moves the camera: what counts is where they stand to each other.
  await expect.poll(async () => (await editor.nodeRect(key(0))).x < (await editor.nodeRect(key(1))).x).toBe(true);
  await expect(editor.step("Ask the editor")).toHaveAccessibleName(/pinned/);
  await page.getByRole("button", { name: "Undo: Tidy up" }).click();
  const apart = (a: { x: number; y: number }, b: { x: number; y: number }, by: number) => [(a.x - b.x) / by, (a.y - b.y) / by].map(Math.round);
  const now = await zoom(editor);
  const [before, after] = [apart(pinned, moved, pinned.width), apart(await editor.nodeRect(key(7)), await editor.nodeRect(key(0)), now * 232)];
  expect(after).toEqual(before);
  await expect(page.getByRole("button", { name: /^Redo: Tidy up/ })).toBeEnabled();
});

test("fit shows the beginning where all would be too small, and the map the rest", async ({ open }) => {
  const page = await open(ADMIN, DESK);
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${made.sixty}`);
  const map = page.getByRole("button", { name: /^Map:/ });
  await expect(map).toBeVisible();
  expect(await zoom(editor)).toBeGreaterThanOrEqual(READABLE);
  const beginning = await editor.camera();
  expect(await inView(editor, page, 60)).toContain(key(0));

  await test.step("a press on it leads there", async () => {
    const box = await map.boundingBox();
    await page.mouse.click((box?.x ?? 0) + (box?.width ?? 0) * 0.8, (box?.y ?? 0) + (box?.height ?? 0) * 0.8);
    await expect.poll(async () => (await editor.camera())?.y).not.toBe(beginning?.y);
    const drawn = await map.locator("canvas").evaluate((canvas: HTMLCanvasElement) => {
      const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      return pixels.some((value, at) => at % 4 === 3 && value > 0);
    });
    expect(drawn, "something is drawn on it").toBe(true);
  });

  await test.step("arrows move what is seen, Home shows the beginning", async () => {
    await map.focus();
    const before = await editor.camera();
    await page.keyboard.press("ArrowUp");
    await expect.poll(async () => (await editor.camera())?.y).toBeLessThan(before?.y ?? 0);
    await page.keyboard.press("Home");
    await expect.poll(() => editor.camera()).toEqual(beginning);
  });

  await test.step("put away, it stays away", async () => {
    const toggle = page.getByRole("button", { name: "Map", exact: true });
    await expect(toggle).toHaveAttribute("aria-pressed", "true");
    await toggle.click();
    await expect(map).toBeHidden();
    await page.reload();
    await expect(toggle).toHaveAttribute("aria-pressed", "false");
    await expect(map).toBeHidden();
  });
});

test("a thousand steps are no tower and no line", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("A thousand"), many(1_000));
  const page = await open(ADMIN, DESK);
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${id}`);
  await editor.nodeRect(key(0));
  await page.evaluate(() => window.__canvas?.showAll());
  const boxes = [];
  for (let at = 0; at < 1_000; at += 7) {
    boxes.push(await editor.nodeRect(key(at)));
  }
  const width = Math.max(...boxes.map(({ x }) => x)) - Math.min(...boxes.map(({ x }) => x));
  const height = Math.max(...boxes.map(({ y }) => y)) - Math.min(...boxes.map(({ y }) => y));
  expect(width / height).toBeGreaterThan(0.2);
  expect(width / height).toBeLessThan(5);
});

test("a step is edited from its top, with its inputs right under the title", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Panels"), eight());
  const page = await open(ADMIN, DESK);
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${id}`);
  await editor.select(key(0), "Take the text");
  const names = await editor.panel.locator(".panel-section h3").allTextContents();
  expect(names.slice(0, 2)).toEqual(["Inputs", "Prompt"]);
  const body = editor.panel.locator(".panel-body");

  await test.step("another step begins at its top", async () => {
    await body.evaluate((element) => element.scrollTo(0, 500));
    await editor.select(key(1), "Clean it up");
    await expect.poll(() => body.evaluate((element) => element.scrollTop)).toBe(0);
  });

  await test.step("a part that is folded away stays so, for every step and after a reload", async () => {
    await editor.panel.locator("summary", { hasText: "Waits for" }).click();
    await expect(editor.panel.getByLabel("Connect an earlier step")).toBeHidden();
    await editor.select(key(2), "Find the names");
    await expect(editor.panel.getByLabel("Connect an earlier step")).toBeHidden();
    await visit(page, page.url());
    await editor.select(key(2), "Find the names");
    await expect(editor.panel.getByLabel("Connect an earlier step")).toBeHidden();
  });

  await test.step("the panel is made wider by pointer and narrower by keys, and remembers it", async () => {
    const handle = page.getByRole("separator", { name: "Resize the panel" });
    const width = async () => (await editor.panel.boundingBox())?.width ?? 0;
    await page.getByRole("button", { name: "Close the panel" }).click();
    const [before, box] = [await width(), await handle.boundingBox()];
    await editor.drag({ x: (box?.x ?? 0) + 4, y: 500 }, { x: (box?.x ?? 0) - 60, y: 500 });
    expect(await width()).toBeGreaterThan(before + 40);
    const wide = await width();
    await handle.focus();
    await page.keyboard.press("ArrowRight");
    await expect.poll(width).toBeLessThan(wide);
    const left = await width();
    await visit(page, page.url());
    await expect.poll(width).toBe(left);
    await expect(editor.palette, "the palette stays away").toBeHidden();
    await page.getByRole("button", { name: "Agents and steps" }).click();
    await expect(editor.palette.getByLabel("Search agents")).toBeFocused();
  });

  await test.step("the prompt is written as large as the window", async () => {
    await editor.select(key(2), "Find the names");
    await editor.panel.getByRole("button", { name: "Change for this step" }).click();
    await editor.panel.getByRole("button", { name: "Edit large" }).click();
    const large = page.getByRole("dialog", { name: "Prompt of Find the names" }).getByLabel("Prompt of this step");
    expect((await large.boundingBox())?.height).toBeGreaterThan(500);
    await large.fill("Names in {{ text }}");
    await page.keyboard.press("Escape");
    await expect(large).toHaveCount(0);
    await expect(editor.panel.getByLabel("Prompt of this step")).toHaveValue("Names in {{ text }}");
  });
});

test("Escape leaves a field for the canvas, where the step stays selected", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Escape"), eight());
  const page = await open(ADMIN, DESK);
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${id}`);
  await editor.select(key(0), "Take the text");
  await editor.panel.getByLabel("Title").focus();
  await page.keyboard.press("Escape");
  await expect(editor.step("Take the text")).toBeFocused();
  await expect(editor.panel.getByRole("heading", { name: "Take the text", exact: true })).toBeVisible();
});

test("the palette is in order and searched by keys alone, and what it adds has a name and a key of its own", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("By keys"), { inputs: TEXT_INPUT, steps: {} });
  const page = await open(ADMIN, DESK);
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${id}`);
  const templates = await editor.palette.getByRole("group", { name: "Templates" }).locator("strong").allTextContents();
  const names = templates.map((name) => name.toLowerCase());
  expect(names).toEqual(names.toSorted());

  const search = editor.palette.getByLabel("Search agents");
  await search.fill("count l");
  await page.keyboard.press("Enter");
  await expect(editor.step("Count letters")).toHaveCount(1);
  await search.focus();
  await page.keyboard.press("ArrowDown");
  await expect(editor.palette.getByRole("button", { name: "Add Count letters" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(editor.step("Count letters 2")).toHaveCount(1);
  await editor.nodeRect("count_letters");
  await editor.nodeRect("count_letters_2");
  await expect(editor.step("Count letters 2"), "its name is said once, and it comes after the selected one").toHaveAccessibleName(
    /^Count letters 2, Template, depends on Count letters(, |$)/,
  );

  await test.step("a new step's key follows its title", async () => {
    await editor.select("count_letters_2", "Count letters 2");
    await editor.panel.getByLabel("Title").fill("How long is it");
    await page.keyboard.press("Tab");
    await editor.nodeRect("how_long_is_it");
    await expect(editor.panel.getByRole("heading", { name: "How long is it", exact: true })).toBeVisible();
  });
});

test("problems name steps by their titles, in the order in which they run", async ({ open, adminApi }) => {
  const pair = (title: string, after: readonly string[]) => ({ title, agent_id: JOIN.id, depends_on: after, inputs: {} });
  const id = await adminApi.draft(unique("Problems"), {
    inputs: TEXT_INPUT,
    steps: { z: pair("First of all", []), m: pair("Then this", ["z"]), a: pair("Last of all", ["m"]) },
  });
  const page = await open(ADMIN, DESK);
  await visit(page, `/admin/workflows/${id}`);
  const problems = page.getByRole("region", { name: "Problems" });
  await problems.getByRole("button", { name: "Problems" }).click();
  const places = await problems.locator(".problem strong").allTextContents();
  const titles = places.map((place) => place.replace(/^(Error|Warning) in\s*/, "").trim()).filter((title) => title !== "Workflow");
  expect([...new Set(titles)]).toEqual(["First of all", "Then this", "Last of all"]);
});

test("on a phone a tap on a step leads to its settings", async ({ open }) => {
  const page = await open(ADMIN, PHONE);
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${made.eight}`);
  const { x, y, width, height } = await editor.nodeRect(key(0));
  await page.touchscreen.tap(x + width / 2, y + height / 2);
  await page.getByRole("button", { name: "Settings of Take the text" }).tap();
  await expect(editor.panel.getByLabel("Title")).toHaveValue("Take the text");
});

test("nothing is hovered when two fingers are lifted", async ({ open }) => {
  const page = await open(ADMIN, { ...PHONE, viewport: { width: 900, height: 800 } });
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${made.eight}`);
  const { x, y, width, height } = await editor.nodeRect(key(1));
  const at = { x: x + width / 2, y: y + height / 2 };
  const session = await page.context().newCDPSession(page);
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", touchPoints: { x: number; y: number; id: number }[]) =>
    session.send("Input.dispatchTouchEvent", { type, touchPoints });
  const before = await zoom(editor);
  await touch("touchStart", [{ ...at, id: 1 }]);
  await touch("touchStart", [{ ...at, id: 1 }, { x: at.x + 60, y: at.y, id: 2 }]);
  await touch("touchMove", [{ ...at, id: 1 }, { x: at.x + 120, y: at.y, id: 2 }]);
  await touch("touchEnd", [{ ...at, id: 1 }]);
  await touch("touchEnd", []);
  expect(await zoom(editor)).toBeGreaterThan(before);
  await expect(page.locator("canvas[data-canvas]")).toHaveCSS("cursor", "grab");
});

test("the menu of a row is in sight before anybody points at it", async ({ open }) => {
  const page = await open(ADMIN, DESK);
  await visit(page, "/admin/workflows");
  const menu = page.locator(".row-actions > *").first();
  await expect(menu).toBeVisible();
  await expect(menu).toHaveCSS("opacity", "1");
});

test("a run's outline and canvas tell of steps in the order of the graph", async ({ open }) => {
  const page = await open(ADMIN, DESK);
  await visit(page, `/runs/${made.run}`);
  await new RunPage(page).expectStatus("Completed");
  const outline = await page.getByRole("complementary", { name: "Steps" }).locator(".outline-item .two-lines").allTextContents();
  expect(outline[0]).toBe("Take the text");
  expect(outline.at(-1)).toBe("Ask the editor");
});
