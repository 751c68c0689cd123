// Every page, large and small, light and dark: nothing wider than the window, nothing that can be pressed cut off by its edge, nothing that
// the rules of accessibility forbid, and content before the script arrives.

import type { Page } from "@playwright/test";
import { axe } from "../../support/axe.ts";
import { EditorPage } from "../../support/editor_page.ts";
import { InboxPage } from "../../support/inbox_page.ts";
import { ADMIN, type Person, USER } from "../../support/people.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, hydrated, tabTitle, test, unique, visit } from "../../support/test.ts";
import { chain, diamond, echo, input, output, saveAgents, sections, step, TEXT, TEXT_INPUT } from "../../support/workflows.ts";

const NAME = unique("Looked at from every side");
/** Long, since its name and its texts are what a page is made too wide by. */
const TABLE = "customers-of-the-southern-districts-and-of-the-islands-off-the-coast-first-half-of-the-year.csv";
const ROWS = `text\nrain in May\n${"without-a-single-blank-".repeat(20)}\n`;
const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };
/** The smallest phone, a desktop at 200 %, which is half of it each way, and a screen of 4K at its own size. */
const EXTREMES = [{ width: 360, height: 740 }, { width: 720, height: 450 }, { width: 3840, height: 2160 }];

interface Shown {
  readonly name: string;
  readonly person: Person | null;
  readonly path: () => string;
  /** What must be there before the page is judged. */
  readonly ready: (page: Page) => Promise<void>;
}

const made = { template: "", unpublished: "", branches: "", reviewed: "", failed: "", completed: "", other: "", map: "", form: "", one: "", batch: "" };

const heading = (name: string | RegExp) => (page: Page) =>
  expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
const status = (words: string) => (page: Page) => new RunPage(page).expectStatus(words);

