// Who else is here: two admins in one draft, and two people at one gate. Named as they come, gone with their tab, and never a lock.

import { EditorPage } from "../../support/editor_page.ts";
import { ADMIN, OTHER_USER, type Person } from "../../support/people.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { diamond, ECHO, input, saveAgents, step, TEXT_INPUT } from "../../support/workflows.ts";

// What the product promises is ten seconds; a slow machine has more.
const GONE = { timeout: 25_000 };

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("two admins in one draft see each other, and what the other has selected", async ({ open, adminApi }) => {
  const eve: Person = { email: `${unique("eve").replace(" ", "-")}@example.com`, password: "a long enough password", role: "admin" };
  const account = await adminApi.post<{ id: string }>("/_fn/create_user", { email: eve.email, role: eve.role, password: eve.password });
  const id = await adminApi.draft(unique("Edited by two"), diamond());
  const [page, other] = [await open(ADMIN, { viewport: { width: 1440, height: 900 } }), await open(eve)];
  const [editor, hers] = [new EditorPage(page), new EditorPage(other)];
  await visit(page, `/admin/workflows/${id}`);
  const company = page.getByRole("list", { name: "Also here" });
  await expect(editor.steps.getByRole("button")).toHaveCount(4);
  await expect(company).toHaveCount(0);

  await test.step("whoever comes is named, and said once", async () => {
    await visit(other, `/admin/workflows/${id}`);
    await expect(company.getByRole("button", { name: `${eve.email} is here`, exact: true })).toBeVisible();
    await expect(page.getByRole("status").filter({ hasText: `${eve.email} is here too` })).toBeAttached();
    await expect(other.getByRole("list", { name: "Also here" }).getByRole("button")).toHaveAccessibleName(`${ADMIN.email} is here`);
  });

  await test.step("a press on her initials shows what she has selected, and she hears of that", async () => {
    await hers.select("join", "Join both");
    const at = company.getByRole("button", { name: `${eve.email} is here, at Join both` });
    await at.focus();
    await page.keyboard.press("Enter");
    await expect(editor.panel.getByLabel("Title")).toHaveValue("Join both");
    await expect(other.getByRole("list", { name: "Also here" }).getByRole("button")).toHaveAccessibleName(
      `${ADMIN.email} is here, at Join both`,
    );
  });

  await test.step("one's own other tab is nobody else", async () => {
    const tab = await page.context().newPage();
    await visit(tab, `/admin/workflows/${id}`);
    await expect(company.getByText("This workflow is also open in another tab of yours")).toBeAttached();
    await expect(company.getByRole("button")).toHaveCount(1);
    await tab.close();
    await expect(company.getByText("This workflow is also open in another tab of yours")).toHaveCount(0, GONE);
  });

  await other.close();
  await expect(company).toHaveCount(0, GONE);
  // No second admin is left to the tests that come after.
  await adminApi.post("/_fn/set_user_disabled", { id: account.id, is_disabled: true });
});

test("at a gate it is said who else looks at it, and whoever is asked decides all the same", async ({ open, adminApi }) => {
  const review = { mode: "always", assignees: { users: [ADMIN.email, OTHER_USER.email] } };
  const template = await adminApi.publish(unique("Looked at by two"), {
    inputs: TEXT_INPUT,
    steps: { echo: { ...step("Echo it", ECHO, input("text")), review, ui: { x: 0, y: 0 } } },
  });
  const { id } = await adminApi.start(template, { text: "please look" });
  const [page, other] = [await open(ADMIN), await open(OTHER_USER)];
  const run = new RunPage(page);
  const looking = run.panel.getByRole("status", { name: "Who else is looking" });
  await visit(page, `/runs/${id}`);
  await run.expectStatus("Awaiting review");
  await expect(looking).toBeEmpty();
  await visit(other, `/runs/${id}`);
  await expect(looking).toHaveText(`${OTHER_USER.email} is looking at this`);
  await expect(new RunPage(other).panel.getByRole("status", { name: "Who else is looking" })).toHaveText(
    `${ADMIN.email} is looking at this`,
  );
  await other.close();
  await expect(looking).toBeEmpty(GONE);
  await run.verb("Continue").click();
  await run.expectStatus("Completed");
});
