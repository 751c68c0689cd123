// Keys, versions, types and problems in the editor: a key that is changed takes everything along, steps that are behind are brought up
// together, types are made of fields, lists are filled in as rows, and what is wrong is put right where it stands.

import type { Page } from "@playwright/test";
import type { Agent } from "../../support/api.ts";
import { EditorPage } from "../../support/editor_page.ts";
import { ADMIN, USER } from "../../support/people.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { ECHO, input, output, saveAgents, step, template, TEXT, TEXT_INPUT } from "../../support/workflows.ts";

const WIDE = { viewport: { width: 1440, height: 900 } };

test.use(WIDE);

interface Step {
  readonly title?: string;
  readonly agent_version?: number;
  readonly depends_on: readonly string[];
  readonly inputs?: Record<string, unknown>;
  readonly when?: unknown;
}

interface Problem {
  readonly step: string | null;
  readonly severity: string;
  readonly message: string;
}

interface Stored {
  readonly definition: { readonly inputs?: Record<string, { readonly schema: unknown }>; readonly steps: Record<string, Step> };
  readonly problems: readonly Problem[];
}

type Get = { get<T>(path: string): Promise<T> };

const stored = (adminApi: Get, id: string) => adminApi.get<Stored>(`/api/workflows/templates/${id}`);

const ident = (name: string) => unique(name).toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");

async function openEditor(page: Page, id: string): Promise<EditorPage> {
  await visit(page, `/admin/workflows/${id}`);
  return new EditorPage(page);
}

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("another key of a step or an input takes every reference along, and is one step of undo", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Keys"), {
    inputs: TEXT_INPUT,
    steps: {
      first: { ...step("First", ECHO, input("text")), ui: { x: 0, y: 0 } },
      second: {
        ...step("Second", ECHO, output("first"), ["first"]),
        when: { exists: output("first") },
        ui: { x: 320, y: 0 },
      },
    },
  });
  const page = await open(ADMIN, WIDE);
  const editor = await openEditor(page, id);
  await editor.select("first", "First");
  const key = editor.panel.getByLabel("Key", { exact: true });

  await test.step("one that cannot be given says why, and Esc brings the old one back", async () => {
    await key.fill("second");
    await key.press("Enter");
    await expect(key).toHaveAccessibleDescription(/There is a step second already/);
    await key.fill("Not a key");
    await key.press("Enter");
    await expect(key).toHaveAccessibleDescription(/such as not_a_key/);
    await key.press("Escape");
    await expect(key).toHaveValue("first");
  });

  await key.fill("opening");
  await key.press("Enter");
  await expect(editor.panel.getByLabel("Key", { exact: true })).toHaveValue("opening");
  await expect(editor.panel.getByLabel("Key", { exact: true })).toBeFocused();
  await editor.expectSaved();
  const { steps } = (await stored(adminApi, id)).definition;
  expect(Object.keys(steps)).toEqual(["opening", "second"]);
  expect(steps.second?.depends_on).toEqual(["opening"]);
  expect(steps.second?.inputs).toEqual({ text: output("opening") });
  expect(steps.second?.when).toEqual({ exists: output("opening") });

  await page.getByRole("button", { name: /^Undo: Rename key/ }).click();
  await expect(editor.panel.getByLabel("Key", { exact: true })).toHaveValue("first");

  await test.step("a run input", async () => {
    await editor.panel.getByRole("button", { name: "Back to the workflow's settings" }).click();
    await editor.panel.getByText("Your text").click();
    const inputKey = editor.panel.getByLabel("Key", { exact: true });
    await inputKey.fill("story");
    await inputKey.press("Enter");
    await expect(editor.panel.getByLabel("Key", { exact: true })).toHaveValue("story");
    await editor.expectSaved();
    const { definition } = await stored(adminApi, id);
    expect(Object.keys(definition.inputs ?? {})).toEqual(["story"]);
    expect(definition.steps.first?.inputs).toEqual({ text: input("story") });
  });
});

