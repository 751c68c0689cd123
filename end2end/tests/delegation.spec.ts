// Somebody who is away gives their reviews to another, who is told in whose place they decide; the timeline names both, and it ends: by
// themselves, and by an admin.

import { randomUUID } from "node:crypto";
import { ADMIN, type Person } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { ECHO, input, output, saveAgents, step, TEXT_INPUT } from "../support/workflows.ts";

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

/** Of this test alone: others have accounts in which nobody else decides. */
function somebody(name: string): Person {
  return { email: `${name}-${randomUUID().slice(0, 8)}@example.com`, password: "a long enough password 1", role: "user" };
}

test("reviews are given to somebody, decided in the other's place, and taken back", async ({ open, adminApi, watch }) => {
  const [anna, ben] = [somebody("anna"), somebody("ben")];
  await adminApi.post("/api/users", anna);
  await adminApi.post("/api/users", ben);
  const review = { mode: "always", assignees: { users: [anna.email] } };
  const template = await adminApi.publish(unique("Asks Anna twice"), {
    inputs: TEXT_INPUT,
    steps: {
      first: { ...step("First look", ECHO, input("text")), review },
      second: { ...step("Second look", ECHO, output("first"), ["first"]), review },
    },
  });
  const run = await adminApi.start(template, { text: "the draft" });

  const away = await open(anna, { viewport: { width: 1440, height: 900 } });
  await visit(away, "/account");
  const section = away.getByRole("region", { name: "While you are away" });
  await expect(section).toContainText("Nobody decides for you");
  const today = await away.evaluate(() => {
    const now = new Date();
    const two = (n: number) => String(n).padStart(2, "0");
    return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  });
  const delegate = section.getByLabel("Who decides for you");
  await delegate.fill(anna.email);
  await section.getByLabel("First day").fill(today);
  await section.getByLabel("Last day").fill(today);
  watch.expectRefusal({ url: /\/_fn\/delegate_reviews/, status: 422 });
  await delegate.press("Enter");
  await expect(delegate).toHaveAccessibleDescription(/This is you/);
  await delegate.fill(ben.email);
  await delegate.press("Enter");
  const given = section.getByRole("list", { name: "Reviews that were given" }).getByRole("listitem");
  await expect(given).toContainText(`${ben.email} decides for you`);
  await expect(given).toContainText("Now");

  const page = await open(ben, { viewport: { width: 1440, height: 900 } });
  await visit(page, "/dashboard");
  await page.getByRole("region", { name: "Waiting for you" }).locator(`a[href*="${run.id}"]`).first().click();
  const pane = page.getByRole("region", { name: "The review that is read" });
  await expect(pane).toContainText(anna.email);
  await pane.getByRole("link", { name: "Open the run" }).click();
  const theirs = new RunPage(page);
  await theirs.choose("First look");
  await expect(theirs.panel.getByRole("status").filter({ hasText: "You decide for" })).toContainText(anna.email);
  await theirs.verb("Continue").click();
  // The second gate asks her too, so that the run stays in sight.
  await theirs.expectSteps({ "First look": "Completed", "Second look": "Awaiting review" });
  await page.getByRole("button", { name: "Timeline" }).click();
  const timeline = page.getByRole("region", { name: "Timeline" });
  await expect(timeline).toContainText(new RegExp(`First look was approved.* by ${ben.email} for ${anna.email}`));

  // Whatever he has open of it follows it no more.
  watch.allowRefusal({ url: /\/runs\/[^/]+\/live/, status: 404 });
  await given.getByRole("button", { name: /^End/ }).click();
  await expect(section).toContainText("Nobody decides for you");
  expect((await page.request.get(`/api/workflows/runs/${run.id}`)).status()).toBe(404);

  await delegate.fill(ben.email);
  await section.getByLabel("First day").fill(today);
  await section.getByLabel("Last day").fill(today);
  await delegate.press("Enter");
  await expect(given).toContainText("Now");
  const admin = await open(ADMIN);
  await visit(admin, "/admin/users");
  await admin.getByRole("button", { name: "Given reviews" }).click();
  const all = admin.getByRole("dialog", { name: "Reviews that were given" }).getByRole("listitem");
  const rows = all.filter({ hasText: `${ben.email} decides for ${anna.email}` });
  await expect(rows).toHaveCount(2);
  // The newest is the first, and what has ended is not ended again.
  await expect(rows.first()).toContainText("Now");
  await expect(rows.last().getByRole("button")).toHaveCount(0);
  await rows.first().getByRole("button", { name: /^End/ }).click();
  await expect(rows.first()).toContainText("Ended");
  await away.reload();
  await expect(section).toContainText("Nobody decides for you");
  await adminApi.post(`/api/workflows/runs/${run.id}/cancel`);
});
