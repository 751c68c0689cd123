// Agents that a team has already join without being rewritten: plain Python functions and a Celery task, the examples of
// clients/python, in real processes. Each is offered, accepted, drawn with, run, sent back with words that it takes up,
// killed in the middle, and finished by another process. workers.spec.ts has the pages in detail.

import type { Page } from "@playwright/test";
import { EditorPage } from "../../support/editor_page.ts";
import { ADMIN, USER } from "../../support/people.ts";
import { type Program, Redis, startCelery, startWorker } from "../../support/programs.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, hydrated, test, visit } from "../../support/test.ts";
import { Weft } from "../../support/weft.ts";

const VIEWPORT = { width: 1800, height: 1000 };
/** A lease of 20 s, two sweeps, and what an attempt takes: docs/workers.md promises 50 s. */
const FINISHED_WITHIN_MS = 60_000;
/** The functions take 1.5 s for each sentence. */
const TEXT = "The loom is old. The warp is tight. The weft is red. The cloth is long.";
const FEEDBACK = "Say that it is a loom";

// What is offered is new here, whatever ran before.
let weft: Weft;
let redis: Redis;
/** Everything that a test started; it goes with it, the newest first. */
const begun: Program[] = [];

test.beforeAll(async () => {
  redis = await Redis.start();
  weft = await Weft.start({ withoutModel: true });
  await weft.createUser(ADMIN);
  await weft.createUser(USER);
});

test.afterEach(async ({}, info) => {
  for (const program of begun.splice(0).reverse()) {
    await program.kill();
    if (info.status !== info.expectedStatus) {
      console.log(program.output);
    }
  }
});

test.afterAll(async () => {
  // Where one did not start, there is nothing of it to stop.
  await weft?.stop();
  await redis?.stop();
});

function begin(program: Program): Program {
  begun.push(program);
  return program;
}

test("a Python function is offered, accepted, drawn, streamed, sent back, killed, and finished by another process", async ({ open }) => {
  test.setTimeout(240_000);
  const admin = await open(ADMIN, { baseURL: weft.url, viewport: VIEWPORT });
  const token = await makeToken(admin, "reports", "count-words, write-summary, make-report");
  const first = begin(startWorker(weft.url, token, "reports:app", "python-1"));
  await test.step("offered and accepted", async () => {
    await expectOffered(admin, "python-1", ["count-words", "write-summary", "make-report"]);
    for (const agent of ["Count words", "Write a summary", "Make a report"]) {
      await accept(admin, agent);
    }
  });

  const name = "A report, from Python";
  await test.step("drawn, with a review of the summary", async () => {
    const editor = await newWorkflow(admin, name);
    await editor.drop("Count words", { x: 0.25, y: 0.25 });
    await editor.drop("Write a summary", { x: 0.25, y: 0.65 });
    await editor.drop("Make a report", { x: 0.7, y: 0.45 });
    await editor.connect("count_words", "make_a_report");
    await editor.connect("write_a_summary", "make_a_report");
    await editor.select("count_words", "Count words");
    await editor.map("text", "Run input: Your text");
    await editor.select("write_a_summary", "Write a summary");
    await editor.map("text", "Run input: Your text");
    await editor.map("tone", "Constant value");
    await editor.panel.getByLabel("Value").selectOption({ label: "cheerful" });
    await reviewAlways(editor);
    await editor.select("make_a_report", "Make a report");
    // Each line could be for one input only.
    await expect(editor.panel.getByRole("combobox", { name: "Source of summary" })).toHaveValue("Write a summary · summary");
    await expect(editor.panel.getByRole("combobox", { name: "Source of figures" })).toHaveValue("Count words · figures");
    await publish(admin);
  });

  const run = await start(await open(USER, { baseURL: weft.url }), name);
  const written = run.content.getByRole("region", { name: "Output so far" });
  await test.step("it is seen writing", async () => {
    await run.choose("Write a summary");
    await expect(written).toContainText("- The loom is old!");
    await expect(written).not.toContainText("The cloth");
    await expect(run.panel.getByRole("progressbar", { name: "Progress of Write a summary" })).toBeVisible();
    await expect(run.step("Write a summary", "Running")).toBeVisible();
    await expect(written).toContainText("- The warp is tight!");
  });

  await test.step("sent back, it hears why", async () => {
    await expect(run.step("Write a summary", "Awaiting review")).toBeVisible();
    await expect(run.content).toContainText("- The cloth is long!");
    await expect(run.content).not.toContainText(FEEDBACK);
    await sendBack(run, "Write a summary");
    await expect(written).toContainText(`(Once more, because ${USER.email} asked: ${FEEDBACK})`);
    // What was sent back stands below, under words that say what it is.
    await expect(run.content.getByRole("heading", { name: "Made before, until this is done" })).toBeVisible();
  });

  await test.step("killed in the middle of that, it leaves nothing behind", async () => {
    await expect(written).toContainText("- The loom is old!");
    await first.kill();
    await expect(run.step("Write a summary", "Running")).toBeVisible();
    await expect(written).not.toContainText("The cloth");
    // Half of its lease later; the whole of it has to pass anyway before another worker takes the step.
    await expect(run.panel).toContainText("Its worker has been silent since", { timeout: 20_000 });
  });

  begin(startWorker(weft.url, token, "reports:app", "python-2"));
  await test.step("a process that was started later does it from the start, and hears the same", async () => {
    await expect(run.step("Write a summary", "Awaiting review")).toBeVisible({ timeout: FINISHED_WITHIN_MS });
    await expect(run.content).toContainText(`(Once more, because ${USER.email} asked: ${FEEDBACK})`);
    await expect(run.content).toContainText("- The loom is old!");
    await expect(run.content).toContainText("- The cloth is long!");
    await expectTakenOver(run, "python-1", "python-2");
  });

  await test.step("approved, the run completes with what was made of it", async () => {
    await run.tab("Output").click();
    await run.continue("Write a summary", "- The cloth is long!");
    await run.expectStatus("Completed");
    await run.choose("Make a report");
    await expect(run.content).toContainText(`asked: ${FEEDBACK}`);
    await expect(run.content.getByRole("heading", { name: "Report", exact: true })).toBeVisible();
    await expect(run.content).toContainText("16 words; the longest is tight.");
  });
});

