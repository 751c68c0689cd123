// What would fail or be skipped in every run is said in the editor, at the field, with what there is instead: conditions,
// paths and templates. Publishing and saving refuse it.

import { ADMIN } from "../../support/people.ts";
import { EditorPage } from "../../support/editor_page.ts";
import { type Agent } from "../../support/api.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { saveAgents } from "../../support/workflows.ts";

test.use({ viewport: { width: 1440, height: 900 } });

const PERSON: Agent = {
  id: "e2e-person",
  name: "Person",
  inputs: [],
  outputs: [
    {
      name: "person",
      schema: { type: "object", properties: { name: { type: "string" }, city: { type: "string" }, age: { type: "number" } } },
    },
  ],
  config: { kind: "template", template: '{"name": "Ann", "city": "Rome", "age": 40}' },
};

const part = (path: string) => ({ from: "step", step: "a", artifact: "person", path });

test.beforeAll(async ({ adminApi }) => {
  await saveAgents(adminApi);
  await adminApi.saveAgent(PERSON);
});

test("conditions and paths that cannot hold are told at their fields", async ({ open, viewport, adminApi }) => {
  const id = await adminApi.draft(unique("Judged"), {
    steps: {
      a: { agent_id: "e2e-person", ui: { x: 0, y: 0 } },
      b: {
        agent_id: "e2e-echo",
        depends_on: ["a"],
        ui: { x: 320, y: 0 },
        inputs: { text: part("/nmae") },
        prompt: "{% if txet %}{{ text }}{% endif %}",
        when: { and: [{ lt: [part("/age"), { const: "5" }] }, { exists: part("/town") }] },
      },
    },
  });
  const page = await open(ADMIN, { viewport });
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${id}`);
  await editor.select("b", "b");
  const first = editor.panel.getByRole("group", { name: "Condition 1" });
  const second = editor.panel.getByRole("group", { name: "Condition 2" });
  await expect(first).toContainText("A number cannot be compared with a text");
  await expect(second).toContainText("there is no town; there are name, city, age");
  await expect(editor.panel).toContainText("The path /nmae leads nowhere: there is no nmae; there are name, city, age");
  await expect(editor.panel.getByLabel("Prompt of this step")).toHaveAttribute("aria-invalid", "true");
  await expect(editor.panel).toContainText("There is no input txet; there are text");
  await expect(page.getByRole("button", { name: "Publish" })).toBeDisabled();

  await test.step("each goes away with its mend", async () => {
    await first.getByLabel("Value").fill("50");
    await expect(first).not.toContainText("cannot be compared");
    await second.getByLabel("Only a part of it").fill("/city");
    await expect(second).not.toContainText("there is no");
    await editor.panel.getByLabel("Prompt of this step").fill("{{ text }}");
    await expect(editor.panel).not.toContainText("There is no input");
    await editor.panel.getByLabel("Only a part of it").last().fill("/name");
  });

  await test.step("a new condition is not finished before it has a value", async () => {
    await editor.panel.getByRole("button", { name: "Add a condition" }).click();
    const third = editor.panel.getByRole("group", { name: "Condition 3" });
    await expect(third).toContainText("The condition is not finished");
  });
});

test("an agent whose templates cannot render is not saved", async ({ open }) => {
  const page = await open(ADMIN);
  await visit(page, "/admin/agents/new");
  await page.getByLabel("Name").first().fill(unique("Caller"));
  await page.getByRole("radio", { name: /HTTP call/ }).check();
  await page.getByLabel("Address").fill("https://{{ text }}/");
  await page.getByRole("button", { name: "Add header" }).click();
  await page.getByLabel("Header name").fill("Host");
  await page.getByRole("button", { name: /^(Create|Save)/ }).first().click();
  await expect(page.getByText("A value cannot choose the server")).toBeVisible();
  await expect(page.getByText("is set by Weft itself")).toBeVisible();
});
