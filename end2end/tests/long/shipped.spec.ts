// The workflows that Weft is shipped with: each is in the gallery with its drawing, and runs to its end on the local model, through
// the gates and forms that it has. What the model says is nothing that a test could know.

import type { Page } from "@playwright/test";
import type { Api, Run } from "../../support/api.ts";
import { USER } from "../../support/people.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, test, visit } from "../../support/test.ts";

/** What the model may take on a slow machine; it is done in a fraction of it elsewhere. */
const MODEL_TIMEOUT_MS = 180_000;

const SHORT = "The heating of the school works again.";
const LONG = `On Monday the heating of the old school failed again. The caretaker found that a pump had stopped, and that no spare part
was in the house. Until Thursday the classes of the third floor met in the library, where it was warm but crowded. On Friday the
new pump came and was built in, and since then all rooms are warm. The school will keep a spare pump from now on.`;

interface Shipped {
  readonly name: string;
  readonly inputs: Record<string, unknown>;
  /** The step whose artifact is the result. */
  readonly last: string;
}

const ANSWER: Shipped = { name: "Answer a message", inputs: { message: "Can we meet on Tuesday?", name: "Ada" }, last: "letter" };
const LINES: Shipped = { name: "One line each", inputs: { texts: [SHORT, "The parcel came late."] }, last: "list" };
const BRANCH: Shipped = { name: "Short version", inputs: { text: LONG }, last: "result" };
// Both stay as they are, which takes no model: the branch has asked it already.
const TWICE: Shipped = { name: "Two texts side by side", inputs: { first: SHORT, second: "It is warm." }, last: "page" };
const DRAFTS: Shipped = { name: "Two drafts to choose from", inputs: { topic: "Our office moves in May." }, last: "page" };
const REQUEST: Shipped = { name: "Request and approval", inputs: {}, last: "decision" };
const SIX = [ANSWER, LINES, BRANCH, TWICE, DRAFTS, REQUEST];

test("each shipped workflow is drawn in the gallery and runs to its end on the local model", async ({ open, userApi, adminApi }) => {
  test.setTimeout(MODEL_TIMEOUT_MS + 60_000);
  const runs = new Map<Shipped, string>();
  for (const one of SIX) {
    runs.set(one, (await userApi.start(await userApi.templateNamed(one.name), one.inputs)).id);
  }
  const id = (one: Shipped) => runs.get(one) ?? "";
  const verb = (api: Api, one: Shipped, step: string, name: string, body: unknown) =>
    api.post<Run>(`/api/workflows/runs/${id(one)}/steps/${step}/${name}`, body);
  await waiting(userApi, id(REQUEST), "details");
  await verb(userApi, REQUEST, "details", "supply", {
    outputs: { item: "A second screen", reason: "I compare texts all day.", cost: 180 },
  });

  const page = await open(USER, { colorScheme: "light" });
  await test.step("while the model works, the gallery shows each with a drawing of its steps", async () => {
    await visit(page, "/workflows");
    for (const { name } of SIX) {
      await expect(drawing(page, name).locator("svg")).toBeVisible();
      await expect(drawing(page, name).locator("path")).not.toHaveCount(0);
    }
    await expect(drawing(page, BRANCH.name)).toHaveAccessibleName(
      "Steps: Clean the text; then Count the words; then Shorten; then Take the short version",
    );
    await expect(drawing(page, DRAFTS.name)).toHaveAccessibleName(
      "Steps: A plain draft, A warm draft; then Choose one; then Take the chosen one",
    );
    const line = drawing(page, BRANCH.name).locator("path").first();
    const colour = () => line.evaluate((element) => getComputedStyle(element).stroke);
    const light = await colour();
    await page.emulateMedia({ colorScheme: "dark" });
    await expect.poll(colour, "its colours are those of the theme").not.toBe(light);
  });

  await test.step("a person chooses between the drafts on the page", async () => {
    await visit(page, `/runs/${id(DRAFTS)}`);
    const run = new RunPage(page);
    await expect(run.step("Choose one", "Awaiting review")).toBeVisible({ timeout: MODEL_TIMEOUT_MS });
    await run.choose("Choose one");
    const form = run.panel.getByRole("region", { name: "Your answer" });
    await expect(form).toContainText("Which draft do you take");
    await form.getByLabel("choice").selectOption({ label: "The second draft" });
    await form.getByLabel("title").fill("We move");
    await form.getByRole("button", { name: "Send answer" }).click();
    await run.expectStatus("Completed");
    await run.choose("Take the chosen one");
    await expect(run.content.getByRole("heading", { name: "We move", exact: true }).first()).toBeVisible();
  });

  await test.step("the reply is read before it counts", async () => {
    await waiting(userApi, id(ANSWER), "reply");
    await verb(userApi, ANSWER, "reply", "continue", {});
  });

  await test.step("two people approve the request: the first alone is not enough", async () => {
    await waiting(userApi, id(REQUEST), "request");
    const after = await verb(userApi, REQUEST, "request", "continue", {});
    expect(status(after, "request")).toBe("awaiting_review");
    await verb(adminApi, REQUEST, "request", "continue", {});
  });

  for (const one of SIX) {
    await test.step(`${one.name} has come to its end`, async () => {
      const run = await settled(userApi, id(one));
      expect(run.status).toBe("completed");
      expect(run.artifacts.some(({ producing_step_id }) => producing_step_id === one.last)).toBe(true);
    });
  }
  const branched = await userApi.run(id(BRANCH));
  expect(status(branched, "shorten"), "the long text takes the way through the model").toBe("completed");
});

/** The drawing on the card of a workflow. */
function drawing(page: Page, name: string) {
  const card = page.getByRole("listitem").filter({ has: page.getByRole("heading", { name, exact: true }) });
  return card.getByRole("img", { name: /^Steps: / });
}

function status(run: Run, step: string): string | undefined {
  return run.steps.find(({ key }) => key === step)?.status;
}

/** Waits until a step asks somebody. */
async function waiting(api: Api, run: string, step: string): Promise<void> {
  const now = async () => status(await api.run(run), step);
  await expect.poll(now, { message: `${step} asks somebody`, timeout: MODEL_TIMEOUT_MS }).toBe("awaiting_review");
}

/** The run, once nothing of it moves by itself any more. */
async function settled(api: Api, run: string): Promise<Run> {
  const now = async () => (await api.run(run)).status;
  await expect.poll(now, { message: "it is over", timeout: MODEL_TIMEOUT_MS }).toMatch(/^(completed|failed|cancelled)$/);
  return api.run(run);
}
