// What an admin typed and has not saved: it is there again after a link, Back, and a reload, in whatever state it was; and a type
// that was chosen stays chosen.

import type { Page } from "@playwright/test";
import { EditorPage } from "../../support/editor_page.ts";
import { ADMIN } from "../../support/people.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { echo, saveAgents, template } from "../../support/workflows.ts";

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

const BACK = "Your unsaved changes are back";

/** Each way off a page and back to it. */
const WAYS: readonly (readonly [string, (page: Page, path: string) => Promise<unknown>])[] = [
  [
    "a link",
    async (page, path) => {
      await page.getByRole("link", { name: "Users", exact: true }).click();
      await expect(page.getByRole("heading", { name: "Users", level: 1 })).toBeVisible();
      await page.getByRole("link", { name: "Agents", exact: true }).click();
      await page.locator(`a[href="${path}"]`).first().click();
    },
  ],
  [
    "Back and Forward",
    async (page) => {
      await page.goBack();
      await expect(page.getByRole("heading", { name: "Agents", level: 1 })).toBeVisible();
      await page.goForward();
    },
  ],
  ["a reload", (page) => page.reload()],
  ["another address", async (page, path) => {
    await page.goto("/dashboard");
    await page.goto(path);
  }],
];

for (const [way, leave] of WAYS) {
  test(`what was typed into an agent outlives ${way}`, async ({ open, adminApi }) => {
    const id = `e2e-unsaved-${way.toLowerCase().replaceAll(" ", "-")}`;
    await adminApi.saveAgent(template(id, "Typed into", ["text"], "{{ text }}"));
    const page = await open(ADMIN);
    await visit(page, "/admin/agents");
    const path = `/admin/agents/${id}`;
    await page.locator(`a[href="${path}"]`).first().click();
    const form = page.locator("form").first();
    await form.getByLabel("Description").first().fill("Half a sentence, and");
    await form.locator("#f-config-template").fill("{{ text");
    await form.getByRole("button", { name: "Add input" }).click();
    await form.getByLabel("Type", { exact: true }).nth(1).selectOption({ label: "JSON Schema" });
    await form.getByLabel("JSON Schema").fill('{"type": ');
    await leave(page, path);
    await expect(page.getByText(BACK)).toBeVisible();
    await expect(form.getByLabel("Description").first()).toHaveValue("Half a sentence, and");
    await expect(form.locator("#f-config-template")).toHaveValue("{{ text");
    await expect(form.getByLabel("Type", { exact: true }).nth(1)).toHaveValue("custom");
    await expect(form.getByLabel("JSON Schema")).toHaveValue('{"type": ');
    await page.getByRole("button", { name: "Discard them" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Discard changes" }).click();
    await expect(form.locator("#f-config-template")).toHaveValue("{{ text }}");
    await expect(page.getByLabel("Name").first()).toBeFocused();
    await page.reload();
    await expect(form.locator("#f-config-template")).toHaveValue("{{ text }}");
    await expect(page.getByText(BACK)).toBeHidden();
  });
}

test("Back closes a dialog, and warns first where something was typed there", async ({ open }) => {
  const page = await open(ADMIN);
  await visit(page, "/admin/users");
  await page.getByRole("link", { name: "Groups", exact: true }).click();
  const heading = page.getByRole("heading", { name: "Groups", level: 1 });
  const dialog = page.getByRole("dialog", { name: "New group" });
  const begin = async () => {
    await page.getByRole("button", { name: "New group" }).click();
    await expect(dialog).toBeVisible();
  };
  await expect(heading).toBeVisible();
  await begin();
  await page.goBack();
  await expect(dialog).toBeHidden();
  await expect(heading).toBeVisible();

  await begin();
  await dialog.getByLabel("Name").fill("Half a name");
  await page.goBack();
  await expect(dialog.getByRole("alert")).toContainText("was not sent");
  await expect(dialog.getByLabel("Name")).toHaveValue("Half a name");
  await page.goBack();
  await expect(dialog).toBeHidden();
  await expect(page).toHaveURL("/admin/groups");

  // Closed otherwise, it is no step of its own on the way back.
  await begin();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await page.goBack();
  await expect(page).toHaveURL("/admin/users");
});

test("a new agent that was begun is there again, and gone once it is made", async ({ open }) => {
  const page = await open(ADMIN);
  const name = unique("Begun");
  await visit(page, "/admin/agents/new");
  await page.getByLabel("Name").first().fill(name);
  await page.getByLabel("Prompt", { exact: true }).fill("Say {{ text }}");
  await page.getByRole("link", { name: "Dashboard" }).first().click();
  await expect(page.getByRole("heading", { name: "Your runs" })).toBeVisible();
  await page.goBack();
  await expect(page.getByText(BACK)).toBeVisible();
  await expect(page.getByLabel("Name").first()).toHaveValue(name);
  await page.getByRole("button", { name: "Create agent" }).click();
  await expect(page.getByRole("heading", { name, level: 1 })).toBeVisible();
  await expect(page.getByText(BACK)).toBeHidden();
  await visit(page, "/admin/agents/new");
  await expect(page.getByLabel("Name").first()).toHaveValue("");
});

test("after somebody else's version, only a choice between the two saves, and the page counts on from theirs", async ({ open, adminApi, watch }) => {
  watch.expectRefusal({ url: /\/_fn\/save_agent/, status: 409 });
  const agent = template("e2e-unsaved-three", "Of three", ["text"], "{{ text }}");
  await adminApi.saveAgent(agent);
  const page = await open(ADMIN);
  await visit(page, "/admin/agents/e2e-unsaved-three");
  const number = async () => Number(/\d+/.exec(await page.locator(".page-head .badge").innerText())?.[0]);
  const mine = await number();
  await page.getByLabel("Description").first().fill("Mine");
  await adminApi.saveAgent({ ...agent, description: "Theirs" });
  await page.getByRole("button", { name: `Save as version ${mine + 1}` }).click();
  await expect(page.getByText(`Somebody saved version ${mine + 1} while you were editing`)).toBeVisible();
  await expect(page.getByRole("button", { name: `Save as version ${mine + 2}` })).toBeDisabled();
  expect(await number()).toBe(mine + 1);
  await expect(page.getByRole("region", { name: "Versions" })).not.toContainText("This is the first one");
  await page.getByRole("button", { name: `Save mine as version ${mine + 2}` }).click();
  await expect(page.getByText(`Version ${mine + 2} of Of three is saved`)).toBeVisible();
  await expect(page.getByLabel("Description").first()).toHaveValue("Mine");
  expect(await number()).toBe(mine + 2);
});

test("what was typed does not go over what somebody saved meanwhile", async ({ open, adminApi }) => {
  const agent = template("e2e-unsaved-two", "Of two", ["text"], "{{ text }}");
  await adminApi.saveAgent(agent);
  const page = await open(ADMIN);
  await visit(page, "/admin/agents/e2e-unsaved-two");
  await page.getByLabel("Description").first().fill("Mine");
  await page.goto("/dashboard");
  await adminApi.saveAgent({ ...agent, description: "Theirs" });
  await visit(page, "/admin/agents/e2e-unsaved-two");
  await expect(page.getByLabel("Description").first()).toHaveValue("Mine");
  await expect(page.getByText(/^Somebody saved version \d+ while you were editing$/)).toBeVisible();
  await page.getByRole("button", { name: "Load theirs" }).click();
  await expect(page.getByLabel("Description").first()).toHaveValue("Theirs");
});

test("a dialog that is closed by accident keeps what was typed, but for the password", async ({ open }) => {
  const page = await open(ADMIN);
  await visit(page, "/admin/users");
  const dialog = page.getByRole("dialog", { name: "New user" });
  await page.getByRole("button", { name: "New user" }).click();
  await dialog.getByLabel("Email").fill("half@example.org");
  await dialog.locator("#new-password").fill("not to be kept");
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await page.getByRole("button", { name: "New user" }).click();
  await expect(dialog.getByLabel("Email")).toHaveValue("half@example.org");
  await expect(dialog.locator("#new-password")).toHaveValue("");
});

test("every type of a run input stays as it was chosen, saved and opened again", async ({ open, adminApi }) => {
  const { steps } = echo();
  const id = await adminApi.draft(unique("Of every type"), {
    inputs: { text: { title: "Your text", schema: { type: "string", format: "multiline" } } },
    steps,
  });
  const page = await open(ADMIN, { viewport: { width: 1440, height: 900 } });
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${id}`);
  const type = editor.panel.getByLabel("Type", { exact: true });
  const unfold = () => editor.panel.getByText("Your text", { exact: true }).first().click();
  await unfold();
  const words = ["Choice", "Number", "Choice", "Markdown", "List", "Object", "Whole number", "Yes or no", "Text file", "Anything", "Text", "Choice"];
  for (const word of words) {
    await type.selectOption({ label: word });
    await editor.expectSaved();
    await expect(type.locator("option:checked")).toHaveText(word);
  }
  await expect(editor.panel.getByLabel("Choices")).toHaveAccessibleDescription(/Give at least one choice/);
  await expect(page.getByRole("button", { name: "Publish", exact: true })).toBeDisabled();
  await page.reload();
  await unfold();
  await expect(type.locator("option:checked")).toHaveText("Choice");
  const problems = page.getByRole("region", { name: "Problems" });
  await problems.getByRole("button", { name: "Problems" }).click();
  await problems.getByRole("button", { name: /Give at least one choice/ }).click();
  await expect(editor.panel.getByLabel("Choices")).toBeFocused();
  await editor.panel.getByLabel("Choices").fill("formal\nplain");
  await editor.expectSaved();
  await page.reload();
  await unfold();
  await expect(editor.panel.getByLabel("Choices")).toHaveValue("formal\nplain");
});

test("what the browser stops for want of stack is told, and the edits come back to whoever made them", async ({ open, adminApi, watch }) => {
  watch.allowComplaint(/net::ERR_|Failed to fetch/);
  const id = await adminApi.draft(unique("Stopped"), { steps: echo().steps });
  const page = await open(ADMIN, { viewport: { width: 1440, height: 900 } });
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${id}`);
  await page.route("**/*", (route) => (route.request().method() === "POST" ? route.abort() : route.fallback()));
  const description = editor.panel.getByLabel("Description").first();
  await description.fill("Never sent");
  await expect(description).toHaveValue("Never sent");
  await page.evaluate(() => {
    window.dispatchEvent(new ErrorEvent("error", { error: new TypeError("of something else") }));
  });
  await expect(page.locator("#crashed")).toHaveCount(0);
  await page.evaluate(() => {
    window.dispatchEvent(new ErrorEvent("error", { error: new RangeError("Maximum call stack size exceeded") }));
  });
  await expect(page.locator("#crashed")).toContainText("Nothing is lost");
  const places = await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("weft:draft:")));
  expect(places).toEqual([expect.stringMatching(new RegExp(`^weft:draft:[0-9a-f-]{36}:${id}$`))]);
  await page.unroute("**/*");
  await page.getByRole("link", { name: "load the page again" }).click();
  await expect(description).toHaveValue("Never sent");
  await editor.expectSaved();
});