const PAGES: readonly Shown[] = [
  { name: "the sign-in", person: null, path: () => "/login", ready: heading("Sign in") },
  { name: "the dashboard", person: USER, path: () => "/dashboard", ready: waitingRun },
  { name: "the gallery", person: USER, path: () => "/workflows", ready: heading("Start a workflow") },
  { name: "the inbox", person: USER, path: () => `/inbox?q=${encodeURIComponent(NAME)}&sort=workflow`, ready: grouped },
  { name: "a review in the inbox", person: USER, path: () => `/inbox?q=${encodeURIComponent(NAME)}&gate=${made.reviewed}/take`, ready: read },
  { name: "the history of reviews", person: USER, path: () => "/inbox?tab=history", ready: decided },
  { name: "the list of runs", person: USER, path: () => "/runs", ready: heading("Runs") },
  { name: "the charts of runs", person: USER, path: () => "/runs/charts", ready: charts },
  { name: "a start form", person: USER, path: () => `/start/${made.template}`, ready: heading(`Start ${NAME}`) },
  { name: "starting many", person: USER, path: () => `/start/${made.template}/table`, ready: uploaded },
  { name: "a table of runs", person: USER, path: () => `/batches/${made.batch}`, ready: rows },
  { name: "a run in review", person: USER, path: () => `/runs/${made.reviewed}`, ready: status("Awaiting review") },
  { name: "a failed run", person: USER, path: () => `/runs/${made.failed}`, ready: status("Failed") },
  { name: "a completed run", person: USER, path: () => `/runs/${made.completed}`, ready: status("Completed") },
  { name: "a run with a list", person: USER, path: () => `/runs/${made.map}?step=write`, ready: items },
  { name: "the times of a run", person: USER, path: () => `/runs/${made.completed}`, ready: times },
  { name: "a form for a person", person: USER, path: () => `/runs/${made.form}`, ready: form },
  { name: "running a step again", person: USER, path: () => `/runs/${made.one}?step=first`, ready: again },
  { name: "two runs side by side", person: USER, path: () => `/runs/${made.completed}/compare/${made.other}`, ready: difference },
  { name: "the account", person: USER, path: () => "/account", ready: heading(USER.email) },
  { name: "the workflows", person: ADMIN, path: () => "/admin/workflows", ready: heading("Workflows") },
  { name: "the import", person: ADMIN, path: () => "/admin/workflows/import", ready: heading("Import a workflow") },
  { name: "the editor", person: ADMIN, path: () => `/admin/workflows/${made.template}`, ready: heading(NAME) },
  { name: "a condition in the editor", person: ADMIN, path: () => `/admin/workflows/${made.branches}`, ready: condition },
  { name: "the versions of a workflow", person: ADMIN, path: () => `/admin/workflows/${made.template}`, ready: versions },
  { name: "publishing", person: ADMIN, path: () => `/admin/workflows/${made.unpublished}`, ready: publishing },
  { name: "choosing what comes after a step", person: ADMIN, path: () => `/admin/workflows/${made.template}`, ready: connecting },
  { name: "a note being written", person: ADMIN, path: () => `/admin/workflows/${made.branches}`, ready: writing },
  { name: "a menu of the canvas", person: ADMIN, path: () => `/admin/workflows/${made.template}`, ready: canvasMenu },
  { name: "the finder", person: ADMIN, path: () => `/admin/workflows/${made.template}`, ready: finder },
  { name: "a list in the editor", person: ADMIN, path: () => `/admin/workflows/${made.branches}`, ready: repeat },
  { name: "the agents", person: ADMIN, path: () => "/admin/agents", ready: heading("Agents") },
  { name: "a new agent", person: ADMIN, path: () => "/admin/agents/new", ready: heading("New agent") },
  { name: "an agent", person: ADMIN, path: () => "/admin/agents/e2e-echo", ready: heading("Echo") },
  { name: "an agent that asks a person", person: ADMIN, path: () => "/admin/agents/e2e-pages-person", ready: heading("Ask for a word") },
  { name: "an agent that is a workflow", person: ADMIN, path: () => "/admin/agents/e2e-pages-workflow", ready: heading("Run a workflow") },
  { name: "the workers", person: ADMIN, path: () => "/admin/workers", ready: heading("Workers") },
  { name: "the secrets", person: ADMIN, path: () => "/admin/secrets", ready: heading("Secrets") },
  { name: "the users", person: ADMIN, path: () => "/admin/users", ready: heading("Users") },
  { name: "the groups", person: ADMIN, path: () => "/admin/groups", ready: heading("Groups") },
  { name: "the notices", person: ADMIN, path: () => "/admin/notices", ready: heading("Notices") },
  { name: "the audit log", person: ADMIN, path: () => "/admin/audit", ready: heading("Audit log") },
  { name: "the design system", person: ADMIN, path: () => "/design", ready: heading("Design system") },
];

