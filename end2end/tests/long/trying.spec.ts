// A draft is tried before it is published: one step, up to a step, and all of it; on values that are made up, seen last or
// pinned; with its gates answered in place. An agent is tried before it is saved, and beside what is saved.

import type { Page } from "@playwright/test";
import type { Api } from "../../support/api.ts";
import { EditorPage } from "../../support/editor_page.ts";
import { ADMIN } from "../../support/people.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { ECHO, SHOUT, TEXT_INPUT, input, output, saveAgents, step, template } from "../../support/workflows.ts";

const WIDE = { viewport: { width: 1440, height: 900 } };

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

/** Take -> shout -> send, where the last one acts outside. Nobody has published it. */
async function draft(admin: Api): Promise<string> {
  const { id } = await admin.post<{ id: string }>("/api/workflows/templates", {
    name: unique("Tried before"),
    definition: {
      inputs: TEXT_INPUT,
      steps: {
        take: { ...step("Take it", ECHO, input("text")), ui: { x: 0, y: 0 } },
        shout: { ...step("Shout it", SHOUT, output("take"), ["take"]), ui: { x: 320, y: 0 } },
        send: { ...step("Send it", ECHO, output("shout"), ["shout"]), side_effects: "external", ui: { x: 640, y: 0 } },
      },
    },
  });
  return id;
}

const section = (editor: EditorPage) => editor.panel.getByRole("region", { name: "Try", exact: true });

async function openEditor(page: Page, id: string): Promise<EditorPage> {
  await visit(page, `/admin/workflows/${id}`);
  return new EditorPage(page);
}

test("a step is run alone, on a value that is made up, and then up to it, on values that were seen", async ({ open, adminApi }) => {
  const id = await draft(adminApi);
  const page = await open(ADMIN, WIDE);
  const editor = await openEditor(page, id);
  await editor.select("shout", "Shout it");
  const panel = section(editor);
  await expect(panel.getByLabel("text")).toHaveValue("Sample of text");
  await panel.getByLabel("text").fill("by hand");
  await panel.getByRole("button", { name: "Run this step" }).click();
  await expect(panel.getByText("Completed")).toBeVisible();
  await expect(panel.locator(".test-run")).toContainText("BY HAND");
  await expect(panel.getByText("Last output")).toBeVisible();

  await test.step("what is changed is saved first, and tried as it is then", async () => {
    await editor.panel.getByRole("button", { name: "Change for this step" }).click();
    await editor.panel.getByRole("textbox", { name: /^Prompt/ }).first().fill("{{ text | upper }}!");
    await panel.getByRole("button", { name: "Run this step" }).click();
    await expect(panel.locator(".test-run")).toContainText("BY HAND!");
  });

  await test.step("up to here asks for the inputs of the workflow alone", async () => {
    await panel.getByRole("button", { name: "Run up to here" }).click();
    const dialog = page.getByRole("dialog", { name: "Try up to Shout it" });
    await dialog.getByLabel("Your text").fill("from the start");
    await dialog.getByRole("button", { name: "Run it" }).click();
    await expect(dialog).toBeHidden();
    await expect(panel.locator(".test-run")).toContainText("FROM THE START!");
  });

  await test.step("the value that came last stands beside the input", async () => {
    await expect(editor.panel.getByRole("region", { name: "Inputs" })).toContainText("Last try: from the start");
  });

  await test.step("a pinned output takes the place of running the step", async () => {
    await editor.select("take", "Take it");
    await section(editor).getByRole("button", { name: "Pin output text" }).click();
    await expect(section(editor).getByRole("button", { name: "Unpin output text" })).toBeVisible();
    await visit(page, page.url());
    await editor.select("shout", "Shout it");
    await section(editor).getByRole("button", { name: "Run up to here" }).click();
    const dialog = page.getByRole("dialog", { name: "Try up to Shout it" });
    await expect(dialog).toContainText("It needs no inputs");
    await dialog.getByRole("button", { name: "Run it" }).click();
    await expect(section(editor).locator(".test-run")).toContainText("FROM THE START!");
  });

  await test.step("nothing was published, and no list holds a try", async () => {
    await visit(page, "/dashboard");
    await expect(page.getByText("Tried before")).toHaveCount(0);
    const kept = await adminApi.get<{ published_version: number | null }>(`/api/workflows/templates/${id}`);
    expect(kept.published_version).toBeNull();
  });
});

test("the whole draft asks before it acts outside, and is followed step by step", async ({ open, adminApi, watch }) => {
  watch.expectRefusal({ url: /\/_fn\/try_draft$/, status: 409 });
  const page = await open(ADMIN, WIDE);
  const editor = await openEditor(page, await draft(adminApi));
  await page.getByRole("button", { name: "Try the draft" }).click();
  const dialog = page.getByRole("dialog", { name: "Try the draft" });
  await dialog.getByLabel("Your text").fill("all of it");
  await dialog.getByRole("button", { name: "Run it" }).click();
  const question = page.getByRole("dialog", { name: "Let it act on the world outside?" });
  await expect(question).toContainText("“Send it” acts on the world outside");
  await question.getByRole("button", { name: "Try it all the same" }).click();
  const last = editor.panel.getByRole("region", { name: "Last try" });
  await expect(last.getByText("Completed")).toHaveCount(3);
  await last.getByRole("button", { name: "Send it" }).click();
  await expect(section(editor).locator(".test-run")).toContainText("ALL OF IT");
  await section(editor).getByRole("link", { name: "Open the run" }).click();
  await expect(page.getByText("Try", { exact: true })).toBeVisible();
});

