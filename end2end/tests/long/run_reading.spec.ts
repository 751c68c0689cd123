// A run is read: what it is called, where one is in it, what an agent was told and said, and what comes while it runs.
// The model holds its answers until the test lets them go.

import { Api, type Agent } from "../../support/api.ts";
import { Model } from "../../support/model.ts";
import { ADMIN } from "../../support/people.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, hydrated, tabTitle, test, unique, visit } from "../../support/test.ts";
import { Weft } from "../../support/weft.ts";
import { chain, echo, saveAgents, step, TEXT } from "../../support/workflows.ts";

const ASK: Agent = {
  id: "e2e-read-model",
  name: "Ask the model",
  inputs: [{ name: "text", schema: TEXT, required: true }],
  outputs: [{ name: "text", schema: TEXT }],
  config: { kind: "llm", prompt: "{{ text }}" },
};

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

test("a run is called after what it is about, and the address keeps the step", async ({ open }) => {
  const name = unique("Read");
  const template = await api.publish(name, chain());
  const { id } = await api.start(template, { text: "Rain \n in May" });
  const page = await open(ADMIN, { baseURL: weft.url });
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  const shown = (title: string) => run.panel.getByRole("heading", { name: title, exact: true });
  await run.expectStatus("Completed");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Rain in May");
  await expect(page).toHaveTitle(tabTitle(`Rain in May · ${name} · Weft`));
  await expect(run.head).toContainText(name);

  await test.step("it is called otherwise from its page", async () => {
    await run.moreOfRun("Title and tags…");
    await run.dialog("Title and tags").getByLabel("Title", { exact: true }).fill("<b>Wet</b> days");
    await run.answer("Title and tags", "Save");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("<b>Wet</b> days");
    await expect(page).toHaveTitle(tabTitle(`<b>Wet</b> days · ${name} · Weft`));
  });

  await test.step("a press, Back and a reload keep the step", async () => {
    await run.choose("First");
    await expect(page).toHaveURL(`${weft.url}/runs/${id}?step=first`);
    await run.choose("Second");
    await expect(page).toHaveURL(`${weft.url}/runs/${id}?step=second`);
    await page.goBack();
    await expect(shown("First")).toBeVisible();
    await page.reload();
    await hydrated(page);
    await expect(shown("First")).toBeVisible();
    await page.goBack();
    await expect(page).toHaveURL(`${weft.url}/runs/${id}`);
    await hydrated(page);
  });

  await test.step("an input leads to the step that made it", async () => {
    await run.choose("Second");
    await run.tab("Inputs").click();
    await run.content.getByRole("link", { name: /^First · text v1/ }).click();
    await expect(shown("First")).toBeVisible();
    await expect(page).toHaveURL(`${weft.url}/runs/${id}?step=first`);
  });

  await test.step("a newer version is spoken of, and the run can move there", async () => {
    await expect(run.head).not.toContainText("is published");
    const { draft_revision } = await api.get<{ draft_revision: number }>(`/api/workflows/templates/${template}`);
    const definition = chain({ second: "{{ text }}, anew" });
    const saved = await api.raw("PUT", `/api/workflows/templates/${template}`, { definition, base_revision: draft_revision });
    expect(saved.ok(), await saved.text()).toBe(true);
    await api.post(`/api/workflows/templates/${template}/publish`);
    await visit(page, `/runs/${id}`);
    await run.head.getByRole("button", { name: "Version 2 is published" }).click();
    await run.answer("Move to another version", "Move the run");
    await expect(run.head.getByRole("button", { name: "Version 2 is published" })).toBeHidden();
  });
});

