// Whom a gate asks, what a start starts, and how far a run is: what an author and a starter are told must be so.

import { EditorPage } from "../../support/editor_page.ts";
import { InboxPage } from "../../support/inbox_page.ts";
import { ADMIN, OTHER_USER, USER } from "../../support/people.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, hydrated, test, unique, visit } from "../../support/test.ts";
import { diamond, ECHO, echo, input, saveAgents, sections, step, TEXT_INPUT } from "../../support/workflows.ts";

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

const asking = (...users: string[]) => ({
  inputs: TEXT_INPUT,
  steps: { echo: { ...step("Echo it", ECHO, input("text")), review: { mode: "always", assignees: { users } }, ui: { x: 0, y: 0 } } },
});

test("an assignee who does not exist is told at the field and in the way of publishing, and another is found", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Asks nobody"), asking("nobody@example.com"));
  const refused = await adminApi.raw("POST", `/api/workflows/templates/${id}/publish`);
  expect(refused.status()).toBe(422);
  expect(await refused.text()).toContain("nobody@example.com");
  const page = await open(ADMIN, { viewport: { width: 1440, height: 900 } });
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${id}`);
  await expect(page.getByRole("button", { name: "Publish", exact: true })).toBeDisabled();
  const problems = page.getByRole("region", { name: "Problems" });
  await problems.getByRole("button", { name: "Problems" }).click();
  await problems.getByRole("button", { name: /Nobody has an account with the email/ }).click();
  await expect(editor.panel.getByRole("list", { name: "People who are asked" })).toContainText("No account");
  const who = editor.panel.getByRole("combobox", { name: /^Ask somebody by name/ });
  await expect(who).toHaveAccessibleDescription(/Nobody has an account with the email/);
  await editor.panel.getByRole("button", { name: "Do not ask nobody@example.com" }).click();
  await test.step("what is nobody stays, with a word why, on Tab as on Enter", async () => {
    for (const key of ["Tab", "Enter"]) {
      await who.fill("nobody@example.com");
      await expect(page.getByRole("status").filter({ hasText: "Nobody's email matches" })).toBeVisible();
      await who.press(key);
      await expect(who).toHaveValue("nobody@example.com");
      await expect(who).toHaveAccessibleDescription(/Nobody has an account with the email/);
    }
  });
  await who.click();
  await who.fill("other");
  await page.getByRole("option", { name: OTHER_USER.email }).click();
  await expect(editor.panel.getByRole("list", { name: "People who are asked" })).toContainText(OTHER_USER.email);
  await expect(who).toHaveValue("");
  await editor.expectSaved();
  await expect(page.getByRole("button", { name: "Publish", exact: true })).toBeEnabled();
});

test("the key of a run input follows its title until somebody knows it by the key", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Named by its title"), { inputs: {}, steps: {} });
  const page = await open(ADMIN, { viewport: { width: 1440, height: 900 } });
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${id}`);
  const add = editor.panel.getByRole("button", { name: "Add input" });
  await add.click();
  await expect(editor.panel.getByLabel("Title")).toBeFocused();
  await page.keyboard.type("Tone of the text");
  await expect(editor.panel.getByLabel("Key", { exact: true })).toHaveValue("input_1");
  await editor.panel.getByRole("heading", { name: "Workflow" }).click();
  await expect(editor.panel.getByLabel("Key", { exact: true })).toHaveValue("tone_of_the_text");
  await editor.panel.getByLabel("Type", { exact: true }).selectOption({ label: "Choice" });
  await expect(editor.panel.locator("#f-inputs .fold summary code")).toHaveText("choice");
  await editor.panel.getByLabel("Choices").fill("plain\nplain");
  await expect(editor.panel.getByLabel("Choices")).toHaveAccessibleDescription(/“plain” stands there twice/);
  await editor.expectSaved();
  const { definition } = await adminApi.get<{ definition: { inputs: object } }>(`/api/workflows/templates/${id}`);
  expect(Object.keys(definition.inputs)).toEqual(["tone_of_the_text"]);
});

test("a reviewer who was disabled since is told before the start, to admins", async ({ open, adminApi }) => {
  const email = `${unique("leaver").replace(" ", "-")}@example.com`;
  const user = await adminApi.post<{ id: string }>("/_fn/create_user", { email, role: "user", password: "a long enough password" });
  const id = await adminApi.publish(unique("Asks a leaver"), asking(email));
  await adminApi.post("/_fn/set_user_disabled", { id: user.id, is_disabled: true });
  const page = await open(ADMIN);
  await visit(page, `/start/${id}`);
  await expect(page.getByText(`The account of ${email} is disabled`)).toBeVisible();
  const other = await open(USER);
  await visit(other, `/start/${id}`);
  await expect(other.getByText(email)).toHaveCount(0);
});