test("a Celery task is offered, accepted, drawn, run, sent back, killed, and finished by another worker", async ({ open }) => {
  test.setTimeout(240_000);
  // Longer than the task takes; a worker that was killed gives its task back after it.
  const env = { TEAM_REDIS_URL: redis.url, TEAM_VISIBILITY_S: "10" };
  const admin = await open(ADMIN, { baseURL: weft.url, viewport: VIEWPORT });
  const token = await makeToken(admin, "team", "write-reply");
  const celery = begin(startCelery("team", "celery-1", env));
  const bridge = begin(startWorker(weft.url, token, "team:agents", "bridge-1", env));
  await test.step("offered and accepted", async () => {
    await expectOffered(admin, "bridge-1", ["write-reply"]);
    await accept(admin, "Write a reply");
  });

  const name = "A reply, from Celery";
  await test.step("drawn, with a review", async () => {
    const editor = await newWorkflow(admin, name);
    await editor.drop("Write a reply", { x: 0.5, y: 0.5 });
    await editor.select("write_a_reply", "Write a reply");
    await editor.map("text", "Run input: Your text");
    await reviewAlways(editor);
    await publish(admin);
  });

  const run = await start(await open(USER, { baseURL: weft.url }), name);
  await test.step("run by a worker of Celery", async () => {
    await run.choose("Write a reply");
    await celery.says("answering 4 sentences");
    await expect(run.step("Write a reply", "Awaiting review")).toBeVisible();
    await expect(run.content).toContainText("You wrote: The cloth is long.");
    await expect(run.content).not.toContainText(FEEDBACK);
  });

  await test.step("sent back, it hears why; killed in the middle of that, with its bridge", async () => {
    await sendBack(run, "Write a reply");
    await celery.says(`answering 4 sentences once more: ${FEEDBACK}`);
    await Promise.all([celery.kill(), bridge.kill()]);
    await expect(run.step("Write a reply", "Running")).toBeVisible();
  });

  const second = begin(startCelery("team", "celery-2", env));
  begin(startWorker(weft.url, token, "team:agents", "bridge-2", env));
  await test.step("another worker of Celery does the very task, and another bridge tells what came of it", async () => {
    await second.says(`answering 4 sentences once more: ${FEEDBACK}`);
    await expect(run.step("Write a reply", "Awaiting review")).toBeVisible({ timeout: FINISHED_WITHIN_MS });
    await expect(run.content).toContainText(`(Once more, because of: ${FEEDBACK})`);
    await expect(run.content).toContainText("You wrote: The cloth is long.");
    const newest = await expectTakenOver(run, "bridge-1", "bridge-2");
    await newest.locator("summary").filter({ hasText: "Log" }).click();
    await expect(newest.getByRole("log")).toContainText("takes over the Celery task");
  });

  await test.step("approved, the run completes with it", async () => {
    await run.tab("Output").click();
    await run.continue("Write a reply", `because of: ${FEEDBACK}`);
    await run.expectStatus("Completed");
    await expect(run.content).toContainText("You wrote: The cloth is long.");
  });
});

