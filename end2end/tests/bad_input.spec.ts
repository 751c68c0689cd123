// What people paste by mistake or in malice: each gets a clear answer, does nothing it should not, and nothing that
// was typed is lost.

import type { Page } from "@playwright/test";
import type { Agent } from "../support/api.ts";
import { USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { ECHO, input, saveAgents, step, TEXT_INPUT } from "../support/workflows.ts";

const NAME = unique("Say it again");
const MEGABYTE = 1_000_000;

/** Markup, a query, and a template that must not be rendered when it comes as data. */
const MALICE = [
  `<script>window.wasRun = true; alert("script")</script>`,
  `<img src="x" onerror="window.wasRun = true"><svg onload="window.wasRun = true">`,
  `'; DROP TABLE workflow_runs; --`,
  `{{ 7 * 7 }} {% for i in range(9) %}x{% endfor %} {{ text.__class__ }}`,
  `[a link](javascript:window.wasRun=true) ![an image](x" onerror="window.wasRun=true)`,
  `\u202Egnp.exe\u0007 ​ done`,
].join("\n");

const SAY_AS_MARKDOWN: Agent = {
  id: "e2e-say-markdown",
  name: "Say as Markdown",
  inputs: [{ name: "text", schema: { type: "string" }, required: true }],
  outputs: [{ name: "text", schema: { type: "string", format: "markdown" } }],
  config: { kind: "template", template: "{{ text }}" },
};

let template: string;

test.beforeAll(async ({ adminApi }) => {
  await saveAgents(adminApi);
  await adminApi.saveAgent(SAY_AS_MARKDOWN);
  template = await adminApi.publish(NAME, {
    inputs: {
      text: { ...TEXT_INPUT.text, order: 1 },
      file: { title: "A file", schema: { type: "string", format: "file" }, required: false, order: 2 },
      times: { title: "How often", schema: { type: "integer" }, required: false, order: 3 },
    },
    steps: {
      say: step("Say it", ECHO, input("text")),
      markdown: step("Say it as Markdown", SAY_AS_MARKDOWN, input("text")),
    },
  });
});

test("a missing text and a wrong number are named at their fields, before anything is sent", async ({ open }) => {
  const page = await open(USER);
  await visit(page, `/start/${template}`);
  await start(page);
  const text = page.getByLabel("Your text");
  await expect(text).toBeFocused();
  await expect(text).toHaveAccessibleDescription(/Fill in “Your text” to start/);
  await text.fill("something");
  await expect(page.getByText("Fill in “Your text” to start")).toBeHidden();
  await page.getByLabel("How often").fill("1.5");
  await start(page);
  await expect(page.getByLabel("How often")).toHaveAccessibleDescription(/whole number/);
  await expect(page.getByLabel("Your text")).toHaveValue("something");
  await expect(page).toHaveURL(`/start/${template}`);
});

test("a text that is too large is refused and stays in the form", async ({ open, watch }) => {
  watch.expectRefusal({ url: /\/_fn\/start_run/, status: 413 });
  const page = await open(USER);
  await visit(page, `/start/${template}`);
  await page.getByLabel("Your text").fill("word ".repeat(MEGABYTE));
  await start(page);
  await expect(page.getByRole("alert").filter({ hasText: /larger than 4 MiB/ })).toBeVisible();
  expect(await page.getByLabel("Your text").inputValue()).toHaveLength(5 * MEGABYTE);
});

test("files that are no text, empty or too large are refused in words", async ({ open }) => {
  const page = await open(USER);
  await visit(page, `/start/${template}`);
  const file = page.getByLabel("A file");
  const refused: [string, Buffer, RegExp][] = [
    ["latin1.txt", Buffer.from("caf\xe9", "latin1"), /“latin1.txt” is not text in UTF-8 or UTF-16/],
    ["image.png", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0]), /“image.png” is not text in UTF-8 or UTF-16/],
    ["empty.txt", Buffer.alloc(0), /“empty.txt” is empty/],
    ["long.txt", Buffer.alloc(5 * 1024 * 1024, "a"), /“long.txt” has 5.0 MiB, and at most 4 MiB are taken/],
  ];
  for (const [name, buffer, reason] of refused) {
    await file.setInputFiles({ name, mimeType: "text/plain", buffer });
    await expect(file).toHaveAccessibleDescription(reason);
  }
  await file.setInputFiles({ name: "good.txt", mimeType: "text/plain", buffer: Buffer.from("Grüße") });
  await expect(page.getByText("good.txt")).toBeVisible();
  await expect(page.getByText("is not text in UTF-8")).toBeHidden();
});