test("steps that are behind are brought up together, and what does not fit is put right with a press", async ({ open, adminApi }) => {
  const name = unique("Behind");
  const agent = template(ident("Behind"), name, ["text"], "{{ text }}");
  await adminApi.saveAgent(agent);
  const kept = (title: string, x: number) => ({
    ...step(title, agent, input("text")),
    agent_version: 1,
    ui: { x, y: 0 },
  });
  const id = await adminApi.draft(unique("Behind"), { inputs: TEXT_INPUT, steps: { one: kept("One", 0), two: kept("Two", 320) } });
  await adminApi.saveAgent(template(agent.id, name, ["words"], "Say {{ words }}"));
  const page = await open(ADMIN, WIDE);
  const editor = await openEditor(page, id);
  await expect(editor.step("One")).toHaveAccessibleName(/1 version behind/);
  await editor.select("one", "One");
  const behind = editor.panel.getByRole("group", { name: "Newer version" });
  await expect(behind).toContainText("Behind by 1");
  await behind.getByText("What changed from version 1 to 2").click();
  await expect(behind).toContainText("Input words");
  await expect(behind).toContainText("Say {{ words }}");
  await expect(behind).toContainText("It brings 4 problems");

  await behind.getByRole("button", { name: "Use version 2 in 2 steps" }).press("Enter");
  await expect(editor.step("Two")).not.toHaveAccessibleName(/behind/);
  // The button is gone, and the keyboard stays where it was.
  await expect(editor.panel.getByRole("region", { name: "Agent", exact: true })).toBeFocused();
  await expect(editor.panel.getByRole("combobox", { name: "Source of words" })).toHaveAccessibleDescription(/words needs a value/);
  const problems = page.getByRole("region", { name: "Problems" });
  await problems.getByRole("button", { name: "Problems" }).click();
  await expect(problems.getByRole("button", { name: /Error in One.*has no input text/ })).toBeVisible();
  await problems.getByRole("button", { name: "Move it to words" }).first().press("Enter");
  await expect(problems.getByRole("button", { name: /Error in One/ })).toHaveCount(0);
  await expect(problems.locator(":focus")).toHaveCount(1);
  await page.getByRole("button", { name: /^Undo: Move it/ }).click();
  await page.getByRole("button", { name: /^Undo: Use version 2/ }).click();
  await expect(editor.step("One")).toHaveAccessibleName(/1 version behind/);
  await expect(editor.step("Two")).toHaveAccessibleName(/1 version behind/);
});

test("a type is made of fields at any depth, as JSON too, and nothing is lost on the way", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Fields"), {
    inputs: { order: { title: "Order", schema: { type: "object", properties: { day: { type: "string", format: "date" } } } } },
    steps: { echo: step("Echo it", ECHO, { const: "x" }) },
  });
  const page = await open(ADMIN, WIDE);
  const editor = await openEditor(page, id);
  await editor.panel.getByText("Order").first().click();
  const fields = editor.panel.getByRole("group", { name: "What is inside" });
  await expect(fields).toContainText("shown only as JSON Schema: day");
  await fields.getByRole("button", { name: "Add field" }).press("Enter");
  const added = fields.getByLabel("Field 2", { exact: true });
  await expect(added).toBeFocused();
  await added.fill("day");
  await expect(added).toHaveAccessibleDescription(/There is a field day already/);
  await added.fill("lines");
  await fields.getByLabel("Type of lines").selectOption({ label: "List" });
  await fields.getByLabel("Each item of it").selectOption({ label: "Object" });
  const inner = fields.getByRole("group", { name: "Field lines" });
  await inner.getByRole("button", { name: "Add field" }).click();
  await inner.getByLabel("Field 1", { exact: true }).fill("size");
  await inner.getByLabel("Type of size").selectOption({ label: "Choice" });
  await inner.getByLabel("Type of size: what to choose from").fill("small\nlarge");
  await fields.getByRole("button", { name: "Move lines up" }).click();
  await fields.getByText("A value that fits").click();
  await expect(fields.getByRole("region", { name: "A value that fits" })).toContainText('"size": "small"');

  await editor.panel.getByRole("button", { name: "Write as JSON Schema" }).press("Enter");
  await expect(editor.panel.getByRole("button", { name: "Show as fields" })).toBeFocused();
  await expect(editor.panel.getByLabel("What is inside")).toHaveValue(/"format": "date"/);
  await editor.panel.getByRole("button", { name: "Show as fields" }).click();
  await expect(fields.getByLabel("Field 1", { exact: true }).first()).toHaveValue("lines");
  await editor.expectSaved();
  const { definition } = await stored(adminApi, id);
  const size = { type: "string", enum: ["small", "large"] };
  expect(definition.inputs?.order?.schema).toEqual({
    type: "object",
    required: ["lines"],
    properties: {
      lines: { type: "array", items: { type: "object", required: ["size"], properties: { size } } },
      day: { type: "string", format: "date" },
    },
  });
});