/** A worker token, as an admin makes one on the page. */
async function makeToken(page: Page, name: string, agents: string): Promise<string> {
  await visit(page, "/admin/workers");
  await page.getByRole("button", { name: "New worker token" }).click();
  const dialog = page.getByRole("dialog", { name: "New worker token" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Agents").fill(agents);
  await dialog.getByRole("button", { name: "Create token" }).click();
  const token = await dialog.getByRole("code").innerText();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(dialog).toBeHidden();
  return token;
}

/** The page of workers shows the process and what it offers, without a reload; and leads to where that is accepted. */
async function expectOffered(page: Page, worker: string, agents: readonly string[]): Promise<void> {
  const card = page.getByRole("article", { name: worker, exact: true });
  await expect(card).toContainText("Working", { timeout: 20_000 });
  await expect(card).toContainText("(python)");
  const offered = card.getByRole("list", { name: "Agents" });
  for (const agent of agents) {
    await expect(offered.getByRole("listitem").filter({ hasText: agent })).toContainText("Offered");
  }
  await offered.getByRole("link").first().click();
  await expect(page.getByRole("region", { name: "Offered by workers" })).toBeVisible();
  await hydrated(page);
}

async function accept(page: Page, agent: string): Promise<void> {
  const offered = page.getByRole("region", { name: "Offered by workers" });
  await offered.getByRole("button", { name: `Review… ${agent}` }).click();
  const dialog = page.getByRole("dialog", { name: `${agent} is offered` });
  await dialog.getByRole("button", { name: "Accept as version 1" }).click();
  await expect(dialog).toBeHidden();
  const library = page.getByRole("table", { name: "Agents" });
  await expect(library.getByRole("row").filter({ hasText: agent })).toContainText("Outside worker");
}

/** An empty workflow that asks for a text when it is started. */
async function newWorkflow(page: Page, name: string): Promise<EditorPage> {
  await visit(page, "/admin/workflows");
  await page.getByRole("button", { name: "New workflow" }).click();
  await expect(page.getByText("Drag an agent here")).toBeVisible();
  const editor = new EditorPage(page);
  await editor.panel.getByLabel("Name").fill(name);
  await editor.panel.getByRole("button", { name: "Add input" }).click();
  await expect(editor.panel.getByLabel("Title")).toBeFocused();
  await page.keyboard.type("Your text");
  await expect(page.getByRole("heading", { name, level: 1 })).toBeAttached();
  return editor;
}

/** Of the step that is selected. */
async function reviewAlways(editor: EditorPage): Promise<void> {
  const review = editor.panel.getByRole("radiogroup", { name: "Review" });
  await review.getByRole("radio", { name: "Always" }).check();
  await expect(editor.panel.getByText("Waits for a person in every run")).toBeVisible();
}

async function publish(page: Page): Promise<void> {
  await expect(page.getByText("No problems").first()).toBeVisible();
  await page.getByRole("button", { name: "Publish" }).click();
  const dialog = page.getByRole("dialog", { name: "Publish version 1" });
  await dialog.getByRole("button", { name: "Publish version 1" }).click();
  await expect(page.getByText("Version 1 is live", { exact: true })).toBeVisible();
}

async function start(page: Page, workflow: string): Promise<RunPage> {
  await visit(page, "/workflows");
  await page.getByRole("link", { name: `Start ${workflow}` }).click();
  await page.getByLabel("Your text").fill(TEXT);
  await page.getByRole("button", { name: "Start run" }).click();
  await page.waitForURL("**/runs/*");
  await hydrated(page);
  return new RunPage(page);
}

async function sendBack(run: RunPage, title: string): Promise<void> {
  await run.verb("Reject").click();
  await run.dialog(`Reject “${title}”`).getByLabel("What should be different?").fill(FEEDBACK);
  await run.answer(`Reject “${title}”`, "Reject");
  await expect(run.panel.locator(".feedback")).toContainText(FEEDBACK);
  await expect(run.step(title, "Running")).toBeVisible();
}

/** The attempt of one process was lost, and that of the other is the result. Gives the row of the latter. */
async function expectTakenOver(run: RunPage, lost: string, by: string) {
  await run.tab("Attempts").click();
  const attempts = run.content.locator("ol.timeline > li");
  await expect(attempts).toHaveCount(3);
  await expect(attempts.nth(0)).toContainText("succeeded");
  await expect(attempts.nth(0)).toContainText(`Build ${by}`);
  await expect(attempts.nth(1)).toContainText("was lost with its worker");
  await expect(attempts.nth(1)).toContainText(`Build ${lost}`);
  await expect(attempts.nth(2)).toContainText("succeeded");
  return attempts.nth(0);
}
