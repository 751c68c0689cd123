// What other products were told of by those who use them: keyboards of other scripts, words that are put together, extensions and translations
// that change the page, fields that the browser fills in, and a page that is left in the middle of something.

import type { Locator, Page } from "@playwright/test";
import { EditorPage } from "../../support/editor_page.ts";
import { ADMIN, USER } from "../../support/people.ts";
import { expect, hydrated, login, test, unique, visit } from "../../support/test.ts";
import { diamond, echo, saveAgents } from "../../support/workflows.ts";

test.use({ viewport: { width: 1440, height: 900 } });

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

/** As a keyboard of another script tells of a press. */
function press(at: Locator, key: string, code: string, held: { readonly ctrlKey?: boolean } = {}): Promise<void> {
  return at.dispatchEvent("keydown", { key, code, bubbles: true, cancelable: true, ...held });
}

async function draw(page: Page, id: string): Promise<EditorPage> {
  await visit(page, `/admin/workflows/${id}`);
  return new EditorPage(page);
}

test("shortcuts work on a keyboard that writes no Latin letters", async ({ open, viewport, adminApi }) => {
  const id = await adminApi.draft(unique("Of another script"), diamond());
  const page = await open(ADMIN, { viewport });
  const editor = await draw(page, id);
  const body = page.locator("body");
  await press(body, "л", "KeyK", { ctrlKey: true });
  await expect(page.getByRole("dialog", { name: "Find" })).toBeVisible();
  await page.keyboard.press("Escape");
  await editor.step("Shout it").focus();
  await press(editor.step("Shout it"), "в", "KeyD", { ctrlKey: true });
  await expect(editor.step("Shout it 2")).toHaveCount(1);
  await press(body, "я", "KeyZ", { ctrlKey: true });
  await expect(editor.step("Shout it 2")).toHaveCount(0);
});

test("nothing behind an open question is undone", async ({ open, viewport, adminApi }) => {
  const id = await adminApi.draft(unique("Behind a question"), diamond());
  const page = await open(ADMIN, { viewport });
  const editor = await draw(page, id);
  await editor.step("Shout it").focus();
  await page.keyboard.press("ControlOrMeta+d");
  await expect(editor.step("Shout it 2")).toHaveCount(1);
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Shortcuts" });
  await expect(help).toBeVisible();
  await help.getByRole("button", { name: /single characters/ }).focus();
  await page.keyboard.press("ControlOrMeta+z");
  await page.keyboard.press("Escape");
  await expect(help).toBeHidden();
  await expect(editor.step("Shout it 2")).toHaveCount(1);
  await page.keyboard.press("ControlOrMeta+z");
  await expect(editor.step("Shout it 2")).toHaveCount(0);
});

test("Enter and Esc that put a word together are the input method's, and a press without a key is none", async ({
  open,
  viewport,
  adminApi,
}) => {
  const id = await adminApi.draft(unique("Words put together"), diamond());
  const page = await open(ADMIN, { viewport });
  const editor = await draw(page, id);
  const search = editor.palette.getByRole("searchbox");
  await search.fill("Count letters");
  await search.dispatchEvent("keydown", { key: "Enter", code: "Enter", isComposing: true, bubbles: true, cancelable: true });
  await search.dispatchEvent("keydown", { key: "Escape", code: "Escape", isComposing: true, bubbles: true, cancelable: true });
  await expect(search).toHaveValue("Count letters");
  await expect(editor.step("Count letters")).toHaveCount(0);
  await search.press("Enter");
  await expect(editor.step("Count letters")).toHaveCount(1);

  await test.step("of a list of options", async () => {
    await editor.select("join", "Join both");
    const source = editor.panel.getByRole("combobox", { name: "Source of left" });
    await source.click();
    await source.fill("Count");
    const before = await source.inputValue();
    await source.dispatchEvent("keydown", { key: "Enter", code: "Enter", isComposing: true, bubbles: true, cancelable: true });
    await expect(source).toHaveAttribute("aria-expanded", "true");
    await expect(source).toHaveValue(before);
    await source.press("Escape");
  });

  await test.step("as a browser tells of a field that it fills in", async () => {
    await editor.panel.getByLabel("Title").evaluate((field) => {
      field.dispatchEvent(new Event("keydown", { bubbles: true }));
      field.dispatchEvent(new Event("keyup", { bubbles: true }));
    });
    await page.keyboard.press("ControlOrMeta+k");
    await expect(page.getByRole("dialog", { name: "Find" })).toBeVisible();
  });
});