test("lists are filled in as rows, pasted lines become rows, and a run gets what was typed", async ({ open, adminApi }) => {
  const person = { type: "object", required: ["name"], properties: { name: { type: "string" }, age: { type: "integer" } } };
  const template = await adminApi.publish(unique("Rows"), {
    inputs: {
      topics: { title: "Topics", schema: { type: "array", items: { type: "string" } }, required: true, order: 1 },
      people: { title: "People", schema: { type: "array", items: person }, required: false, order: 2 },
      parcel: { title: "Parcel", schema: { type: "object", required: ["to"], properties: { to: person, note: TEXT, free: {} } }, required: true, order: 3 },
    },
    steps: { echo: step("Echo it", ECHO, { const: "x" }) },
  });
  const page = await open(USER, { ...WIDE, permissions: ["clipboard-read", "clipboard-write"] });
  await visit(page, `/start/${template}`);
  const topics = page.getByRole("group", { name: /^Topics/ });
  const people = page.getByRole("group", { name: /^People/ });
  const start = page.getByRole("button", { name: "Start run" });
  await start.click();
  await expect(topics).toHaveAccessibleDescription(/Add a row to “Topics” to start/);

  await topics.getByRole("button", { name: "Add a row" }).click();
  await expect(topics.getByLabel("Row 1", { exact: true })).toBeFocused();
  await page.evaluate(() => navigator.clipboard.writeText("tea\n\ncoffee\nwater\n"));
  await page.keyboard.press("ControlOrMeta+v");
  await expect(topics.getByRole("textbox")).toHaveCount(3);
  await topics.getByRole("button", { name: "Move row 3 up" }).click();
  await topics.getByRole("button", { name: "Remove row 1" }).click();

  await people.getByRole("button", { name: "Add a row" }).click();
  await people.getByLabel("age").fill("forty");
  await start.click();
  await expect(people.getByLabel("name", { exact: true })).toHaveAccessibleDescription(/Fill this in/);
  await expect(people.getByLabel("age")).toHaveAccessibleDescription(/Enter a number/);
  await people.getByLabel("name", { exact: true }).fill("Ada");
  await people.getByLabel("age").fill("40");

  const to = page.getByRole("group", { name: /^Parcel/ }).getByRole("group", { name: /^to/ });
  await expect(to.getByLabel("name", { exact: true })).toHaveAttribute("required");
  await to.getByLabel("age").fill("7");
  await start.click();
  await expect(to.getByLabel("name", { exact: true })).toHaveAccessibleDescription(/Fill this in/);
  await to.getByLabel("name", { exact: true }).fill("Bob");
  await start.click();
  await page.waitForURL("**/runs/*");
  const run = await adminApi.get<{ inputs: unknown }>(`/api/workflows/runs/${page.url().split("/").pop() ?? ""}`);
  expect(run.inputs).toEqual({
    topics: ["water", "coffee"],
    people: [{ name: "Ada", age: 40 }],
    parcel: { to: { name: "Bob", age: 7 } },
  });
});

