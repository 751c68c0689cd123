// A run is shared with somebody, who finds it, follows it and changes nothing, until the share is ended under their eyes.

import { OTHER_USER, USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { ECHO, input, saveAgents, step, TEXT_INPUT } from "../support/workflows.ts";

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("a run is shared read-only, followed live, and hidden once that is ended", async ({ open, adminApi, userApi, watch }) => {
  const template = await adminApi.publish(unique("Shared"), {
    inputs: TEXT_INPUT,
    steps: { echo: { ...step("Echo it", ECHO, input("text")), review: { mode: "always" } } },
  });
  const about = unique("the draft");
  const { id } = await userApi.start(template, { text: about });

  const owner = new RunPage(await open(USER, { viewport: { width: 1440, height: 900 } }));
  await visit(owner.page, `/runs/${id}`);
  await expect(owner.head.getByRole("button", { name: "Cancel run" })).toBeVisible();
  await owner.moreOfRun("Share…");
  const dialog = owner.dialog("Share this run");
  const email = dialog.getByLabel("Share with somebody");
  await expect(dialog).toContainText("It is shared with nobody yet");
  watch.expectRefusal({ url: /\/_fn\/share_run/, status: 422 });
  await email.fill("nobody@example.com");
  await email.press("Enter");
  await expect(email).toHaveAccessibleDescription(/Nobody who can sign in/);
  await email.fill(OTHER_USER.email);
  await email.press("Enter");
  const shared = dialog.getByRole("list", { name: "Shared with" });
  await expect(shared).toContainText(OTHER_USER.email);

  const reader = new RunPage(await open(OTHER_USER, { viewport: { width: 1440, height: 900 } }));
  await visit(reader.page, "/runs?whose=with_me");
  await reader.page.getByRole("link", { name: about }).click();
  await expect(reader.head).toContainText(`Shared by ${USER.email}, read-only`);
  await reader.expectSteps({ "Echo it": "Awaiting review" });
  await expect(reader.head.getByRole("button", { name: "Cancel run" })).toHaveCount(0);
  await userApi.post(`/api/workflows/runs/${id}/steps/echo/continue`, {});
  await reader.expectSteps({ "Echo it": "Completed" });

  // Their page asks whether it was that, and goes on asking for its feed.
  watch.expectRefusal({ url: /\/_fn\/whole_run/, status: 404 });
  watch.allowRefusal({ url: /\/runs\/[^/]+\/live/, status: 404 });
  await dialog.getByRole("button", { name: `End sharing with ${OTHER_USER.email}` }).click();
  await expect(dialog).toContainText("It is shared with nobody yet");
  await expect(reader.page.getByRole("status").filter({ hasText: "not shared with you any more" })).toBeVisible();
  await expect(reader.head).toHaveCount(0);
  await reader.page.getByRole("link", { name: "Runs that are shared with you" }).click();
  await expect(reader.page.getByRole("heading", { level: 1, name: "Runs" })).toBeVisible();
  await expect(reader.page.getByRole("link", { name: about })).toHaveCount(0);
});