test("a gate of a try is answered beside the step, whomever the step asks in a run", async ({ open, adminApi }) => {
  const { id } = await adminApi.post<{ id: string }>("/api/workflows/templates", {
    name: unique("Tried at a gate"),
    definition: {
      inputs: TEXT_INPUT,
      steps: {
        look: {
          ...step("Look at it", SHOUT, input("text")),
          review: { mode: "always", assignees: { users: ["nobody@example.org"] }, quorum: 2 },
          ui: { x: 0, y: 0 },
        },
      },
    },
  });
  const page = await open(ADMIN, WIDE);
  const editor = await openEditor(page, id);
  await editor.select("look", "Look at it");
  await section(editor).getByLabel("text").fill("seen");
  await section(editor).getByRole("button", { name: "Run this step" }).click();
  await expect(section(editor)).toContainText("It waits for somebody to look at this");
  await expect(editor.step("Look at it")).toHaveAccessibleName(/, last try awaiting review/);
  await section(editor).getByRole("button", { name: "Continue" }).click();
  await expect(section(editor).locator(".test-run").getByText("Completed")).toBeVisible();

  await test.step("the canvas says how the step stands, until the try is put away", async () => {
    const look = editor.step("Look at it");
    await expect(look).toHaveAccessibleName(/, last try completed, took [\d.]+ /);
    await look.focus();
    await page.keyboard.press("Escape");
    await editor.panel.getByRole("region", { name: "Last try" }).getByRole("button", { name: "Put it away" }).focus();
    await page.keyboard.press("Enter");
    await expect(editor.panel.getByRole("heading", { level: 2 }), "the button is gone").toBeFocused();
    await expect(look).not.toHaveAccessibleName(/last try/);
  });
});

test("what is wrong with a step is said before it runs, and what is wrong elsewhere is no matter", async ({ open, adminApi, watch }) => {
  watch.expectRefusal({ url: /\/_fn\/try_draft$/, status: 422 });
  const { id } = await adminApi.post<{ id: string }>("/api/workflows/templates", {
    name: unique("Tried half drawn"),
    definition: {
      inputs: TEXT_INPUT,
      steps: {
        fine: { ...step("Fine", ECHO, input("text")), ui: { x: 0, y: 0 } },
        broken: { title: "Broken", agent_id: "nobody-made-it", ui: { x: 320, y: 0 } },
      },
    },
  });
  const page = await open(ADMIN, WIDE);
  const editor = await openEditor(page, id);
  await editor.select("fine", "Fine");
  await section(editor).getByRole("button", { name: "Run this step" }).click();
  await expect(section(editor).locator(".test-run").getByText("Completed")).toBeVisible();
  await editor.select("broken", "Broken");
  await section(editor).getByRole("button", { name: "Run this step" }).click();
  await expect(section(editor).getByRole("alert")).toContainText("problems that keep it from running");
  await expect(section(editor)).toContainText("Broken:");
});

test("an agent is tested before it is saved, and a changed one beside the saved version", async ({ open, adminApi }) => {
  const page = await open(ADMIN, WIDE);
  const name = unique("Whisper");
  const agent = { ...template("e2e-whisper", name, ["text"], "{{ text | lower }}"), id: `e2e-w${Date.now()}` };
  await visit(page, "/admin/agents/new");
  const test_ = page.getByRole("region", { name: "Test" });
  await expect(test_).toContainText("before the first save");

  await adminApi.saveAgent(agent);
  await visit(page, `/admin/agents/${agent.id}`);
  await test_.getByLabel("text").fill("Side By Side");
  await page.getByRole("textbox", { name: "Template" }).fill("{{ text | upper }}");
  await expect(test_).toContainText("As it is typed, beside version 1");
  await test_.getByRole("button", { name: "Run test" }).click();
  await expect(test_.getByRole("region", { name: "As it is typed" })).toContainText("SIDE BY SIDE");
  await expect(test_.getByRole("region", { name: "Version 1" })).toContainText("side by side");
  const kept = await adminApi.get<{ version: number }>(`/api/agents/${agent.id}`);
  expect(kept.version).toBe(1);
});

test("a human agent shows its form in a test, and the answer is its output", async ({ open, adminApi }) => {
  const id = `e2e-ask${Date.now()}`;
  await adminApi.saveAgent({
    id,
    name: unique("Ask somebody"),
    inputs: [{ name: "text", schema: { type: "string" }, required: true }],
    outputs: [{ name: "answer", schema: { type: "string" } }],
    config: { kind: "human", instructions: "What do you say to {{ text }}?" },
  });
  const page = await open(ADMIN, WIDE);
  await visit(page, `/admin/agents/${id}`);
  const test_ = page.getByRole("region", { name: "Test" });
  await test_.getByLabel("text").fill("this");
  await test_.getByRole("button", { name: "Run test" }).click();
  const form = test_.getByRole("region", { name: "Your answer" });
  await expect(form).toContainText("What do you say to this?");
  await form.getByLabel("answer").fill("Fine by me");
  await form.getByRole("button", { name: "Send answer" }).click();
  await expect(test_.locator(".test-run")).toContainText("Fine by me");
});
