// The versions of a workflow: published with a note over what it changes, listed, compared on the canvas and by field, restored, undone.

import { EditorPage } from "../support/editor_page.ts";
import { ADMIN } from "../support/people.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { diamond, saveAgents } from "../support/workflows.ts";

test.use({ viewport: { width: 1800, height: 1000 } });

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("a version is published with a note, compared with another one, and restored as one step", async ({
  open,
  viewport,
  adminApi,
}) => {
  const id = await adminApi.publish(unique("Of many versions"), diamond());
  const page = await open(ADMIN, { viewport });
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${id}`);
  await editor.select("join", "Join both");
  await editor.panel.getByLabel("Title").fill("Joined");
  await editor.expectSaved();

  await test.step("publishing says what it changes, and takes a note", async () => {
    await page.getByRole("button", { name: "Publish", exact: true }).click();
    const publish = page.getByRole("dialog", { name: "Publish version 2" });
    const against = publish.getByRole("region", { name: "Against version 1" });
    await expect(against.getByRole("status")).toHaveText("1 step changed");
    await expect(against).toContainText(/Title\s*Join both.*Joined/);
    await publish.getByLabel("What is new").fill("A shorter title");
    await publish.getByRole("button", { name: "Publish version 2" }).click();
    await expect(publish).toBeHidden();
  });

  const versions = page.getByRole("dialog", { name: "Versions", exact: true });
  await test.step("the list says who and why, and what changed since stands on the canvas and as a list", async () => {
    await page.getByRole("button", { name: "More for this workflow" }).click();
    await page.getByRole("menuitem", { name: "Versions…" }).click();
    const list = versions.getByRole("list", { name: "Versions" });
    const newest = list.getByRole("button", { name: /^Version 2/ });
    await expect(newest).toContainText("Live");
    await expect(newest).toContainText("A shorter title");
    await expect(newest).toContainText(ADMIN.email);
    await list.getByRole("button", { name: /^Version 1/ }).click();
    const compared = versions.getByRole("region", { name: "From version 1 to the draft" });
    await expect(compared.getByRole("list", { name: "What differs" })).toContainText(/Title\s*Join both.*Joined/);
    await expect(compared.getByRole("application").getByRole("button", { name: /^Joined,.*changed/ })).toHaveCount(1);
    await expect(compared.getByRole("application").getByRole("button", { name: /^Shout it,.*changed/ })).toHaveCount(0);
    await versions.getByLabel("Compare version 1 with").selectOption({ label: "Version 2" });
    await expect(versions.getByRole("region", { name: "From version 1 to version 2" })).toContainText("1 step changed");
  });

  await test.step("an older one is taken up again, and undo brings back what was there", async () => {
    await versions.getByRole("button", { name: "Restore version 1 into the draft" }).click();
    await expect(versions).toBeHidden();
    await expect(editor.step("Join both")).toHaveCount(1);
    await editor.expectSaved();
    await page.getByRole("button", { name: /^Undo: Restore version 1/ }).click();
    await expect(editor.step("Joined")).toHaveCount(1);
    await expect(editor.step("Join both")).toHaveCount(0);
    await editor.expectSaved();
  });
});
