// A run is steered while it runs: paused and resumed, one step stopped, skipped, supplied or started alone, and a
// budget raised. Its steps ask a model that holds its answers until the test lets them go.

import type { Page } from "@playwright/test";
import { Api, type Agent, type Definition } from "../support/api.ts";
import { Model, TOKENS_PER_ANSWER } from "../support/model.ts";
import { ADMIN } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { Weft } from "../support/weft.ts";
import { ECHO, output, saveAgents, step, TEXT } from "../support/workflows.ts";

const ASK: Agent = {
  id: "e2e-ask-model",
  name: "Ask the model",
  inputs: [{ name: "text", schema: TEXT, required: true }],
  outputs: [{ name: "text", schema: TEXT }],
  config: { kind: "llm", prompt: "{{ text }}" },
};

const ask = (title: string, text: string, after: readonly string[] = []) => step(title, ASK, { const: text }, after);
const echo = (title: string, from: string) => step(title, ECHO, output(from), [from]);

let model: Model;
let weft: Weft;
let api: Api;

test.beforeAll(async () => {
  model = await Model.start();
  weft = await Weft.start({ withoutModel: true, env: model.env });
  await weft.createUser(ADMIN);
  api = await Api.signIn(weft.url, ADMIN);
  await saveAgents(api);
  await api.saveAgent(ASK);
});

test.afterAll(async () => {
  await api.close();
  await weft.stop();
  await model.stop();
});

test("a paused run finishes what runs and starts nothing but what a person starts", async ({ open }) => {
  const held = "hold for the pause";
  const { run, page } = await begin(await open(ADMIN, { baseURL: weft.url }), {
    steps: { slow: ask("Think long", held), next: echo("Then repeat it", "slow"), last: echo("And once more", "next") },
  });
  await expect(run.step("Think long", "Running")).toBeVisible();
  await run.head.getByRole("button", { name: "Pause" }).click();
  await run.expectStatus("Paused· by a person");
  await letGo(held);
  await run.expectSteps({ "Think long": "Completed", "Then repeat it": "Ready", "And once more": "Pending" });

  await test.step("one step is started all the same", async () => {
    await run.choose("Then repeat it");
    await run.verb("Start now").click();
    await run.answer("Start now “Then repeat it”", "Start now");
    await expect(run.content).toContainText(`Heard: ${held}`);
    await run.expectSteps({ "Then repeat it": "Completed", "And once more": "Ready" });
    await run.expectStatus("Paused· by a person");
  });

  await run.head.getByRole("button", { name: "Resume" }).click();
  await run.expectStatus("Completed");
  await page.close();
});

test("an answer that broke off says so until another one is there", async ({ open }) => {
  const { run, page } = await begin(await open(ADMIN, { baseURL: weft.url }), {
    steps: { cut: ask("Say much", "break off here") },
  });
  await run.expectStatus("Completed");
  await run.choose("Say much");
  const notice = run.content.getByRole("alert").filter({ hasText: "The model broke off at its limit" });
  await expect(notice).toBeVisible();
  await run.tab("Attempts").click();
  await expect(run.content).toContainText("broken off at its limit");
  await run.tab("Output").click();
  await run.verb("Edit").click();
  await run.dialog("Edit “Say much”").getByLabel("text").fill("The whole of it");
  await run.answer("Edit “Say much”", "Save");
  await expect(run.content).toContainText("The whole of it");
  await expect(notice).toBeHidden();
  await page.close();
});

test("what a model wrote before it was stopped stays on its attempt", async ({ open }) => {
  const held = "hold halfway through";
  const { run, page } = await begin(await open(ADMIN, { baseURL: weft.url }), {
    steps: { slow: ask("Think long", held) },
  });
  await expect.poll(() => model.isAsked(held)).toBe(true);
  await run.choose("Think long");
  await expect(run.content).toContainText("Half of the answer");
  await run.verb("Stop").click();
  await run.answer("Stop “Think long”?", "Stop the step");
  await run.expectSteps({ "Think long": "Failed" });
  await expect(run.content).toContainText("What the model wrote so far is under Attempts");
  await run.tab("Attempts").click();
  await run.content.getByText("What it wrote").click();
  await expect(run.content.getByRole("region", { name: "Answer" })).toContainText("Half of the answer");
  await expect(run.content).toContainText("The model did not say why it ended.");
  await run.content.getByText("What was sent").click();
  await expect(run.content.getByRole("region", { name: "Prompt" })).toContainText(held);
  await page.close();
});

test("a model that wrote nothing is not said to have written", async ({ open }) => {
  const { run, page } = await begin(await open(ADMIN, { baseURL: weft.url }), {
    steps: { refused: ask("Ask in vain", "refuse this") },
  });
  await run.expectStatus("Failed");
  await run.choose("Ask in vain");
  await expect(run.content).toContainText("The step failed before it made anything");
  await run.tab("Attempts").click();
  await expect(run.content).toContainText("That is no request of mine");
  await run.content.getByText("What it wrote").click();
  await expect(run.content).toContainText("It wrote nothing");
  await expect(run.content).not.toContainText("did not say why it ended");
  await page.close();
});

