// Reviews are read and decided in the inbox: sent back with a usual reason, read again with what changed, edited, approved by a key, and many
// at once, of which one changed meanwhile and is named. The next one is there by itself each time.

import { USER } from "../support/people.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { DRAFT, input, saveAgents, sections, step, TEXT_INPUT } from "../support/workflows.ts";

test("reviews are decided one after the other, and many at once", async ({ open, adminApi, userApi, watch }) => {
  // The feed may tell that a gate is closed before the answer of who closed it.
  watch.allowRefusal({ url: /\/_fn\/gate_reading/, status: 404 });
  await saveAgents(adminApi);
  const mark = unique("m").slice(2);
  const listed = await adminApi.publish(`Sections ${mark}`, sections());
  const drafted = await adminApi.publish(`Draft ${mark}`, {
    inputs: TEXT_INPUT,
    steps: { draft: { ...step("Draft it", DRAFT, input("text")), review: { mode: "always" } } },
  });
  const list = await userApi.start(listed);
  const draft = await userApi.start(drafted, { text: "rain" });
  const waiting = async (id: string) =>
    (await userApi.run(id)).steps.filter(({ status }) => status === "awaiting_review").map(({ key }) => key);
  await expect.poll(async () => (await waiting(list.id)).length).toBe(3);
  await expect.poll(async () => (await waiting(draft.id)).length).toBe(1);

  const page = await open(USER);
  await visit(page, `/inbox?q=${mark}`);
  const pane = page.getByRole("region", { name: "The review that is read" });
  const title = (words: string | RegExp) => pane.getByRole("heading", { level: 2, name: words });
  const ticks = page.getByRole("checkbox", { name: new RegExp(`^Select .* of .* ${mark}$`) });
  const bulk = page.getByRole("region", { name: "What is selected" });
  const news = page.getByRole("region", { name: "Notifications" });
  const draftRow = page.getByRole("link", { name: "Draft it", exact: true });
  const reject = page.getByRole("dialog", { name: "Reject “Draft it”" });
  const edit = page.getByRole("dialog", { name: "Edit “Draft it”" });
  const isReady = async () => expect(pane.getByRole("button", { name: "Continue", exact: true })).toBeEnabled();
  await expect(ticks).toHaveCount(4);

  await test.step("what is read says what it is, and a usual reason sends it back", async () => {
    await draftRow.click();
    await expect(title(`Draft ${mark} › Draft it`)).toBeVisible();
    await expect(pane).toContainText("A draft of rain");
    await expect(pane).toContainText("One approval is wanted; you or an admin may give it.");
    await isReady();
    await page.keyboard.press("r");
    const text = reject.getByLabel("What should be different?");
    await expect(text).toBeFocused();
    await page.keyboard.type("Warmer.");
    const chip = reject.getByRole("button", { name: "Too long" });
    await chip.click();
    await expect(chip).toHaveAttribute("aria-pressed", "true");
    await expect(text).toHaveValue("Warmer. This is too long: shorten it.");
    await reject.getByRole("button", { name: "Reject", exact: true }).click();
    await expect(news).toContainText("Sent back");
    await expect(title(/Write each section/)).toBeVisible();
  });

  await test.step("what comes of it is shown as a difference, under what was wanted", async () => {
    await draftRow.click();
    await expect(title(`Draft ${mark} › Draft it`)).toBeVisible();
    await expect(pane).toContainText(`${USER.email} asked for changes, round 1`);
    await expect(pane.getByRole("radio", { name: "Differences" })).toBeChecked();
    await expect(pane.getByRole("region", { name: /v1 .* to v2/ })).toContainText("Warmer. This is too long");
  });

  await test.step("it is edited and approved with one press, and the next one is there", async () => {
    await isReady();
    await page.keyboard.press("e");
    await edit.getByLabel("text").fill("Rain, by hand");
    await edit.getByRole("button", { name: "Save and continue" }).click();
    await expect(edit).toBeHidden();
    await expect(title(/Write each section/)).toBeVisible();
    await expect(ticks).toHaveCount(3);
    await expect.poll(async () => (await userApi.run(draft.id)).status).toBe("completed");
  });

  await test.step("a key approves what is read, and no more while it is held", async () => {
    const before = await title(/Write each section/).innerText();
    await isReady();
    await page.keyboard.down("a");
    await expect(ticks).toHaveCount(2);
    await expect(title(before)).toHaveCount(0);
    await isReady();
    // It repeats: of the two that are left none may be decided by that, or there are not two to tick below.
    await page.keyboard.down("a");
    await page.keyboard.up("a");
    await expect.poll(async () => (await waiting(list.id)).length).toBe(2);
  });

  await test.step("of two that are approved at once, one changed since it was shown: it is left, and named", async () => {
    await ticks.nth(0).check();
    await ticks.nth(1).check();
    await expect(bulk).toContainText("2 selected");
    await expect(page.getByRole("definition").filter({ hasText: "A draft of" })).toHaveCount(2);
    const [changed] = await waiting(list.id);
    await userApi.post(`/api/workflows/runs/${list.id}/steps/${encodeURIComponent(changed ?? "")}/edit`, {
      artifacts: { text: "Written elsewhere" },
    });
    await bulk.getByRole("button", { name: "Approve all" }).click();
    const question = page.getByRole("dialog", { name: "Approve 2 reviews?" });
    await expect(question).toContainText(`2 of “Sections ${mark}”`);
    await question.getByRole("button", { name: "Approve 2" }).click();
    await expect(bulk).toContainText("1 approved, 1 changed meanwhile");
    await expect(bulk.getByRole("listitem")).toContainText(`Sections ${mark} › Write each section`);
    await expect(bulk).toContainText("1 selected");
    await expect(ticks).toHaveCount(1);
    await expect(page.getByRole("definition").filter({ hasText: "Written elsewhere" })).toHaveCount(1);
  });

  await test.step("it is approved as it is now, and nothing is left", async () => {
    await bulk.getByRole("button", { name: "Approve all" }).click();
    await page.getByRole("dialog", { name: "Approve 1 review?" }).getByRole("button", { name: "Approve 1" }).click();
    await expect(ticks).toHaveCount(0);
    await expect.poll(async () => (await userApi.run(list.id)).status).toBe("completed");
  });
});
