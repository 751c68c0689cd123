// A workflow is drawn, mapped, refused a circle and published by keyboard alone. With a person's own colours it can be seen, and by a finger
// everything can be hit.

import type { Page } from "@playwright/test";
import { EditorPage } from "../../support/editor_page.ts";
import { press, tabBack, tabTo } from "../../support/keyboard.ts";
import { ADMIN } from "../../support/people.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { diamond, saveAgents } from "../../support/workflows.ts";

const DESK = { viewport: { width: 1440, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

const chooser = (page: Page, question: string) => page.getByRole("combobox", { name: question });

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("by keyboard alone a fan-out and fan-in is built, mapped, refused a circle and published", async ({ open }) => {
  const name = unique("Built by keyboard");
  const page = await open(ADMIN, DESK);
  const editor = new EditorPage(page);
  const { keyboard } = page;
  await visit(page, "/admin/workflows");
  await press(page, page.getByRole("button", { name: "New workflow" }), "Enter");
  await expect(page.getByText("Drag an agent here")).toBeVisible();
  await expect(page.getByRole("region", { name: "Notifications" }), "there before its first news").toHaveCount(1);

  await test.step("its name, and what it is started with", async () => {
    await tabTo(page, editor.panel.getByLabel("Name"));
    await keyboard.press("ControlOrMeta+a");
    await keyboard.type(name);
    await expect(page.getByRole("heading", { name, level: 1 })).toBeAttached();
    await press(page, editor.panel.getByRole("button", { name: "Add input" }), "Enter");
    await expect(editor.panel.getByLabel("Title")).toBeFocused();
    await keyboard.type("Your text");
  });

  const add = async (question: string, agent: string, title: string) => {
    await keyboard.press("n");
    await expect(chooser(page, question)).toBeFocused();
    await keyboard.type(agent);
    await keyboard.press("Enter");
    await expect(editor.step(title)).toBeFocused();
  };

  await test.step("four steps: the first on the empty canvas, each other after one", async () => {
    await keyboard.press("Escape");
    await expect(editor.steps, "the canvas itself, which has no step yet").toBeFocused();
    await add("Add a step here", "e2e-echo", "Echo");
    await add("Add a step after Echo", "e2e-shout", "Shout");
    await keyboard.press("Home");
    await expect(editor.step("Echo")).toBeFocused();
    await add("Add a step after Echo", "e2e-count", "Count letters");
    await add("Add a step after Count letters", "e2e-join", "Join");
    await expect(editor.step("Join")).toHaveAccessibleName(/depends on Count letters/);
  });

  await test.step("the last line: what cannot be connected says why, a circle too", async () => {
    await keyboard.press("Home");
    await expect(editor.step("Echo")).toBeFocused();
    await keyboard.press("ArrowRight");
    await expect(editor.step("Shout").or(editor.step("Count letters")).and(page.locator(":focus"))).toHaveCount(1);
    if (!(await editor.step("Shout").evaluate((step) => step === document.activeElement))) {
      await keyboard.press("ArrowUp");
    }
    await expect(editor.step("Shout")).toBeFocused();
    await keyboard.press("c");
    await expect(chooser(page, "Connect Shout to")).toBeFocused();
    const circle = page.getByRole("option", { name: /^Echo/ });
    await expect(circle).toBeDisabled();
    await expect(circle).toContainText("This would close the cycle");
    await keyboard.type("join");
    await expect(editor.hint).toContainText("Connect Shout to Join");
    await keyboard.press("Enter");
    await expect(editor.step("Join")).toHaveAccessibleName(/depends on (Shout and Count letters|Count letters and Shout)/);
    await expect(chooser(page, "Which input of Join reads Shout?"), "two of them would take it").toBeFocused();
    await keyboard.type("left");
    await expect(page.getByRole("option", { name: /^left/ })).toHaveCount(1);
    await keyboard.press("Enter");
    await expect(editor.step("Shout")).toBeFocused();
  });

  await test.step("a line is gone to, taken away and brought back", async () => {
    const said = page.getByRole("status").filter({ hasText: "Connection from Echo to Shout, 1 of 2" });
    await keyboard.press("l");
    await expect(said).toHaveCount(1);
    await keyboard.press("Delete");
    await expect(editor.step("Shout")).not.toHaveAccessibleName(/depends on/);
    await keyboard.press("ControlOrMeta+z");
    await expect(editor.step("Shout")).toHaveAccessibleName(/depends on Echo/);
  });

  const map = async (port: string, typed: string, source: string) => {
    const field = editor.panel.getByRole("combobox", { name: `Source of ${port}` });
    await tabTo(page, field);
    await keyboard.type(typed);
    await expect(page.getByRole("option", { name: source })).toHaveCount(1);
    await keyboard.press("Enter");
    await expect(field).toHaveValue(source);
  };

  await test.step("what each reads, from the run and from the steps before", async () => {
    await keyboard.press("Home");
    await expect(editor.step("Echo")).toBeFocused();
    await keyboard.press("Enter");
    await expect(editor.panel.getByLabel("Title")).toBeFocused();
    await map("text", "Your", "Run input: Your text");
    await keyboard.press("Escape");
    await expect(editor.step("Echo"), "Escape leaves a field for the canvas").toBeFocused();
    await keyboard.press("End");
    await expect(editor.step("Join")).toBeFocused();
    await keyboard.press("Enter");
    await expect(editor.panel.getByRole("heading", { name: "Join", exact: true })).toBeVisible();
    await expect(editor.panel.getByLabel("Title")).toBeFocused();
    await expect(editor.panel.getByRole("combobox", { name: "Source of left" })).toHaveValue("Shout · text");
    await map("right", "Count", "Count letters · text");
    await expect(page.getByText("No problems").first()).toBeVisible();
  });

  await test.step("publish, and the focus is in the page again", async () => {
    await keyboard.press("Escape");
    await expect(editor.step("Join")).toBeFocused();
    const bar = page.getByRole("toolbar", { name: "Canvas" });
    await bar.getByRole("button", { name: /^Undo/ }).focus();
    await keyboard.press("ArrowRight");
    await expect(bar.getByRole("button", { name: /^Tidy up/ }), "nothing can be redone").toBeFocused();
    await keyboard.press("ArrowLeft");
    await expect(bar.getByRole("button", { name: /^Undo/ })).toBeFocused();
    await tabBack(page, page.getByRole("button", { name: "Publish", exact: true }));
    await keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Publish version 1" });
    await expect(dialog.getByLabel("What is new")).toBeFocused();
    await keyboard.type("Built without a mouse");
    const publish = dialog.getByRole("button", { name: "Publish version 1" });
    await expect(publish).toBeEnabled();
    await press(page, publish, "Enter");
    await expect(dialog).toBeHidden();
    await expect(page.getByRole("status").filter({ hasText: "Version 1 is live" })).toBeVisible();
    await expect(page.getByRole("main")).toBeFocused();
  });
});

test("with a person's own colours the canvas is drawn in these, and what is chosen is told apart", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("In own colours"), diamond());
  const page = await open(ADMIN, { ...DESK, forcedColors: "active", colorScheme: "light" });
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  await editor.nodeRect("join");
  /** How many pixels of the drawing are of these colours. */
  const pixels = (ground: string, ink: string) =>
    page.evaluate(
      ([ground, ink]) => {
        const probe = document.body.appendChild(document.createElement("span"));
        probe.style.setProperty("forced-color-adjust", "none");
        const wanted = [ground, ink].map((colour) => {
          probe.style.color = colour;
          return (/\d+, \d+, \d+/.exec(getComputedStyle(probe).color) ?? ["none"])[0];
        });
        probe.remove();
        const canvas = document.querySelector<HTMLCanvasElement>(".canvas-stage > canvas");
        if (!canvas) throw new Error("no canvas");
        // Of a copy: the browser complains of one that is read again and again.
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
        copy?.drawImage(canvas, 0, 0);
        const drawn = copy?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
        const found = [0, 0];
        for (let at = 0; at + 2 < drawn.length; at += 4) {
          const of = wanted.indexOf(`${drawn[at]}, ${drawn[at + 1]}, ${drawn[at + 2]}`);
          if (of >= 0) found[of] = (found[of] ?? 0) + 1;
        }
        return found;
      },
      [ground, ink] as const,
    );
  await expect.poll(async () => (await pixels("Canvas", "CanvasText"))[0], "the ground").toBeGreaterThan(10_000);
  await expect.poll(async () => (await pixels("Canvas", "CanvasText"))[1], "the words").toBeGreaterThan(50);
  await editor.step("Join both").focus();
  await page.keyboard.press("p");
  const pin = page.getByRole("button", { name: /^Pin:/ });
  await expect(pin).toHaveAttribute("aria-pressed", "true");
  await expect(pin).toHaveCSS("outline-style", "solid");
  // Given up while the page is open, it is drawn in ours again: our words are of no pure black.
  await page.emulateMedia({ forcedColors: "none" });
  await expect.poll(async () => (await pixels("Canvas", "CanvasText"))[1]).toBe(0);
});

