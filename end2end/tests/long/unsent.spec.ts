// What is typed and not sent stays on this device: through Cancel, Back and a reload, for the person who typed it.

import type { Page } from "@playwright/test";
import { OTHER_USER, USER } from "../../support/people.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, hydrated, login, test, unique, visit } from "../../support/test.ts";
import { DRAFT, input, saveAgents, step, TEXT_INPUT } from "../../support/workflows.ts";

const NAME = unique("Typed and not sent");
const PASTED = `A pasted text, "quoted" <b>and</b> long.\n${"word ".repeat(20_000)}end`;

let template: string;

test.beforeAll(async ({ adminApi }) => {
  await saveAgents(adminApi);
  template = await adminApi.publish(NAME, {
    inputs: {
      text: { ...TEXT_INPUT.text, order: 1 },
      tone: { title: "Tone", schema: { type: "string" }, required: false, default: "plain", order: 2 },
      key: { title: "A key", schema: { type: "string", format: "password" }, required: false, order: 3 },
    },
    steps: { draft: { ...step("Draft it", DRAFT, input("text")), review: { mode: "always" } } },
  });
});

const text = (page: Page) => page.getByLabel("Your text");
const note = (page: Page) => page.getByText("What you typed before is back");

test("the start form gives back what was pasted, until it is sent or discarded", async ({ open }) => {
  const page = await open(USER);
  await visit(page, `/start/${template}`);
  await expect(note(page)).toHaveCount(0);
  await text(page).fill(PASTED);
  await page.getByLabel("Tone").fill("warm");
  await page.getByLabel("A key").fill("never kept");

  await test.step("after Cancel", async () => {
    await page.getByRole("link", { name: "Cancel" }).click();
    await page.waitForURL("**/dashboard");
    await page.getByRole("link", { name: "All workflows" }).click();
    await page.getByLabel("Search workflows").fill(NAME);
    await page.getByRole("link", { name: `Start ${NAME}` }).click();
    await expect(text(page)).toHaveValue(PASTED);
    await expect(page.getByLabel("Tone")).toHaveValue("warm");
    await expect(note(page)).toBeVisible();
  });

  await test.step("after a reload and after Back", async () => {
    await page.reload();
    await hydrated(page);
    await expect(text(page)).toHaveValue(PASTED);
    await page.goBack();
    await page.goForward();
    await hydrated(page);
    await expect(text(page)).toHaveValue(PASTED);
  });

  await test.step("a secret is not kept", async () => {
    await expect(page.getByLabel("A key")).toHaveValue("");
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain("never kept");
  });

  await test.step("discarded, which is asked first, the form is as at first", async () => {
    const question = page.getByRole("dialog", { name: "Discard what you typed?" });
    await page.getByRole("button", { name: "Discard" }).click();
    await question.getByRole("button", { name: "Close" }).last().click();
    await expect(text(page)).toHaveValue(PASTED);
    await page.getByRole("button", { name: "Discard" }).click();
    await question.getByRole("button", { name: "Discard" }).click();
    await expect(text(page)).toHaveValue("");
    await expect(text(page)).toBeFocused();
    await expect(page.getByLabel("Tone")).toHaveValue("plain");
    await page.reload();
    await hydrated(page);
    await expect(text(page)).toHaveValue("");
    await expect(note(page)).toHaveCount(0);
  });

  await test.step("sent, it is not offered again", async () => {
    await text(page).fill("sent");
    await page.getByRole("button", { name: "Start run" }).click();
    await page.waitForURL("**/runs/*");
    await visit(page, `/start/${template}`);
    await expect(text(page)).toHaveValue("");
    await expect(note(page)).toHaveCount(0);
  });
});

test("somebody else who signs in on the same browser sees nothing of it", async ({ open, watch }) => {
  watch.allowRefusal({ url: /\/_fn\/|\/live/, status: 401 });
  const page = await open(USER);
  await visit(page, `/start/${template}`);
  await text(page).fill("for my eyes only");
  await page.reload();
  await hydrated(page);
  await expect(text(page)).toHaveValue("for my eyes only");
  await visit(page, "/account");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/login");
  await hydrated(page);
  await login(page, OTHER_USER);
  await page.waitForURL("**/dashboard");
  await visit(page, `/start/${template}`);
  await expect(text(page)).toHaveValue("");
  await expect(note(page)).toHaveCount(0);
  expect(await page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain("for my eyes only");
});

test("too much is said to be too much, and costs nothing that is kept", async ({ open }) => {
  const page = await open(USER);
  await visit(page, `/start/${template}`);
  await text(page).fill("word ".repeat(900_000), { timeout: 60_000 });
  await expect(page.getByText("too long to be kept on this device")).toBeVisible();
  await text(page).fill("short again");
  await expect(page.getByText("too long to be kept on this device")).toHaveCount(0);
  await page.reload();
  await hydrated(page);
  await expect(text(page)).toHaveValue("short again");
  await page.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Discard" }).click();
});

test("a rejection, an edit and a prompt that are half written survive a reload", async ({ open, userApi }) => {
  const { id } = await userApi.start(template, { text: "rain" });
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await expect(run.content).toContainText("A draft of rain");
  const reject = run.dialog("Reject “Draft it”");
  const edit = run.dialog("Edit “Draft it”");
  await run.verb("Reject").click();
  await reject.getByLabel("What should be different?").fill("half a thought");
  await page.keyboard.press("Escape");
  await run.verb("Edit").click();
  await edit.getByLabel("text").fill("half a draft");
  await page.keyboard.press("Escape");
  await page.waitForTimeout(600);
  await page.reload();
  await hydrated(page);

  await run.verb("Reject").click();
  await expect(reject.getByLabel("What should be different?")).toHaveValue("half a thought");
  await expect(reject).toContainText("What you typed before is back");
  await reject.getByRole("button", { name: "Discard" }).click();
  await expect(reject.getByLabel("What should be different?")).toHaveValue("");
  await reject.getByRole("button", { name: "Undo" }).click();
  await expect(reject.getByLabel("What should be different?")).toHaveValue("half a thought");
  await reject.getByLabel("What should be different?").fill("");
  await page.keyboard.press("Escape");

  await run.verb("Edit").click();
  await expect(edit.getByLabel("text")).toHaveValue("half a draft");
  await expect(edit).toContainText("What you typed before is back");
  await run.answer("Edit “Draft it”", "Save");
  await expect(run.content).toContainText("half a draft");
  await page.reload();
  await hydrated(page);
  await run.verb("Edit").click();
  await expect(edit.getByLabel("text")).toHaveValue("half a draft");
  await expect(edit).not.toContainText("What you typed before is back");
});