test.beforeAll(async ({ adminApi, userApi }) => {
  await saveAgents(adminApi);
  made.template = await adminApi.publish(NAME, diamond(), "A text is shouted and counted");
  const failing = await adminApi.publish(unique("Fails on purpose"), diamond({ shout: "{{ 1 // 0 }}" }));
  made.reviewed = (await userApi.start(made.template, { text: "wait" }, false)).id;
  made.completed = (await userApi.start(made.template, { text: "done" })).id;
  made.other = (await userApi.start(made.template, { text: "otherwise" })).id;
  made.failed = (await userApi.start(failing, { text: "fail" })).id;
  const ports = { inputs: [{ name: "text", schema: TEXT, required: true }], outputs: [{ name: "text", schema: TEXT }] };
  await adminApi.saveAgent({
    ...ports,
    id: "e2e-pages-person",
    name: "Ask for a word",
    config: { kind: "human", instructions: "Say a word about **{{ text }}**." },
  });
  const inside = await adminApi.publish(unique("Run inside another"), echo());
  await adminApi.saveAgent({
    ...ports,
    id: "e2e-pages-workflow",
    name: "Run a workflow",
    config: { kind: "workflow", template_id: inside, version: 1, outputs: { text: { step: "echo", artifact: "text" } } },
  });
  const { steps } = sections();
  const plan = { ...output("plan"), artifact: "sections" };
  const when = { and: [{ contains: [plan, { const: "loud" }] }, { not: { exists: plan } }] };
  made.branches = await adminApi.draft(unique("Asked and repeated"), {
    steps: { ...steps, join: { ...(steps["join"] as object), when } },
  });
  made.unpublished = await adminApi.draft(unique("Not yet published"), echo());
  made.map = (await userApi.start(await adminApi.publish(unique("In sections"), sections()))).id;
  const asking = await adminApi.publish(unique("Asks a person"), {
    inputs: TEXT_INPUT,
    steps: { ask: step("Ask somebody", { id: "e2e-pages-person" }, input("text")) },
  });
  made.form = (await userApi.start(asking, { text: "rain" })).id;
  const table = await userApi.raw("POST", `/api/batches?template_id=${made.template}&name=${TABLE}`, ROWS);
  made.batch = ((await table.json()) as { id: string }).id;
  const handed = await adminApi.publish(unique("Handed on"), chain());
  made.one = (await userApi.start(handed, { text: "one" })).id;
});

for (const shown of PAGES) {
  test(`${shown.name} fits and is accessible`, async ({ open }) => {
    const page = await open(shown.person, { viewport: DESKTOP, colorScheme: "light" });
    await visit(page, shown.path());
    await shown.ready(page);
    await expectToFit(page);
    await expectAccessible(page, "light, large");
    await page.setViewportSize(PHONE);
    await page.emulateMedia({ colorScheme: "dark" });
    await expectToFit(page);
    await expectAccessible(page, "dark, on a phone");
    for (const size of EXTREMES) {
      await page.setViewportSize(size);
      await expectToFit(page);
    }
  });
}