test("what a model is told, says and lets wait is seen as it comes", async ({ open }) => {
  const [held, prose] = ["hold for a reader", "hold halfway in Markdown"];
  const ask = (title: string, text: string) => step(title, ASK, { const: text });
  const template = await api.publish(unique("Told"), {
    steps: { think: ask("Think", held), write: ask("Write", prose), vain: ask("Ask in vain", "busy today") },
  });
  const { id } = await api.start(template);
  const page = await open(ADMIN, { baseURL: weft.url });
  await visit(page, `/runs/${id}?step=think`);
  const run = new RunPage(page);
  await expect.poll(() => model.isAsked(held)).toBe(true);
  await expect(run.content).toContainText("Waiting for the model");

  await test.step("an answer is Markdown while it comes, and its tail is followed until somebody scrolls", async () => {
    await expect.poll(() => model.isAsked(prose)).toBe(true);
    await run.choose("Write");
    const written = run.content.getByRole("region", { name: "Output so far" });
    const isAtEnd = () => written.evaluate((it) => it.scrollHeight - it.scrollTop - it.clientHeight < 24);
    await expect(written.getByRole("heading", { name: "Half of it" })).toBeAttached();
    await expect(written.locator("strong").last()).toHaveText("bold");
    await expect.poll(isAtEnd).toBe(true);
    const follow = run.content.getByRole("button", { name: "Follow" });
    await expect(follow).toBeHidden();
    await written.hover();
    await page.mouse.wheel(0, -400);
    await follow.click();
    await expect.poll(isAtEnd).toBe(true);
    await expect(follow).toBeHidden();
  });

  await test.step("a wait says why and how long, is ended by Try now, and by Stop", async () => {
    await run.choose("Ask in vain");
    await expect(run.panel).toContainText(/Tries again in \d+ min/);
    await expect(run.panel).toContainText("Told to slow down");
    await expect(run.tab("Attempts")).toHaveText(/^Attempts\s*1$/);
    const wait = run.panel.getByRole("group", { name: "While it waits" });
    await wait.getByRole("button", { name: "Try now" }).click();
    await expect(run.tab("Attempts")).toHaveText(/^Attempts\s*2$/);
    await expect(run.panel).toContainText(/Tries again in \d+ min/);
    await wait.getByRole("button", { name: "Stop" }).click();
    await run.answer("Stop “Ask in vain”?", "Stop the step");
    await run.expectSteps({ "Ask in vain": "Failed" });
  });

  await test.step("the prompt as it was sent stands under the prompt, with what it cost", async () => {
    model.letGo(held);
    await expect(run.step("Think", "Completed")).toBeVisible();
    await run.choose("Think");
    await run.tab("Prompt").click();
    const sent = run.content.getByRole("region", { name: "As it was sent, attempt 1" });
    await expect(sent).toContainText(/15 \+ 15 tokens · .+ of the run's .+ so far/);
    await sent.getByText("What was sent").click();
    await expect(sent.getByRole("region", { name: "Prompt" })).toContainText(held);
  });
  await run.choose("Write");
  await run.verb("Stop").click();
  await run.answer("Stop “Write”?", "Stop the step");
  await run.expectStatus("Failed");
});

test("a long text is read to its end and edited", async ({ open }) => {
  const text = Array.from({ length: 10_000 }, (_, n) => `line ${n} of a text <b>that</b> goes on`).join("\n");
  const { id } = await api.start(await api.publish(unique("Long"), echo()), { text });
  const page = await open(ADMIN, { baseURL: weft.url });
  await visit(page, `/runs/${id}?step=echo`);
  const run = new RunPage(page);
  await run.expectStatus("Completed");
  await expect(run.content.getByRole("button", { name: "Copy" }), "a part is not copied for the whole").toHaveCount(0);
  await run.content.getByRole("button", { name: /^Show all of it, \d+\.\d KiB$/ }).click();
  const last = run.content.getByText("line 9999 of a text <b>that</b> goes on");
  // Lines that were never laid out are as high as it is guessed, so whoever goes to the end may have to go on.
  await expect(async () => {
    await last.scrollIntoViewIfNeeded();
    await expect(last).toBeInViewport({ timeout: 1_000 });
  }).toPass();
  await run.verb("Edit").click();
  const field = run.dialog("Edit “Echo it”").getByLabel("text");
  await expect(field).toHaveValue(text);
  await field.press("ControlOrMeta+End");
  await page.keyboard.type(", and ends");
  await run.answer("Edit “Echo it”", "Save");
  await run.tab("Versions").click();
  await expect(run.content.getByRole("list", { name: "Versions" })).toContainText("v2");
});
