// Others are asked: a person who is not the owner answers a form and may do nothing else there, and a gate that wants
// two approvals waits for the second.

import { InboxPage } from "../support/inbox_page.ts";
import { OTHER_USER, USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { ECHO, input, output, saveAgents, step, TEXT, TEXT_INPUT } from "../support/workflows.ts";

const ASK = {
  id: "e2e-ask-person",
  name: "Ask a person",
  inputs: [{ name: "text", schema: TEXT, required: true }],
  outputs: [
    { name: "verdict", schema: { type: "string", enum: ["publish", "drop"] } },
    { name: "comment", schema: TEXT },
  ],
  config: { kind: "human", instructions: "Read **{{ text }}** and say what to do with it." },
};

test.beforeAll(async ({ adminApi }) => {
  await saveAgents(adminApi);
  await adminApi.saveAgent(ASK);
});

test("somebody else answers a form, and may do nothing else in the run", async ({ open, adminApi, userApi, otherApi, watch }) => {
  // The run is theirs no more once they answered, and their page may just then be asking for its feed.
  watch.allowRefusal({ url: /\/runs\/[^/]+\/live/, status: 404 });
  watch.allowComplaint(/\/live' failed: WebSocket is closed before the connection is established/);
  const name = unique("Asked of somebody else");
  const template = await adminApi.publish(name, {
    inputs: TEXT_INPUT,
    steps: {
      ask: {
        ...step("Ask for a verdict", ASK, input("text")),
        review: { assignees: { users: [OTHER_USER.email] } },
      },
      use: step("Use the comment", ECHO, { ...output("ask"), artifact: "comment" }, ["ask"]),
    },
  });
  const { id } = await userApi.start(template, { text: "the draft" });
  const page = await open(OTHER_USER);
  const run = new RunPage(page);

  await test.step("it waits in their inbox", async () => {
    const inbox = new InboxPage(page);
    await inbox.visit(name);
    await expect(inbox.rows(name)).toContainText("asks for an answer");
    await visit(page, `/runs/${id}`);
    await run.choose("Ask for a verdict");
    await expect(run.panel).toContainText("Waiting for your answer");
  });

  await test.step("nothing else is offered", async () => {
    await expect(run.head.getByRole("button", { name: "Cancel run" })).toHaveCount(0);
    await expect(run.head.getByRole("button", { name: "Pause" })).toHaveCount(0);
    await expect(run.head.getByRole("switch", { name: "Auto-run" })).toBeDisabled();
    await run.panel.getByRole("button", { name: "More about this step" }).click();
    await expect(run.panel.getByRole("menuitem", { name: "Skip" })).toContainText(
      "Only the run's owner and admins may do this",
    );
    await page.keyboard.press("Escape");
    for (const verb of ["cancel", "pause", "steps/ask/skip", "steps/use/trigger"]) {
      const answer = await otherApi.raw("POST", `/api/workflows/runs/${id}/${verb}`, {});
      expect(answer.status(), verb).toBe(403);
    }
  });

  const form = run.panel.getByRole("region", { name: "Your answer" });
  await test.step("the form says what is missing, and is sent", async () => {
    await expect(form).toContainText("Read the draft and say what to do with it.");
    await form.getByRole("button", { name: "Send answer" }).click();
    await expect(form.getByLabel("verdict")).toHaveAccessibleDescription(/Choose one/);
    await expect(form.getByLabel("verdict")).toBeFocused();
    await form.getByLabel("verdict").selectOption({ label: "publish" });
    await form.getByLabel("comment").fill("Print it");
    const owner = await open(USER);
    await visit(owner, `/runs/${id}`);
    await form.getByRole("button", { name: "Send answer" }).click();
    await expect(page.getByRole("heading", { name: "Nothing waits for you here any more" })).toBeVisible();
    await page.getByRole("link", { name: "Go to the dashboard" }).click();
    await expect(page).toHaveURL("/dashboard");

    const theirs = new RunPage(owner);
    await theirs.expectStatus("Completed");
    await theirs.choose("Use the comment");
    await expect(theirs.content).toContainText("Print it");
    await theirs.choose("Ask for a verdict");
    await theirs.tab("Versions").click();
    await expect(theirs.content.getByRole("list", { name: "Versions" })).toContainText(OTHER_USER.email);
  });
});

test("a gate that wants two approvals counts the first and goes on with the second", async ({ open, adminApi, userApi }) => {
  const template = await adminApi.publish(unique("Approved by two"), {
    inputs: TEXT_INPUT,
    steps: {
      echo: {
        ...step("Say it", ECHO, input("text")),
        review: { mode: "always", quorum: 2, assignees: { users: [USER.email, OTHER_USER.email] } },
      },
    },
  });
  const { id } = await userApi.start(template, { text: "twice" });
  const [mine, theirs] = [await open(USER), await open(OTHER_USER)];
  for (const page of [mine, theirs]) {
    await visit(page, `/runs/${id}`);
    await new RunPage(page).choose("Say it");
  }
  const [first, second] = [new RunPage(mine), new RunPage(theirs)];
  await expect(first.panel).toContainText("0 of 2");
  await first.verb("Continue").click();
  for (const run of [first, second]) {
    await expect(run.panel).toContainText("1 of 2");
    await expect(run.panel.locator(".gate-facts")).toContainText(USER.email);
    await expect(run.step("Say it", "Awaiting review")).toBeVisible();
  }
  await expect(first.verb("Continue")).toHaveCount(0);
  await expect(first.panel).toContainText("You have approved this version already");
  await second.verb("Continue").click();
  await first.expectStatus("Completed");
});