test("content is there before the script, and without it", async ({ open }) => {
  const page = await open(ADMIN, { javaScriptEnabled: false });
  await page.goto("/workflows");
  await expect(page.getByRole("heading", { name: "Document brief" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Start Document brief" })).toBeVisible();
  await page.goto(`/start/${made.template}`);
  await expect(page.getByLabel("Your text")).toBeVisible();
  await page.goto("/admin/workflows");
  await expect(page.getByRole("row").filter({ hasText: NAME })).toBeVisible();
  await page.goto(`/runs/${made.completed}`);
  await new RunPage(page).expectSteps({ "Take the text": "Completed", "Join both": "Completed" });
  // The browser that is driven here keeps such a part as text, where a person's without scripts shows it; and no locator looks into it.
  const html = await page.content();
  expect(html).toContain("This page needs JavaScript");
  expect(html).toContain(`/api/workflows/runs/${made.completed}/report.html`);
  await page.goto("/account");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(ADMIN.email);
});

test("every page has one main region and a title, and the address bar keeps up", async ({ open }) => {
  const page = await open(USER);
  await visit(page, "/workflows");
  await page.getByRole("link", { name: `Start ${NAME}` }).click();
  await expect(page).toHaveTitle(tabTitle(`${NAME} · Weft`));
  await expect(page.getByRole("main")).toHaveCount(1);
  await expect(page.getByRole("main")).toBeFocused();
  await page.goBack();
  await expect(page).toHaveTitle(tabTitle("Start a workflow · Weft"));
  await page.goForward();
  await expect(page.getByLabel("Your text")).toBeVisible();
  await hydrated(page);
});

async function items(page: Page): Promise<void> {
  await expect(new RunPage(page).content.getByRole("list", { name: "Items" }).getByRole("listitem")).toHaveCount(3);
}

async function charts(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { level: 1, name: "Charts of runs" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Runs a day" })).toBeVisible();
}

/** With the tables that were uploaded before. */
async function uploaded(page: Page): Promise<void> {
  await expect(page.getByRole("table", { name: "Tables you uploaded" }).getByRole("link", { name: TABLE })).toBeVisible();
}

async function rows(page: Page): Promise<void> {
  await expect(page.getByText("2 of 2 rows started, 2 finished")).toBeVisible();
  await expect(page.getByRole("table", { name: "Rows" }).getByRole("link")).toHaveCount(2);
}

/** The chart of them, and the slider under it. */
async function times(page: Page): Promise<void> {
  await status("Completed")(page);
  await page.getByRole("button", { name: "Timeline" }).click();
  await page.getByRole("radio", { name: "Times and replay" }).check();
  const timeline = page.getByRole("region", { name: "Timeline" });
  await expect(timeline.getByRole("application", { name: /^Chart of the times/ })).toBeVisible();
  await expect(timeline.getByText(/^Now, after [1-9]\d* events$/)).toBeVisible();
}

async function form(page: Page): Promise<void> {
  await expect(page.getByRole("region", { name: "Your answer" }).getByRole("button", { name: "Send answer" })).toBeVisible();
}

async function difference(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { level: 1, name: /^Compare runs of / })).toBeVisible();
  await expect(page.getByRole("region", { name: /^Take the text, text/ })).toBeVisible();
}

async function condition(page: Page): Promise<void> {
  const editor = new EditorPage(page);
  await editor.select("join", "Join the sections");
  await expect(editor.panel.getByRole("region", { name: "Runs if" }).getByRole("combobox").first()).toBeVisible();
}

async function versions(page: Page): Promise<void> {
  await page.getByRole("button", { name: "More for this workflow" }).click();
  await page.getByRole("menuitem", { name: /^Versions/ }).click();
  await expect(page.getByRole("dialog", { name: "Versions" }).getByRole("heading", { name: /^From version 1/ })).toBeVisible();
}

async function publishing(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await expect(page.getByRole("dialog", { name: /^Publish version/ }).getByLabel("What is new")).toBeFocused();
}

/** With the list open: those that can be connected, and those that cannot with the reason. */
async function connecting(page: Page): Promise<void> {
  const editor = new EditorPage(page);
  await editor.step("Shout it").focus();
  await page.keyboard.press("c");
  await expect(page.getByRole("option", { name: /^Take the text/ })).toContainText("This would close the cycle");
}

async function writing(page: Page): Promise<void> {
  const editor = new EditorPage(page);
  await editor.step("Join the sections").focus();
  await page.keyboard.press("t");
  await expect(page.getByLabel("Text of the note, in Markdown")).toBeFocused();
}

async function canvasMenu(page: Page): Promise<void> {
  const editor = new EditorPage(page);
  await editor.step("Shout it").focus();
  await page.keyboard.press("Shift+F10");
  await expect(page.getByRole("menu", { name: "Actions for Shout it" }).getByRole("menuitem").first()).toBeFocused();
}

async function finder(page: Page): Promise<void> {
  await heading(NAME)(page);
  await page.keyboard.press("ControlOrMeta+k");
  const find = page.getByRole("combobox", { name: "Find" });
  await expect(find).toBeFocused();
  await find.fill("join");
  await expect(page.getByRole("option", { name: /^Join both/ })).toBeVisible();
}

/** With everything that is folded away opened. */
async function repeat(page: Page): Promise<void> {
  const editor = new EditorPage(page);
  await editor.select("write", "Write each section");
  await expect(editor.panel.getByRole("checkbox", { name: /^Once for each entry/ })).toBeChecked();
  for (const fold of (await editor.panel.locator("details:not([open]) > summary").all()).reverse()) {
    await fold.click();
  }
}

/** The dialog with what would run again. */
async function again(page: Page): Promise<void> {
  const run = new RunPage(page);
  await run.expectStatus("Completed");
  await run.verb("Re-run").click();
  await run.dialog("Re-run “First”").getByRole("radio", { name: "With every later step" }).check();
  await expect(run.dialog("Re-run “First”")).toContainText("4 steps will run");
}

async function waitingRun(page: Page): Promise<void> {
  await expect(page.getByRole("region", { name: "Waiting for you" }).getByRole("link", { name: /^Open inbox/ })).toBeVisible();
}

async function grouped(page: Page): Promise<void> {
  await expect(page.getByRole("region", { name: NAME }).getByRole("listitem")).toHaveCount(1);
}

/** With the first review beside the list; on a phone in its place. */
async function read(page: Page): Promise<void> {
  await new InboxPage(page).expectRead(NAME);
  await expect(new InboxPage(page).reader.getByRole("heading", { name: /Take the text/ })).toBeVisible();
}

async function decided(page: Page): Promise<void> {
  await expect(page.getByRole("searchbox", { name: "Search what was decided" })).toBeVisible();
}

/** No page scrolls sideways, and nothing that is pressed or filled in sticks out of the window where it cannot be reached. */
async function expectToFit(page: Page): Promise<void> {
  await expect
    .poll(() => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth))
    .toBeLessThanOrEqual(0);
  await expect.poll(() => page.evaluate(cutOff), "cut off by the edge of the window").toEqual([]);
  // The bar at the foot of a phone scrolls inside itself, so the page does not tell of what is cut off there.
  const places = page.getByRole("navigation", { name: "Main" }).getByRole("list");
  if ((await places.count()) > 0) {
    await expect.poll(() => places.evaluate((list) => list.scrollWidth - list.clientWidth)).toBeLessThanOrEqual(0);
  }
}

/** Titles, links and controls that the left or right edge of the window cuts, in what does not scroll sideways. Runs in the browser. */
function cutOff(): string[] {
  const scrolls = (one: Element) => ["auto", "scroll"].includes(getComputedStyle(one).overflowX) && one.scrollWidth > one.clientWidth;
  const isReached = (one: Element | null): boolean => one !== null && (scrolls(one) || isReached(one.parentElement));
  const found: string[] = [];
  for (const one of document.querySelectorAll("h1, h2, a[href], button, input, select, textarea, summary")) {
    const { left, right, width } = one.getBoundingClientRect();
    const isOut = left < -1 || right > window.innerWidth + 1;
    // What lies on a canvas is moved over it, and a menu stands where it was asked for. What is there for readers alone is a dot, or nothing.
    const isApart = width <= 2 || one.closest("[popover], .canvas-stage > :not(.canvas-bar, .left-toggle)");
    if (isOut && !isApart && one.checkVisibility({ visibilityProperty: true }) && !isReached(one)) {
      found.push(`${one.tagName} ${one.getAttribute("aria-label") ?? one.textContent?.trim().slice(0, 40)} from ${left} to ${right}`);
    }
  }
  return found;
}

/** A colour on its way from one theme to the other belongs to neither. What spins for ever is not waited for, nor what nobody sees. */
async function atRest(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    await frame();
    await frame();
    // In what is folded away nothing moves, so nothing ends.
    const isSeen = (target: Element | null | undefined) => target?.checkVisibility() === true;
    const ending = document
      .getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity)
      .filter(({ effect }) => isSeen((effect as KeyframeEffect | null)?.target));
    await Promise.allSettled(ending.map((one) => one.finished));
  });
}

async function expectAccessible(page: Page, how: string): Promise<void> {
  await atRest(page);
  const { violations } = await axe(page).analyze();
  const found = violations.map(({ id, help, nodes }) => ({
    id,
    help,
    nodes: nodes.slice(0, 3).map((node) => `${node.target.join(" ")}: ${node.failureSummary?.split("\n")[1]?.trim()}`),
  }));
  expect(found, how).toEqual([]);
}