test("what can be read lists nested fields with their types and the last values", async ({ open, adminApi }) => {
  const plan: Agent = {
    id: ident("Nested"),
    name: unique("Nested"),
    inputs: [],
    outputs: [
      {
        name: "plan",
        schema: { type: "object", properties: { meta: { type: "object", properties: { title: TEXT, pages: { type: "integer" } } } } },
      },
    ],
    config: { kind: "template", template: '{"meta": {"title": "On tea", "pages": 3}}' },
  };
  await adminApi.saveAgent(plan);
  const id = await adminApi.publish(unique("Nested"), {
    steps: {
      plan: { title: "Plan", agent_id: plan.id, ui: { x: 0, y: 0 } },
      echo: { ...step("Echo it", ECHO, { const: "x" }, ["plan"]), ui: { x: 320, y: 0 } },
    },
  });
  const run = await adminApi.start(id);
  await expect.poll(async () => (await adminApi.run(run.id)).status).toBe("completed");
  const page = await open(ADMIN, WIDE);
  const editor = await openEditor(page, id);
  await editor.select("echo", "Echo it");
  await editor.panel.getByRole("combobox", { name: "Source of text" }).click();
  const title = page.getByRole("option", { name: /^Plan · plan › meta › title/ });
  await expect(title).toContainText("text");
  await expect(title).toContainText("On tea");
  await title.click();
  await expect(editor.panel.getByRole("region", { name: "Inputs" })).toContainText("Last run: On tea");

  await editor.panel.getByRole("button", { name: "Add a condition" }).click();
  const condition = editor.panel.getByRole("group", { name: "Condition 1" });
  await condition.getByRole("combobox", { name: "What to look at" }).click();
  const pages = page.getByRole("option", { name: /^Plan · plan › meta › pages/ });
  await expect(pages).toContainText("whole number");
  await pages.click();
  await expect(condition).toContainText("Type: whole number");
  await expect(condition).toContainText("Last run: 3");
});

test("the page finds what the server finds, and what has one mend is mended with a press", async ({ open, adminApi, watch }) => {
  // A default of another type stands in a number field, until somebody puts it right.
  watch.allowComplaint(/The specified value "x" cannot be parsed/);
  const broken = {
    inputs: { text: { title: "Text", schema: { type: "string", enum: [] } }, spare: { schema: { type: "number" }, default: "x" } },
    steps: {
      a: { agent_id: ECHO.id, ui: { x: 0, y: 0 }, inputs: { text: input("gone"), more: { const: 1 } }, timeout_s: 0 },
      b: { agent_id: ECHO.id, ui: { x: 320, y: 0 }, depends_on: ["b", "nobody"], inputs: { text: output("a") } },
      c: { agent_id: "nobody", ui: { x: 640, y: 0 }, when: { lt: [output("a"), { const: [1] }] } },
      d: { agent_id: ECHO.id, ui: { x: 960, y: 0 }, prompt: "{{ txet }}", map: { over: input("text") }, review: { quorum: 99 } },
      "Bad Key": { agent_id: ECHO.id, ui: { x: 1280, y: 0 }, agent_version: 999, on_error: "default" },
    },
  };
  const id = await adminApi.draft(unique("Broken"), broken);
  const page = await open(ADMIN, WIDE);
  const editor = await openEditor(page, id);
  // What stands there at first is the server's; an edit makes the page judge by itself.
  await editor.panel.getByLabel("Description").fill("Judged by the page");
  const problems = page.getByRole("region", { name: "Problems" });
  await problems.getByRole("button", { name: "Problems" }).click();
  const { problems: known } = await stored(adminApi, id);
  expect(known.length).toBeGreaterThan(12);
  const words = (text: string) => text.replaceAll("`", "").replaceAll(/\s+/g, " ").trim();
  const told = async () => (await problems.locator("[data-row] > button:first-child > span:last-child").allInnerTexts()).map(words).sort();
  await expect.poll(told).toEqual(known.map(({ message }) => words(message)).sort());

  await problems.getByRole("button", { name: "Rename it to bad_key" }).click();
  await expect(problems.getByRole("button", { name: /no step key/ })).toHaveCount(0);
  await editor.expectSaved();
  expect(Object.keys((await stored(adminApi, id)).definition.steps)).toContain("bad_key");
});
