// A review is a conversation: what was written is sent back with words until it is good, or mended by hand.

import { USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { DRAFT, ECHO, input, output, saveAgents, step, TEXT_INPUT } from "../support/workflows.ts";

const NAME = unique("Drafted under review");

test.beforeAll(async ({ adminApi }) => {
  await saveAgents(adminApi);
  await adminApi.publish(NAME, {
    inputs: TEXT_INPUT,
    steps: {
      draft: { ...step("Draft it", DRAFT, input("text")), review: { mode: "always", max_rounds: 3 } },
      use: step("Use it", ECHO, output("draft"), ["draft"]),
    },
  });
});

test("a draft is sent back twice, each time with what came before, and then approved", async ({ open, userApi }) => {
  const { id } = await userApi.start(await userApi.templateNamed(NAME), { text: "rain" });
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.choose("Draft it");
  await expect(run.content).toContainText("A draft of rain");

  await test.step("nothing is sent without words", async () => {
    await run.verb("Reject").click();
    const dialog = run.dialog("Reject “Draft it”");
    await expect(dialog.getByLabel("What should be different?")).toHaveAccessibleDescription(/Round 1 of 3/);
    await dialog.getByRole("button", { name: "Reject", exact: true }).click();
    await expect(dialog.getByLabel("What should be different?")).toHaveAccessibleDescription(/Write what should be different/);
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
  });

  const rounds = ["shorter", "warmer"];
  for (const [n, words] of rounds.entries()) {
    await test.step(`round ${n + 1}`, async () => {
      await run.verb("Reject").click();
      const dialog = run.dialog("Reject “Draft it”");
      await expect(dialog.getByLabel("What should be different?")).toHaveAccessibleDescription(new RegExp(`Round ${n + 1} of 3`));
      await dialog.getByLabel("What should be different?").fill(words);
      await run.answer("Reject “Draft it”", "Reject");
      await expect(run.panel.locator(".feedback")).toContainText(`${USER.email} asked for changes, round ${n + 1}`);
      await expect(run.panel.locator(".feedback")).toContainText(words);
      await expect(run.step("Draft it", "Awaiting review")).toBeVisible();
      await expect(run.content).toContainText(`rain, ${words} (before: `);
      await expect(run.panel).toContainText(`begun ${n + 2} times`);
    });
  }

  await test.step("the gate counts no further than there are rounds", async () => {
    await expect(run.panel.locator(".gate-facts")).toContainText("Sent back2 of 3 times");
    await userApi.post(`/api/workflows/runs/${id}/steps/draft/reject`, { feedback: "once more" });
    await expect(run.panel.locator(".gate-facts")).toContainText("Sent back3 of 3 times");
    await expect(run.panel).not.toContainText("4 of 3");
    await run.verb("Reject").click();
    await expect(run.dialog("Reject “Draft it”")).toContainText("All 3 rounds are used up");
    await page.keyboard.press("Escape");
  });

  await test.step("the last version remembers all of it", async () => {
    await expect(run.content).toContainText("rain, once more (before: rain, warmer (before: rain, shorter (before: A draft of rain)))");
    await run.tab("Versions").click();
    await expect(run.content.getByRole("list", { name: "Versions" }).getByRole("listitem")).toHaveCount(4);
    await run.tab("Output").click();
  });

  await test.step("approve", async () => {
    await run.continue("Draft it", "rain, once more");
    await run.expectStatus("Completed");
    await run.choose("Use it");
    await expect(run.content).toContainText("rain, once more (before: rain, warmer (before: rain, shorter (before: A draft of rain)))");
  });
});

test("the last rejection says what it does, and its words stay with the step", async ({ open, adminApi, userApi }) => {
  const template = await adminApi.publish(unique("Drafted once"), {
    inputs: TEXT_INPUT,
    steps: { draft: { ...step("Draft it", DRAFT, input("text")), review: { mode: "always", max_rounds: 0 } } },
  });
  const { id } = await userApi.start(template, { text: "fog" });
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.choose("Draft it");
  await expect(run.content).toContainText("A draft of fog");
  await run.verb("Reject").click();
  const dialog = run.dialog("Reject “Draft it”");
  await expect(dialog).toContainText("The step fails, and keeps your feedback");
  await expect(dialog).not.toContainText("begins again");
  await dialog.getByLabel("What should be different?").fill("Not a word of it is true");
  await run.answer("Reject “Draft it”", "Reject");
  await run.expectStatus("Failed");
  await expect(run.panel.locator(".feedback")).toContainText(`${USER.email} rejected it, and no round was left`);
  await expect(run.panel.locator(".feedback")).toContainText("Not a word of it is true");
  await page.getByRole("button", { name: "Timeline" }).click();
  await expect(page.getByRole("region", { name: "Timeline" })).toContainText("Not a word of it is true");
});

test("an edit at a gate becomes the version that goes on, and the agent's own stays", async ({ open, userApi }) => {
  const { id } = await userApi.start(await userApi.templateNamed(NAME), { text: "snow" });
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.choose("Draft it");
  await expect(run.content).toContainText("A draft of snow");

  await test.step("save only: the gate stays", async () => {
    await run.verb("Edit").click();
    const dialog = run.dialog("Edit “Draft it”");
    await expect(dialog.getByRole("button", { name: "Save", exact: true })).toBeDisabled();
    await dialog.getByLabel("text").fill("Snow, by hand");
    await run.answer("Edit “Draft it”", "Save");
    await expect(run.content).toContainText("Snow, by hand");
    await expect(run.step("Draft it", "Awaiting review")).toBeVisible();
  });

  await test.step("save and continue: it goes on", async () => {
    await run.verb("Edit").click();
    await run.dialog("Edit “Draft it”").getByLabel("text").fill("Snow, at last");
    await run.answer("Edit “Draft it”", "Save and continue");
    await run.expectStatus("Completed");
    await run.choose("Use it");
    await expect(run.content).toContainText("Snow, at last");
    await run.choose("Draft it");
    await run.tab("Versions").click();
    const versions = run.content.getByRole("list", { name: "Versions" });
    await expect(versions.getByRole("listitem")).toHaveCount(3);
    await expect(versions.getByRole("button").nth(0)).toContainText(`edited by ${USER.email}`);
    await expect(versions.getByRole("button").nth(0)).toContainText(new RegExp(`latest · approved by .?${USER.email}`));
    await expect(versions.getByRole("button").nth(2)).toContainText("attempt 1");
  });
});

test("what is typed stays until it is sent, and nobody judges a version that they have not seen", async ({ open, userApi }) => {
  const { id } = await userApi.start(await userApi.templateNamed(NAME), { text: "hail" });
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.choose("Draft it");
  await expect(run.content).toContainText("A draft of hail");
  const write = (text: string) => userApi.post(`/api/workflows/runs/${id}/steps/draft/edit`, { artifacts: { text } });
  const overtaken = "The step has moved on meanwhile";

  const edit = run.dialog("Edit “Draft it”");
  await test.step("an edit stays when its dialog closes and while another step is looked at", async () => {
    await run.verb("Edit").click();
    await edit.getByLabel("text").fill("Half written");
    await page.keyboard.press("Escape");
    await expect(edit).toBeHidden();
    await run.choose("Use it");
    await run.choose("Draft it");
    await run.verb("Edit").click();
    await expect(edit.getByLabel("text")).toHaveValue("Half written");
    await expect(edit.getByRole("button", { name: "Save", exact: true })).toBeEnabled();
  });

  await test.step("a version that somebody else writes meanwhile is said, and overwrites nothing that was typed", async () => {
    await write("Written elsewhere");
    await expect(edit.getByRole("alert")).toContainText(overtaken);
    await expect(edit.getByLabel("text")).toHaveValue("Half written");
    await expect(edit.getByRole("button", { name: "Save", exact: true })).toBeDisabled();
    await edit.getByRole("button", { name: "Keep mine" }).click();
    await expect(edit.getByRole("alert")).toHaveCount(0);
    await edit.getByLabel("text").fill("Wholly written");
    await run.answer("Edit “Draft it”", "Save");
    await expect(run.content).toContainText("Wholly written");
    await run.verb("Edit").click();
    await expect(edit.getByLabel("text")).toHaveValue("Wholly written");
    await expect(edit.getByRole("button", { name: "Save", exact: true })).toBeDisabled();
    await page.keyboard.press("Escape");
  });

  const reject = run.dialog("Reject “Draft it”");
  await test.step("a rejection is of the version that was there when it was begun", async () => {
    await run.verb("Reject").click();
    await reject.getByLabel("What should be different?").fill("colder");
    await write("Written elsewhere again");
    await expect(reject.getByRole("alert")).toContainText(overtaken);
    await expect(reject.getByRole("button", { name: "Reject", exact: true })).toBeDisabled();
    await page.keyboard.press("Escape");
    await expect(run.content).toContainText("Written elsewhere again");
    await run.verb("Reject").click();
    await expect(reject.getByLabel("What should be different?")).toHaveValue("colder");
    await expect(reject.getByRole("alert")).toHaveCount(0);
  });

  await test.step("a new generation closes no dialog", async () => {
    await page.keyboard.press("Escape");
    await run.verb("Edit").click();
    await edit.getByLabel("text").fill("Not lost");
    await userApi.post(`/api/workflows/runs/${id}/steps/draft/reject`, { feedback: "elsewhere" });
    await expect(edit.getByRole("alert")).toContainText(overtaken);
    await expect(edit.getByLabel("text")).toHaveValue("Not lost");
    await page.keyboard.press("Escape");
    await expect(run.panel).toContainText("begun 2 times");
  });
});