test("what extensions put into the page before it answers stops nothing, and stays", async ({ page }) => {
  let goOn = () => {};
  const added = new Promise<void>((resolve) => (goOn = resolve));
  await page.route(/\.wasm(\?|$)/, async (route) => {
    await added;
    await route.continue();
  });
  await page.goto("/login", { waitUntil: "domcontentloaded" });
  await page.evaluate(() => {
    const put = (name: string, beside: Element | null, where: InsertPosition) =>
      beside?.insertAdjacentElement(where, document.createElement(name));
    put("extension-bar", document.body, "afterbegin");
    put("extension-bar", document.body, "afterbegin");
    put("password-button", document.querySelector("input[type=password]"), "afterend");
    put("password-button", document.querySelector("input[type=password]"), "beforebegin");
    put("spelling-layer", document.querySelector("form"), "afterbegin");
  });
  goOn();
  await hydrated(page);
  await expect(page.locator("extension-bar")).toHaveCount(2);
  await expect(page.locator("password-button")).toHaveCount(2);
  await expect(page.locator("form > spelling-layer")).toHaveCount(1);
  await login(page, USER);
  await expect(page.getByRole("heading", { name: "Your runs" })).toBeVisible();
});

test("what the page changes is seen through a translation in place", async ({ open, viewport, adminApi }) => {
  const id = await adminApi.draft(unique("Translated"), diamond());
  const page = await open(ADMIN, { viewport });
  const editor = await draw(page, id);
  await editor.select("take", "Take the text");
  // As translators do it: each text in an element of theirs, but where the page forbids it.
  await page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts: Text[] = [];
    while (walker.nextNode()) {
      texts.push(walker.currentNode as Text);
    }
    for (const text of texts) {
      if (text.data.trim() && text.parentElement?.closest("[translate]")?.getAttribute("translate") !== "no") {
        const font = document.createElement("font");
        font.textContent = text.data;
        text.replaceWith(font);
      }
    }
  });
  await editor.panel.getByLabel("Title").fill("Take what was translated");
  await expect(editor.panel.getByRole("heading", { name: "Take what was translated", exact: true })).toBeVisible();
  await editor.expectSaved();
});

test("what a browser restores of an earlier visit goes over nothing that was saved since", async ({ open, viewport, adminApi }) => {
  const id = await adminApi.draft(unique("Gone back to"), { steps: echo().steps });
  const page = await open(ADMIN, { viewport });
  const editor = await draw(page, id);
  const description = editor.panel.getByLabel("Description").first();
  await description.fill("Before");
  await editor.expectSaved();
  await page.goto("/dashboard");
  const path = `/api/workflows/templates/${id}`;
  const { draft_revision } = await adminApi.get<{ draft_revision: number }>(path);
  const saved = await adminApi.raw("PUT", path, { description: "Since", base_revision: draft_revision });
  expect(saved.ok()).toBe(true);
  await page.goBack();
  await hydrated(page);
  await expect(description).toHaveValue("Since");
  await editor.expectSaved();
  expect(await adminApi.get(path)).toMatchObject({ description: "Since" });
});

test("a page that was asked for before the last save came shows what was saved", async ({ open, viewport, adminApi, watch }) => {
  // The browser does not know where a page came from that the test hands it, and lets it open no socket to this machine.
  watch.allowComplaint(/ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS/);
  const id = await adminApi.draft(unique("Saved while a page came"), { steps: echo().steps });
  const page = await open(ADMIN, { viewport });
  const editor = await draw(page, id);
  const description = editor.panel.getByLabel("Description").first();
  let goOn = () => {};
  const drawn = new Promise<void>((resolve) => (goOn = resolve));
  await page.route("**/_fn/save_draft*", async (route) => {
    await drawn;
    await route.continue();
  });
  const asked = page.waitForRequest("**/_fn/save_draft*");
  await description.fill("Just in time");
  await asked;
  // The server draws the next page, then takes the save, and only then does the page come.
  await page.route(`**/admin/workflows/${id}`, async (route) => {
    const answer = await route.fetch();
    const taken = page.waitForResponse("**/_fn/save_draft*");
    goOn();
    await taken;
    // For the page that is left to note it: it cannot be asked any more.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await route.fulfill({ response: answer });
  });
  await page.reload();
  await hydrated(page);
  await expect(description).toHaveValue("Just in time");
  await editor.expectSaved();
  await expect(page.locator("#crashed")).toHaveCount(0);
});

test("a page that is left while a note is written on it goes without a word", async ({ open, viewport, adminApi }) => {
  const name = unique("Left in the middle");
  const id = await adminApi.draft(name, diamond());
  const page = await open(ADMIN, { viewport });
  await visit(page, "/admin/workflows");
  await page.locator(`a[href="/admin/workflows/${id}"]`).first().click();
  const editor = new EditorPage(page);
  await editor.step("Take the text").focus();
  await page.keyboard.press("t");
  const text = page.getByRole("textbox", { name: "Text of the note, in Markdown" });
  await expect(text).toBeFocused();
  await text.fill("Half a sentence, and");
  await page.goBack();
  await expect(page.getByRole("heading", { name: "Workflows", level: 1 })).toBeVisible();
  await expect(page.locator("#crashed")).toHaveCount(0);
  await page.keyboard.press("ControlOrMeta+k");
  await expect(page.getByRole("dialog", { name: "Find" })).toBeVisible();
});