test("by a finger every control of the editor is at least 44 px high", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("For fingers"), diamond());
  const page = await open(ADMIN, PHONE);
  await visit(page, `/admin/workflows/${id}`);
  const editor = new EditorPage(page);
  const expectLarge = async (where: string) => expect(await tooLow(page), where).toEqual([]);
  await editor.nodeRect("join");
  await expectLarge("the canvas");
  for (const view of ["Agents", "Steps", "Settings"]) {
    await page.getByRole("radio", { name: view, exact: true }).check();
    await expectLarge(view);
  }
  await page.getByRole("radio", { name: "Steps", exact: true }).check();
  await page.getByRole("list", { name: "Steps in the order in which they run" }).getByRole("button", { name: /^Join both/ }).click();
  await expect(editor.panel.getByRole("heading", { name: "Join both", exact: true })).toBeVisible();
  await expectLarge("the settings of a step");
});

/** What a finger can press in the window and is lower than it: of a label the whole, and with what it reaches beyond its edge. */
async function tooLow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const LEAST = 43.5;
    const controls = document.querySelectorAll<HTMLElement>("button, a[href], input, select, textarea, summary");
    const isLow = (control: HTMLElement) => {
      const target = control.matches("input[type=checkbox], input[type=radio]") ? (control.closest("label") ?? control) : control;
      const box = target.getBoundingClientRect();
      const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
      const at = (y: number) => document.elementFromPoint(x, y);
      const isHit = (y: number) => target.contains(at(y)) || control.contains(at(y));
      // What is not seen, or lies under something else, is pressed by nobody; a link in a sentence is as high as its line.
      const isShown = box.height > 1 && box.width > 1 && y > 24 && y < innerHeight - 24 && isHit(y);
      const isInText = control.matches("p a, label a");
      if (!isShown || isInText || (control as HTMLButtonElement).disabled) return false;
      return box.height < LEAST && !(isHit(y - LEAST / 2 + 1) && isHit(y + LEAST / 2 - 1));
    };
    const name = (control: HTMLElement) => control.getAttribute("aria-label") ?? control.textContent?.trim() ?? "";
    return [...controls].filter(isLow).map((control) => `${control.tagName} ${control.className} ${name(control)}`.slice(0, 90));
  });
}
