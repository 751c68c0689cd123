// Outside workers: a token is made, a worker comes with it, what it offers is accepted and drawn with, and what it does is seen live.
// The worker is a program of this test that speaks the real protocol: see support/worker.ts.

import { randomUUID } from "node:crypto";
import type { Locator, Page } from "@playwright/test";
import type { Api, Definition } from "../support/api.ts";
import { EditorPage } from "../support/editor_page.ts";
import { ADMIN, USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { type Offer, OutsideWorker, summarizer, workerToken } from "../support/worker.ts";
import { input, TEXT_INPUT } from "../support/workflows.ts";

/** An agent's id that no other test offers. */
const agentId = () => `e2e-out-${randomUUID().slice(0, 8)}`;

/** Connected workers of a test go with it, whatever became of it. */
const connected: OutsideWorker[] = [];

test.afterEach(async () => {
  for (const worker of connected.splice(0)) {
    await worker.leave();
  }
});

async function connect(url: string, token: string, name: string, offers: readonly Offer[]): Promise<OutsideWorker> {
  const worker = await OutsideWorker.connect(url, token, name, offers);
  connected.push(worker);
  return worker;
}

/** Accepts what is offered, as a program of an admin does it. */
async function accept(admin: Api, id: string): Promise<void> {
  const offers = await admin.get<{ agent_id: string; hash: string }[]>("/api/workers/offers?waiting=true");
  const offer = offers.find(({ agent_id }) => agent_id === id);
  await admin.post("/api/workers/offers/accept", { agent_id: id, hash: offer?.hash });
}

const digest = (agent: string): Definition => ({
  inputs: TEXT_INPUT,
  steps: {
    digest: { title: "Digest it", agent_id: agent, inputs: { text: input("text") }, review: { mode: "never" } },
  },
});

const card = (page: Page, name: string) => page.getByRole("article", { name, exact: true });
const tokenRow = (page: Page, name: string) =>
  page.getByRole("region", { name: "Worker tokens" }).getByRole("listitem").filter({ hasText: name });
/** How far above its end a frame is scrolled. */
const aboveEnd = (frame: Locator) => frame.evaluate((it) => it.scrollHeight - it.scrollTop - it.clientHeight);

test("a worker token is shown once, lets a worker in, and ends its session when it is revoked", async ({ open, url, watch }) => {
  const [name, id] = [unique("reports"), agentId()];
  const page = await open(ADMIN);
  await visit(page, "/admin/workers");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Workers");
  await test.step("while no worker is there, the page says how one comes", async () => {
    const first = page.getByRole("region", { name: "Connect the first worker" });
    await expect(first).toContainText("pip install weft-worker");
    await expect(first).toContainText(`WEFT_URL=${url} WEFT_WORKER_TOKEN=`);
    await expect(first.getByRole("button", { name: "Copy the second command" })).toBeVisible();
  });
  await page.getByRole("button", { name: "New worker token" }).click();
  const dialog = page.getByRole("dialog", { name: "New worker token" });
  await dialog.getByLabel("Name").fill(name);

  await test.step("what is no agent's id is refused at its field, and nothing typed is lost", async () => {
    watch.expectRefusal({ url: /\/_fn\/create_worker_token/, status: 422 });
    await dialog.getByLabel("Agents").fill("Not An Id!");
    await dialog.getByRole("button", { name: "Create token" }).click();
    await expect(dialog.getByLabel("Agents")).toHaveAttribute("aria-invalid", "true");
    await expect(dialog.getByLabel("Name")).toHaveValue(name);
  });

  await dialog.getByLabel("Agents").fill(`${id}, e2e-other-*`);
  await dialog.getByLabel("Agents").press("Enter");
  await expect(dialog).toContainText("It is shown only this once");
  const token = await dialog.getByRole("code").innerText();
  expect(token).toMatch(/^weftw_/);
  await page.keyboard.press("Escape");
  await expect(dialog.getByRole("alert").filter({ hasText: "The token is not copied yet" })).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(dialog).toBeHidden();
  const row = tokenRow(page, name);
  await expect(row).toContainText(id);
  await expect(row).toContainText("e2e-other-*");
  await expect(row).toContainText("never used");
  await expect(page.getByText(token)).toHaveCount(0);

  const worker = await connect(url, token, name, [summarizer(id)]);
  expect(worker.standing[id]?.state).toBe("offered");
  await test.step("the page shows it without a reload", async () => {
    await expect(page.getByRole("region", { name: "Connected", exact: true })).toContainText(name);
    await expect(card(page, name)).toContainText("Working");
    await expect(card(page, name)).toContainText("e2e-box, process");
    await expect(card(page, name)).toContainText("weft-e2e 0.1.0 (typescript), build build-1");
    await expect(card(page, name)).toContainText("0 of 4 busy, 4 free");
    await expect(card(page, name).getByRole("list", { name: "Agents" })).toContainText(`${id}Offered`);
  });

  await row.getByRole("button", { name: `Revoke ${name}` }).click();
  const question = page.getByRole("dialog", { name: `Revoke “${name}”?` });
  await question.getByRole("button", { name: "Revoke", exact: true }).click();
  await expect(page.getByText("Token revoked; its workers are refused from now on")).toBeVisible();
  await expect(tokenRow(page, name)).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Gone in the last day" })).toContainText(name);
  await expect(card(page, name)).toContainText("Gone");
  await expect(OutsideWorker.connect(url, token, name, [summarizer(id)])).rejects.toThrow(/answered 401/);
});

test("a worker is paused, goes on, is drained, and hears of each", async ({ open, url, adminApi }) => {
  const [name, id] = [unique("steered"), agentId()];
  const worker = await connect(url, await workerToken(adminApi, name, [id]), name, [summarizer(id)]);
  const page = await open(ADMIN);
  await visit(page, "/admin/workers");
  await card(page, name).getByRole("button", { name: `Pause ${name}` }).click();
  await expect(card(page, name)).toContainText("Paused");
  await worker.hears("paused");
  await card(page, name).getByRole("button", { name: `Continue ${name}` }).click();
  await expect(card(page, name)).toContainText("Working");
  await worker.hears("ok");
  await card(page, name).getByRole("button", { name: `Actions for ${name}` }).click();
  await page.getByRole("menuitem", { name: "Drain…" }).click();
  const question = page.getByRole("dialog", { name: `Drain ${name}?` });
  await question.getByRole("button", { name: "Drain", exact: true }).click();
  await expect(card(page, name)).toContainText("Draining");
  await worker.hears("drain");
  await worker.leave();
  await expect(card(page, name)).toContainText("Gone");
});

test("an offered agent is read, accepted and drawn with, and a changed one is offered again", async ({ open, url, adminApi }) => {
  const [name, id] = [unique("offers"), agentId()];
  const token = await workerToken(adminApi, name, [id]);
  const offer = summarizer(id);
  await connect(url, token, name, [offer]);
  const page = await open(ADMIN);
  const offered = page.getByRole("region", { name: "Offered by workers" });
  const dialog = page.getByRole("dialog", { name: `${offer.name} is offered` });

  await test.step("the library shows who offers what, and accepts it", async () => {
    await visit(page, "/admin/agents");
    const row = offered.getByRole("listitem").filter({ hasText: id });
    await expect(row).toContainText("Offered");
    await expect(row).toContainText(`with the token ${name}`);
    await expect(row).toContainText("takes text; gives summary");
    await row.getByRole("button", { name: `Review… ${offer.name}` }).click();
    await expect(dialog.getByRole("row").filter({ hasText: "text" }).first()).toContainText("required");
    await dialog.getByRole("button", { name: "Accept as version 1" }).click();
    await expect(dialog).toBeHidden();
    await expect(offered.getByRole("listitem").filter({ hasText: id })).toHaveCount(0);
    await expect(page.getByRole("table", { name: "Agents" }).getByRole("row").filter({ hasText: id })).toContainText("Outside worker");
  });

  await test.step("its page is there to be read, not to be written", async () => {
    await visit(page, `/admin/agents/${id}`);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(offer.name);
    await expect(page.getByRole("region", { name: "Ports" }).first()).toContainText("summary");
    await expect(page.getByText("Hash of its ports")).toBeVisible();
    await expect(page.getByRole("button", { name: /^Save/ })).toHaveCount(0);
    await expect(page.getByLabel("Name", { exact: true })).toHaveCount(0);
  });

  await test.step("it stands in the palette, and is drawn with", async () => {
    const template = await adminApi.draft(unique("Drawn with an outside agent"), { steps: {} });
    await visit(page, `/admin/workflows/${template}`);
    const editor = new EditorPage(page);
    const group = editor.palette.getByRole("group", { name: "Outside workers", exact: true });
    await group.getByRole("button", { name: `Add ${offer.name}` }).click();
    await expect(editor.steps.getByRole("button", { name: new RegExp(offer.name) })).toBeVisible();
    await editor.panel.getByLabel("Side effects").selectOption({ label: "Again with each try" });
    await editor.panel.getByLabel("Waits for a worker").fill("90");
    await expect(editor.panel.getByLabel("Waits for a worker")).toHaveAccessibleDescription(/no worker took it within 1 min 30 s/);

    // Another build of the worker takes one text more.
    const changed = summarizer(id, {
      inputs: { ...offer.inputs, tone: { title: "Tone", schema: { type: "string" } } },
      outputs: { summary: { schema: { type: "string", format: "multiline" } } },
    });
    const second = await connect(url, token, `${name} 2`, [changed]);
    expect(second.standing[id]?.state).toBe("offered");
    await editor.palette.getByRole("button", { name: new RegExp(`^${offer.name} is offered by the token ${name}`) }).click();
    await expect(dialog.getByRole("columnheader", { name: "Version 1" })).toBeVisible();
    await expect(dialog.getByRole("columnheader", { name: "Offered" })).toBeVisible();
    await expect(dialog.getByRole("row").filter({ hasText: "tone" })).toContainText("Added");
    await expect(dialog.getByRole("row").filter({ hasText: "summary" })).toContainText("Changed");
    await dialog.getByRole("button", { name: "Accept as version 2" }).click();
    await expect(dialog).toBeHidden();
    await expect(editor.palette.getByRole("group", { name: "Offered by workers" }).getByText(offer.name)).toHaveCount(0);
  });

  await test.step("both versions are kept, and can be compared", async () => {
    await visit(page, `/admin/agents/${id}`);
    await page.getByLabel("Compare an earlier version with the newest").selectOption({ label: "Version 1" });
    const versions = page.getByRole("region", { name: "Versions" });
    await expect(versions.getByRole("row").filter({ hasText: "tone" })).toContainText("Added");
  });
});

test("a step whose worker is away says so in the list, the graph and its panel, until one comes", async ({ open, url, adminApi, userApi }) => {
  const [name, id] = [unique("away"), agentId()];
  const token = await workerToken(adminApi, name, [id]);
  const first = await connect(url, token, name, [summarizer(id)]);
  await accept(adminApi, id);
  const template = await adminApi.publish(unique("Waits for a worker"), digest(id));
  await first.leave();

  const { id: run } = await userApi.start(template, { text: "nobody is there" });
  const page = await open(USER);
  await visit(page, `/runs/${run}`);
  const seen = new RunPage(page);
  await seen.step("Digest it", "Ready").click();
  const words = new RegExp(`No worker for ${summarizer(id).name} since \\d\\d:\\d\\d`);
  await expect(seen.outline).toContainText(words);
  await expect(seen.panel).toContainText(words);
  await expect(seen.panel).toContainText("It starts as soon as a worker with this agent connects");
  // Who started it is no admin.
  await expect(seen.panel.getByRole("link", { name: "See the workers" })).toHaveCount(0);
  await expect(page.getByRole("application").getByRole("button", { name: /^Digest it, .*no worker since \d\d:\d\d/ })).toBeAttached();

  await test.step("on a phone too, and after a reload", async () => {
    const phone = await open(USER, { viewport: { width: 390, height: 800 } });
    await visit(phone, `/runs/${run}?step=digest`);
    await expect(new RunPage(phone).panel).toContainText(words);
  });

  const second = await connect(url, token, name, [summarizer(id)]);
  const task = await second.next();
  await expect(seen.outline).not.toContainText("No worker");
  await expect(seen.panel).not.toContainText("No worker");
  expect(await second.complete(task, { summary: "Somebody came" })).toBe("committed");
  await seen.expectStatus("Completed");
  await expect(seen.content).toContainText("Somebody came");
});

test("progress, text and log of an outside step are seen as they come, and its log stays readable", async ({ open, url, adminApi, userApi }) => {
  const [name, id] = [unique("tells"), agentId()];
  const worker = await connect(url, await workerToken(adminApi, name, [id]), name, [summarizer(id)]);
  await accept(adminApi, id);
  const template = await adminApi.publish(unique("Told as it comes"), digest(id));
  const { id: run } = await userApi.start(template, { text: "a long text" });
  const page = await open(USER);
  await visit(page, `/runs/${run}?step=digest`);
  const seen = new RunPage(page);
  const task = await worker.next();
  expect(task.inputs.text?.text).toBe("a long text");
  await expect(seen.step("Digest it", "Running")).toBeVisible();

  const log = (text: string, level = "info") => ({ at: new Date().toISOString(), level, text });
  const lines = seen.content.getByRole("log", { name: "Log of attempt 1" });

  await test.step("how far it is", async () => {
    await worker.beat(task, { progress: { done: 3, total: 10, note: "page 3" } });
    const bar = seen.panel.getByRole("progressbar", { name: "Progress of Digest it" });
    await expect(bar).toHaveAttribute("value", "0.300");
    await expect(seen.panel).toContainText("3 of 10");
    await expect(seen.panel).toContainText("page 3");
    await expect(seen.outline).toContainText("3 of 10");
    await expect(page.getByRole("application").getByRole("button", { name: /^Digest it, .*running · 3 of 10/ })).toBeAttached();
  });

  await test.step("what it writes", async () => {
    await worker.beat(task, { deltas: [{ output: "summary", text: "Once upon " }] });
    await worker.beat(task, { deltas: [{ output: "summary", text: "a time" }] });
    await expect(seen.content.getByRole("region", { name: "Output so far" })).toHaveText("Once upon a time");
  });

  await test.step("what it logs: before the log was opened, and after", async () => {
    await worker.beat(task, { logs: [log("reading <b>page</b> 1"), log("no picture on page 2", "warning")] });
    await seen.content.locator("summary").filter({ hasText: "Log" }).click();
    await expect(lines).toContainText("reading <b>page</b> 1");
    await expect(lines.getByRole("listitem").filter({ hasText: "no picture" })).toContainText("Warning");
    await worker.beat(task, { logs: [log("reading page 3")] });
    await expect(lines.getByRole("listitem")).toHaveCount(3);
    await expect(lines.getByRole("listitem").last()).toContainText("reading page 3");
  });

  await test.step("of a long log the last lines, and how many older ones are gone", async () => {
    for (let n = 0; n < 3; n++) {
      await worker.beat(task, { logs: Array.from({ length: 400 }, (_, i) => log(`line ${n * 400 + i}`)) });
    }
    await expect(lines.getByRole("listitem").last()).toContainText("line 1199");
    await expect.poll(() => aboveEnd(lines)).toBeLessThan(24);
    await expect(lines).toContainText("203 older lines dropped");
    // Who reads further up is not taken away from there.
    await lines.evaluate((frame) => frame.scrollTo(0, 0));
    await worker.beat(task, { logs: [log("one more")] });
    await expect(lines.getByRole("listitem").last()).toContainText("one more");
    expect(await lines.evaluate((frame) => frame.scrollTop)).toBe(0);
    await seen.content.getByRole("button", { name: "Follow" }).click();
    await expect.poll(() => aboveEnd(lines)).toBeLessThan(24);
  });

  await test.step("what it runs is told to admins", async () => {
    const admin = await open(ADMIN);
    await visit(admin, "/admin/workers");
    const running = card(admin, name).getByRole("list", { name: "Running" });
    await expect(card(admin, name)).toContainText("1 of 4 busy, 3 free");
    await running.getByRole("link", { name: "digest" }).click();
    await expect(admin).toHaveURL(`/runs/${run}?step=digest`);
  });

  expect(await worker.complete(task, { summary: "Once upon a time, and so on" })).toBe("committed");
  await seen.expectStatus("Completed");
  await expect(seen.content).toContainText("Once upon a time, and so on");
  await expect(seen.panel.getByRole("progressbar")).toHaveCount(0);
  await page.reload();
  await seen.choose("Digest it");
  await seen.tab("Attempts").click();
  await seen.content.locator("summary").filter({ hasText: "Log" }).click();
  await expect(lines).toContainText("one more");
});
