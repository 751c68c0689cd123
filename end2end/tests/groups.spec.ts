// A group is made and filled, a gate asks it, whoever is in it decides, and one that nobody is left in is told to admins.

import { InboxPage } from "../support/inbox_page.ts";
import { ADMIN, OTHER_USER, USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { ECHO, echo, input, saveAgents, step, TEXT_INPUT } from "../support/workflows.ts";

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("a group is made, asked at a gate, decides there, and is told of once nobody is in it", async ({ open, adminApi, userApi, watch }) => {
  // Names are taken as they are, whatever they look like.
  const name = unique("Legal <b>team</b>");
  const admin = await open(ADMIN, { viewport: { width: 1440, height: 900 } });
  await visit(admin, "/admin/groups");
  await admin.getByRole("button", { name: "New group" }).click();
  const making = admin.getByRole("dialog", { name: "New group" });
  await making.getByLabel("Name").fill(name);
  const id = await making.getByLabel(/^Id/).inputValue();
  expect(id).toMatch(/^legal-b-team-b/);
  await admin.keyboard.press("Enter");

  const people = admin.getByRole("dialog", { name: `People in ${name}` });
  await expect(people).toContainText("Nobody is in this group yet");
  const email = people.getByLabel("Put somebody in");
  watch.expectRefusal({ url: /\/_fn\/add_member/, status: 422 });
  await email.fill("nobody@example.com");
  await admin.keyboard.press("Enter");
  await expect(email).toHaveAccessibleDescription(/Nobody has an account/);
  // They have Weft open already, from before they were in it.
  const theirs = unique("0 For the group alone");
  const forGroup = await adminApi.publish(theirs, echo());
  const audience = { groups: [{ group_id: id, may_start: true, may_see: false }] };
  expect((await adminApi.raw("PUT", `/api/workflows/templates/${forGroup}/audience`, audience)).ok()).toBe(true);
  const page = await open(OTHER_USER);
  await visit(page, "/workflows");
  const gallery = page.getByRole("region", { name: "Start a workflow" });
  await expect(gallery.getByRole("listitem").first()).toBeVisible();
  await expect(gallery.getByRole("link", { name: theirs, exact: true })).toHaveCount(0);
  await email.fill(OTHER_USER.email);
  await admin.keyboard.press("Enter");
  const members = people.getByRole("list", { name: "People in the group" });
  await expect(members).toContainText(OTHER_USER.email);
  // What is for the group comes by itself.
  await expect(gallery.getByRole("link", { name: theirs, exact: true })).toBeVisible();
  await people.getByRole("button", { name: "Done" }).click();
  const row = admin.getByRole("row", { name: new RegExp(id) });
  await expect(row).toContainText("1 person");

  const workflow = unique("Asks a group");
  const template = await adminApi.publish(workflow, {
    inputs: TEXT_INPUT,
    steps: { echo: { ...step("Echo it", ECHO, input("text")), review: { mode: "always", assignees: { groups: [id] } } } },
  });
  const run = await userApi.start(template, { text: "the draft" });

  await test.step("who is in it decides, and the owner does not", async () => {
    const owner = new RunPage(await open(USER));
    await visit(owner.page, `/runs/${run.id}`);
    await owner.choose("Echo it");
    await expect(owner.panel).toContainText(`group ${name}`);
    const inbox = new InboxPage(page);
    await inbox.come();
    await inbox.search.fill(workflow);
    await expect(inbox.rows(workflow)).toContainText("asks");
    await visit(page, `/runs/${run.id}`);
    const theirs = new RunPage(page);
    await theirs.choose("Echo it");
    await theirs.verb("Continue").click();
    await owner.expectSteps({ "Echo it": "Completed" });
  });

  await test.step("once nobody is in it, a gate that asks it is told", async () => {
    const waiting = await userApi.start(template, { text: "another" });
    await expect
      .poll(async () => (await userApi.get<{ status: string }>(`/api/workflows/runs/${waiting.id}`)).status)
      .toBe("paused");
    await row.getByRole("button", { name: /person/ }).click();
    await people.getByRole("button", { name: `Take ${OTHER_USER.email} out` }).click();
    const question = admin.getByRole("dialog", { name: `Take ${OTHER_USER.email} out?` });
    // Their page of the run may follow it no more.
    watch.allowRefusal({ url: /\/runs\/[^/]+\/live/, status: 404 });
    await question.getByRole("button", { name: "Take them out" }).click();
    await expect(people).toContainText("Nobody is in this group yet");
    await people.getByRole("button", { name: "Done" }).click();
    await expect(row).toContainText("Nobody can decide");
    await visit(admin, "/admin/groups");
    const stuck = admin.getByRole("list", { name: "Reviews that too few can decide" });
    await expect(stuck.locator(`a[href^="/runs/${waiting.id}"]`)).toBeVisible();
    // It comes with the page, so that nothing below it moves.
    const sent = await admin.request.get("/dashboard", { headers: { accept: "text/html" } });
    expect(await sent.text()).toContain(`href="/runs/${waiting.id}`);
    await visit(admin, "/dashboard");
    await expect(stuck.locator(`a[href^="/runs/${waiting.id}"]`)).toBeVisible();
    // Nothing is left that waits for ever.
    await userApi.post(`/api/workflows/runs/${waiting.id}/cancel`);
  });
});