test("what waits for whoever is asked appears by itself, and leaves when somebody else decides", async ({ open, adminApi, userApi }) => {
  const name = unique("Asked while looking");
  const template = await adminApi.publish(name, asking(OTHER_USER.email, ADMIN.email));
  const inbox = new InboxPage(await open(OTHER_USER));
  await inbox.visit(name);
  const { id } = await userApi.start(template, { text: "please look" });
  const row = inbox.rows(name);
  await expect(row).toBeVisible();
  await adminApi.post(`/api/workflows/runs/${id}/steps/echo/continue`, {});
  await expect(row).toHaveCount(0);
});

test("the start says which version it starts, and that the draft is another", async ({ open, watch, adminApi }) => {
  const id = await adminApi.publish(unique("In two versions"), echo());
  const [admin, user] = [await open(ADMIN), await open(USER)];
  await visit(admin, `/start/${id}`);
  await expect(admin.getByText(/^Version 1, published/)).toBeVisible();
  await expect(admin.getByText("without the changes of the draft")).toBeHidden();
  const { draft_revision } = await adminApi.get<{ draft_revision: number }>(`/api/workflows/templates/${id}`);
  const changed = await adminApi.raw("PUT", `/api/workflows/templates/${id}`, { definition: diamond(), base_revision: draft_revision });
  expect(changed.ok(), await changed.text()).toBe(true);
  await admin.reload();
  await expect(admin.getByText("This starts version 1, without the changes of the draft")).toBeVisible();
  await admin.getByRole("link", { name: "Open the editor" }).click();
  const start = admin.getByRole("link", { name: "Start version 1" });
  await expect(start).toBeVisible();
  await expect(admin.getByText("Starts version 1, without what was changed since")).toBeAttached();

  await visit(user, `/start/${id}`);
  await expect(user.getByText(/^Version 1, published/)).toBeVisible();
  await expect(user.getByText("draft")).toHaveCount(0);
  await user.getByLabel("Your text").fill("as shown");
  // Somebody publishes while the form is open: nothing starts that the form does not show, and what was typed stays.
  await adminApi.post(`/api/workflows/templates/${id}/publish`);
  watch.expectRefusal({ url: /\/_fn\/start_run/, status: 403 });
  await user.getByRole("button", { name: "Start run" }).click();
  await expect(user.getByText("Version 1 is not the live one")).toBeVisible();
  await user.reload();
  await hydrated(user);
  await expect(user.getByText(/^Version 2, published/)).toBeVisible();
  await expect(user.getByLabel("Your text")).toHaveValue("as shown");
  await user.getByRole("button", { name: "Start run" }).click();
  const run = new RunPage(user);
  await run.expectStatus("Completed");
  await expect(run.head).toContainText("Version 2");
});

test("a run is as far in the list as on its own page, whatever its list, and what was skipped is told apart", async ({ open, adminApi, userApi }) => {
  const listed = unique("Counted with a list");
  const first = await userApi.start(await adminApi.publish(listed, sections()));
  const branched = unique("Counted with a branch");
  const { inputs, steps } = diamond();
  const shout = { ...(steps["shout"] as object), when: { eq: [input("text"), { const: "never" }] } };
  const join = { ...(steps["join"] as object), trigger_rule: "all_success" };
  const second = await userApi.start(await adminApi.publish(branched, { inputs, steps: { ...steps, shout, join } }), { text: "quiet" });
  const page = await open(USER);
  await visit(page, `/runs/${first.id}`);
  const run = new RunPage(page);
  await run.expectStatus("Awaiting review");
  await expect(run.head).toContainText("1 of 3 steps done");
  await expect(run.step("Write each section", "Running")).toContainText("0 of 3 done");
  await visit(page, `/runs/${second.id}`);
  await expect(run.head).toContainText(/[12] of 4 steps done, [12] skipped/);
  const words = /(\d of 4 steps done, \d skipped)/.exec((await run.head.textContent()) ?? "")?.[1] ?? "no words";
  await visit(page, "/dashboard");
  const runs = page.getByRole("region", { name: "Your runs" });
  await expect(runs.getByRole("listitem").filter({ hasText: listed })).toContainText("1 of 3 steps done");
  await expect(runs.getByRole("listitem").filter({ hasText: branched })).toContainText(words);
});