test("a step is stopped, then skipped with the value that the next one needs", async ({ open }) => {
  const held = "hold for the stop";
  const { run, page } = await begin(await open(ADMIN, { baseURL: weft.url }), {
    steps: { slow: ask("Think long", held), next: echo("Then repeat it", "slow") },
  });
  await expect(run.step("Think long", "Running")).toBeVisible();
  await expect.poll(() => model.isAsked(held)).toBe(true);

  await test.step("stop: the model is hung up on", async () => {
    await run.choose("Think long");
    await run.verb("Stop").click();
    await run.answer("Stop “Think long”?", "Stop the step");
    await run.expectSteps({ "Think long": "Failed", "Then repeat it": "Skipped" });
    await expect(run.panel).toContainText("A person stopped it: retry when ready");
    await expect.poll(() => model.givenUp).toContain(held);
    await run.expectStatus("Failed");
  });

  await test.step("skip: what the next step needs is asked for", async () => {
    await run.verb("Skip").click();
    const dialog = run.dialog("Skip “Think long”");
    const value = dialog.getByLabel("Then repeat it · text");
    await dialog.getByRole("button", { name: "Skip", exact: true }).click();
    await expect(value).toHaveAccessibleDescription(/Fill in/);
    await value.fill("given instead");
    await run.answer("Skip “Think long”", "Skip");
    await run.expectSteps({ "Think long": "Skipped", "Then repeat it": "Completed" });
    await expect(run.panel).toContainText("A person skipped it");
    await run.choose("Then repeat it");
    await expect(run.content).toContainText("given instead");
    await run.tab("Inputs").click();
    await expect(run.content).toContainText(/set in this run\s*given instead/);
    await run.expectStatus("Completed");
  });
  await page.close();
});

test("an output is supplied in place of a step that failed", async ({ open }) => {
  const { run, page } = await begin(await open(ADMIN, { baseURL: weft.url }), {
    steps: {
      fails: { ...ask("Cannot be asked", "never"), prompt: "{{ 1 // 0 }}" },
      next: echo("Then repeat it", "fails"),
    },
  });
  await run.expectStatus("Failed");
  await run.choose("Cannot be asked");
  await run.verb("Enter result").click();
  const dialog = run.dialog("Enter the result of “Cannot be asked” yourself");
  await dialog.getByRole("button", { name: "Save result", exact: true }).click();
  await expect(dialog.getByLabel("text")).toHaveAccessibleDescription(/Fill in “text”/);
  await dialog.getByLabel("text").fill("written by hand");
  await run.answer("Enter the result of “Cannot be asked” yourself", "Save result");
  await run.expectStatus("Completed");
  await run.choose("Then repeat it");
  await expect(run.content).toContainText("written by hand");
  await page.close();
});

test("a run that used up its budget waits for a larger one", async ({ open, watch }) => {
  const { run, page } = await begin(await open(ADMIN, { baseURL: weft.url }), {
    limits: { budget: { tokens: TOKENS_PER_ANSWER - 10, on_exceed: "pause" } },
    steps: { one: ask("Ask once", "once"), two: ask("Ask twice", "twice", ["one"]) },
  });
  await run.expectStatus("Paused· by its budget");
  await run.expectSteps({ "Ask once": "Completed", "Ask twice": "Ready" });
  await expect(run.head).toContainText(`${TOKENS_PER_ANSWER} of ${TOKENS_PER_ANSWER - 10} tokens`);

  await test.step("one that is used up already is refused", async () => {
    watch.expectRefusal({ url: /\/_fn\/resume_run/, status: 409 });
    await run.head.getByRole("button", { name: "Resume" }).click();
    const dialog = run.dialog("Resume with a larger budget");
    await expect(dialog.getByLabel("Token limit")).toHaveAccessibleDescription(/30 used so far/);
    await dialog.getByLabel("Token limit").fill(String(TOKENS_PER_ANSWER));
    await dialog.getByRole("button", { name: "Resume", exact: true }).click();
    await expect(dialog.getByRole("alert")).toContainText(/larger/i);
  });

  await test.step("a larger one lets it go on", async () => {
    await run.dialog("Resume with a larger budget").getByLabel("Token limit").fill("100");
    await run.answer("Resume with a larger budget", "Resume");
    await run.expectStatus("Completed");
    await expect(run.head).toContainText("60 of 100 tokens");
  });
  await page.close();
});

/** Publishes it, starts it, and opens the run. */
async function begin(page: Page, definition: Definition): Promise<{ run: RunPage; page: Page }> {
  const { id } = await api.start(await api.publish(unique("Steered"), definition));
  await visit(page, `/runs/${id}`);
  return { run: new RunPage(page), page };
}

async function letGo(prompt: string): Promise<void> {
  await expect.poll(() => model.isAsked(prompt)).toBe(true);
  model.letGo(prompt);
}