test("markup, queries and templates in a text are text", async ({ open, userApi }) => {
  const page = await open(USER);
  await visit(page, `/start/${template}`);
  await page.getByLabel("Your text").fill(MALICE);
  await start(page);
  await page.waitForURL("**/runs/*");
  const run = new RunPage(page);
  await run.expectStatus("Completed");

  await run.choose("Say it");
  await expect(run.content).toContainText("{{ 7 * 7 }}");
  await expect(run.content).toContainText("'; DROP TABLE workflow_runs; --");
  await expect(run.content).toContainText("<script>");

  await run.choose("Say it as Markdown");
  await expect(run.content).toContainText("a link");
  await expect(run.content.locator("script, svg[onload], [onerror], a[href^=javascript]")).toHaveCount(0);

  expect(await page.evaluate(() => "wasRun" in window)).toBe(false);
  const id = new URL(page.url()).pathname.split("/").pop() ?? "";
  const [artifact] = (await userApi.run(id)).artifacts.filter((artifact) => artifact.producing_step_id === "say");
  const kept = await userApi.get<{ content: string }>(`/api/workflows/runs/${id}/artifacts/${artifact?.id}`);
  expect(kept.content).toBe(MALICE);
});

test("bad prompts fail their step with the reason, and are replaced by a good one", async ({ open, userApi, watch }) => {
  const { id } = await userApi.start(template, { text: "again" });
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.expectStatus("Completed");
  await run.choose("Say it");
  const doubling =
    "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}";
  await test.step("what can be told from the prompt alone is refused, and stays in the dialog", async () => {
    watch.allowRefusal({ url: /\/_fn\/trigger_step/, status: 422 });
    const bad: [string, RegExp][] = [
      ["{{ text", /\{\{ is not closed/i],
      ["{% if texts %}x{% endif %}", /there is no input texts; there are text/i],
      ["{% include '/etc/passwd' %}", /cannot be used here/],
      [doubling, /only a name can be set|can be called/i],
    ];
    for (const [prompt, reason] of bad) {
      await again(page, prompt);
      const dialog = page.getByRole("dialog");
      await expect(dialog.getByLabel("Prompt")).toHaveAccessibleDescription(reason);
      await expect(dialog.getByLabel("Prompt")).toBeFocused();
      await expect(dialog.getByLabel("Prompt")).toHaveValue(prompt);
      await dialog.getByRole("button", { name: "Close" }).last().click();
    }
  });
  await test.step("and is told while it is typed, before anything is sent", async () => {
    await run.panel.getByRole("button", { name: /^(Retry|Re-run)$/ }).click();
    const field = page.getByRole("dialog").getByLabel("Prompt");
    await field.fill("{% if texts %}x{% endif %}");
    await expect(field).toHaveAccessibleDescription(/there is no input texts; there are text/i);
    await field.fill("{{ text }} again");
    await expect(field).not.toHaveAccessibleDescription(/there is no input/i);
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
  });

  await again(page, "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}");
  await expect(run.panel).toContainText("begun 2 times");
  await expect(run.step("Say it", "Failed")).toBeVisible();
  await expect(run.panel.locator(".review-bar")).toContainText("edit it and retry");

  await test.step("one that is too long is refused, and stays in the dialog", async () => {
    watch.expectRefusal({ url: /\/_fn\/trigger_step/, status: 413 });
    const long = "long ".repeat(60_000);
    await again(page, long);
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByLabel("Prompt")).toHaveAccessibleDescription(/256 KiB/);
    expect(await dialog.getByLabel("Prompt").inputValue()).toHaveLength(long.length);
    await dialog.getByRole("button", { name: "Close" }).last().click();
  });

  await test.step("markup in a prompt is text as well", async () => {
    await again(page, "<img src=x onerror='window.wasRun = true'>{{ text }}");
    await expect(run.step("Say it", "Completed")).toBeVisible();
    await expect(run.content).toContainText("<img src=x onerror='window.wasRun = true'>again");
    expect(await page.evaluate(() => "wasRun" in window)).toBe(false);
  });
});

test("a session that ends while a form is filled in loses nothing", async ({ open, userApi, watch }) => {
  watch.allowRefusal({ url: /\/_fn\/|\/live/, status: 401 });
  const page = await open(USER);
  await visit(page, `/start/${template}`);
  await page.getByLabel("Your text").fill("typed before the session ended");
  // The page is told of it at once, and asks by itself.
  await userApi.endOtherSessions();
  await signInAgain(page);
  await expect(page.getByLabel("Your text")).toHaveValue("typed before the session ended");
  await expect(page.getByRole("alert"), "there is nothing left to say").toHaveCount(0);
  await start(page);
  await page.waitForURL("**/runs/*");
  const run = new RunPage(page);
  await run.expectStatus("Completed");

  await test.step("nor does it while a prompt is edited", async () => {
    await run.choose("Say it");
    await run.panel.getByRole("button", { name: "Re-run" }).click();
    const dialog = page.getByRole("dialog", { name: "Re-run “Say it”" });
    await dialog.getByLabel("Prompt").fill("{{ text }}, and after it");
    await userApi.endOtherSessions();
    await signInAgain(page);
    await expect(dialog.getByLabel("Prompt")).toHaveValue("{{ text }}, and after it");
    await dialog.getByRole("button", { name: "Re-run", exact: true }).click();
    await expect(run.content).toContainText("typed before the session ended, and after it");
  });
});

test("definitions that cannot be are refused over the API, each with its reason", async ({ adminApi }) => {
  const steps = (steps: Record<string, unknown>) => ({ steps });
  const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, n) => [`s${n}`, { agent_id: "e2e-echo" }]));
  const unsavable: [unknown, number][] = [
    [{ name: "Too many", definition: steps(many) }, 422],
    [{ name: "Of the wrong type", definition: steps({ a: { agent_id: 7 } }) }, 422],
    [{ name: "Not a definition", definition: "steps" }, 422],
    [{ definition: steps({}) }, 400],
  ];
  for (const [body, status] of unsavable) {
    const answer = await adminApi.raw("POST", "/api/workflows/templates", body);
    expect([status, 400, 422]).toContain(answer.status());
    expect(answer.headers()["content-type"]).toContain("application/problem+json");
    expect(((await answer.json()) as { detail: string }).detail).toMatch(/\S+ \S+/);
  }
  const unpublishable: [string, Record<string, unknown>, string][] = [
    [
      "cycle",
      {
        a: { agent_id: "e2e-echo", depends_on: ["b"], inputs: { text: { const: "" } } },
        b: { agent_id: "e2e-echo", depends_on: ["a"], inputs: { text: { const: "" } } },
      },
      "cycle",
    ],
    ["unknown agent", { a: { agent_id: "nobody-made-this" } }, "unknown_agent"],
    ["missing input", { a: { agent_id: "e2e-echo" } }, "missing_input"],
  ];
  for (const [name, definition, code] of unpublishable) {
    const id = await adminApi.draft(`With a ${name}`, steps(definition));
    const answer = await adminApi.raw("POST", `/api/workflows/templates/${id}/publish`);
    expect(answer.status(), name).toBe(422);
    const { problems } = (await answer.json()) as { problems: { code: string; message: string }[] };
    expect(problems.map((problem) => problem.code), name).toContain(code);
  }
});

async function start(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Start run" }).click();
}

/** Retry or Re-run, whichever the step offers, with this prompt. */
async function again(page: Page, prompt: string): Promise<void> {
  const run = new RunPage(page);
  const dialog = page.getByRole("dialog", { name: /^(Retry|Re-run) “/ });
  // The feed may have told the last failure before the answer closed the dialog.
  await expect(dialog).toBeHidden();
  await run.panel.getByRole("button", { name: /^(Retry|Re-run)$/ }).click();
  await expect(dialog.getByLabel("Prompt")).not.toHaveValue("");
  await dialog.getByLabel("Prompt").fill(prompt);
  await dialog.getByRole("button", { name: /^(Retry|Re-run)$/ }).click();
}

async function signInAgain(page: Page): Promise<void> {
  const dialog = page.getByRole("dialog", { name: "Sign in again" });
  await expect(dialog).toContainText("What you wrote on this page is kept");
  await dialog.getByLabel("Password").fill(USER.password);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await expect(dialog).toBeHidden();
}
