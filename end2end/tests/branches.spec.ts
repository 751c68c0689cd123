// A workflow that forks on what a step found: the side not taken is skipped, the join goes on with the other, and each
// skipped step says why in words.

import { USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { COUNT, ECHO, input, output, saveAgents, SHOUT, step, template, TEXT, TEXT_INPUT } from "../support/workflows.ts";

const NAME = unique("One way or the other");

/** Takes whichever side was taken. */
const EITHER = {
  ...template("e2e-either", "Either", [], "{{ left or right }}"),
  inputs: ["left", "right"].map((name) => ({ name, schema: TEXT, required: false })),
};

const isLoud = { eq: [output("take"), { const: "loud" }] };

test.beforeAll(async ({ adminApi }) => {
  await saveAgents(adminApi);
  await adminApi.saveAgent(EITHER);
  await adminApi.publish(NAME, {
    inputs: TEXT_INPUT,
    steps: {
      take: step("Take the text", ECHO, input("text")),
      shout: { ...step("Shout it", SHOUT, output("take"), ["take"]), when: isLoud },
      echo: step("Echo the shout", ECHO, output("shout"), ["shout"]),
      count: { ...step("Count it", COUNT, output("take"), ["take"]), when: { not: isLoud } },
      join: {
        title: "Join",
        agent_id: EITHER.id,
        depends_on: ["echo", "count"],
        inputs: { left: output("echo"), right: output("count") },
      },
    },
  });
});

test("the side that is not taken is skipped with its reason, and the join goes on with the other", async ({ open, userApi }) => {
  const workflow = await userApi.templateNamed(NAME);
  const page = await open(USER);
  const run = new RunPage(page);

  await test.step("one way", async () => {
    const { id } = await userApi.start(workflow, { text: "quiet" });
    await visit(page, `/runs/${id}`);
    await run.expectStatus("Completed");
    await run.expectSteps({ "Shout it": "Skipped", "Echo the shout": "Skipped", "Count it": "Completed", Join: "Completed" });
    await run.choose("Shout it");
    await expect(run.panel).toContainText("Its condition was false");
    await run.choose("Echo the shout");
    await expect(run.panel).toContainText("Every step it depends on was skipped");
    await run.choose("Join");
    await expect(run.content).toContainText("5 letters");
  });

  await test.step("the other way", async () => {
    const { id } = await userApi.start(workflow, { text: "loud" });
    await visit(page, `/runs/${id}`);
    await run.expectStatus("Completed");
    await run.expectSteps({ "Shout it": "Completed", "Echo the shout": "Completed", "Count it": "Skipped", Join: "Completed" });
    await run.choose("Join");
    await expect(run.content).toContainText("LOUD");
  });
});

test("a person runs the side that was skipped after all", async ({ open, userApi }) => {
  const { id } = await userApi.start(await userApi.templateNamed(NAME), { text: "quiet" });
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.expectStatus("Completed");
  await run.choose("Shout it");
  await run.verb("Run").click();
  await run.answer("Run “Shout it”", "Run");
  await expect(run.step("Shout it", "Completed")).toBeVisible();
  await expect(run.content).toContainText("QUIET");
});

test("behind a failure the steps say which kind of skip it was, and a retry opens them again", async ({ open, adminApi, userApi }) => {
  const workflow = await adminApi.publish(unique("Fails, and goes round it"), {
    inputs: TEXT_INPUT,
    steps: {
      fails: { ...step("Fails at first", SHOUT, input("text")), prompt: "{{ 1 // 0 }}" },
      next: step("After it", ECHO, output("fails"), ["fails"]),
      beside: step("Beside it", COUNT, input("text")),
      always: {
        title: "In any case",
        agent_id: EITHER.id,
        depends_on: ["next", "beside"],
        trigger_rule: "all_done",
        inputs: { left: output("next"), right: output("beside") },
      },
    },
  });
  const { id } = await userApi.start(workflow, { text: "mended" });
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.expectStatus("Failed");
  await run.expectSteps({ "Fails at first": "Failed", "After it": "Skipped", "Beside it": "Completed", "In any case": "Completed" });
  await run.choose("After it");
  await expect(run.panel).toContainText("A step it depends on failed: retry that one, and this one opens again");
  await run.choose("In any case");
  await expect(run.content).toContainText("6 letters");

  await run.choose("Fails at first");
  await run.verb("Retry").click();
  const dialog = run.dialog("Retry “Fails at first”");
  await dialog.getByLabel("Prompt").fill("{{ text | upper }}");
  await run.answer("Retry “Fails at first”", "Retry");
  await run.expectSteps({ "Fails at first": "Completed", "After it": "Completed" });
  await run.expectStatus("Completed");
  await run.choose("After it");
  await expect(run.content).toContainText("MENDED");
});
