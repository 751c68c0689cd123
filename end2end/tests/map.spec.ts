// A list is worked through item by item: each has its own review, and what the items made is collected in the order
// of the list.

import { USER } from "../support/people.ts";
import { RunPage } from "../support/run_page.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { saveAgents, sections } from "../support/workflows.ts";

test("three items are approved, edited and sent back, each by itself, and collected", async ({ open, adminApi, userApi }) => {
  await saveAgents(adminApi);
  const template = await adminApi.publish(unique("Written in sections"), sections());
  const { id } = await userApi.start(template);
  const page = await open(USER);
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  const items = run.content.getByRole("list", { name: "Items" });
  const item = (name: string, status: string) =>
    items.getByRole("button", { name: new RegExp(`^${status} ${name} #\\d$`) });

  await test.step("the list says how many wait, and shows only those when asked", async () => {
    await run.expectStatus("Awaiting review");
    await run.choose("Write each section");
    await expect(run.step("Write each section", "Running")).toContainText("0 of 3");
    await expect(run.panel).toContainText("3 items to review");
    await expect(items.getByRole("listitem")).toHaveCount(3);
    const waiting = run.content.getByRole("button", { name: "3 awaiting review" });
    await waiting.click();
    await expect(waiting).toHaveAttribute("aria-pressed", "true");
    await expect(items.getByRole("listitem")).toHaveCount(3);
    await waiting.click();
  });

  await test.step("approve the first", async () => {
    await run.panel.getByRole("button", { name: "Open the first" }).click();
    await expect(run.panel).toContainText("Item 1");
    await expect(run.content).toContainText("A draft of One");
    await run.verb("Continue").click();
    // The next one that waits is there by itself.
    await expect(run.panel).toContainText("Item 2");
    await expect(run.panel.getByRole("status", { name: "What else waits for you" })).toContainText("1 more waits for you here.");
    await run.panel.getByRole("button", { name: "All items of Write each section" }).click();
    await expect(item("one", "Completed")).toBeVisible();
    await expect(run.content.getByRole("button", { name: "2 awaiting review" })).toBeVisible();
    await expect(run.step("Write each section", "Running")).toContainText("1 of 3");
  });

  await test.step("edit the second, and continue with what was written", async () => {
    await item("two", "Awaiting review").click();
    await expect(run.panel).toContainText("Item 2");
    await run.verb("Edit").click();
    const dialog = run.dialog(/^Edit “/);
    await expect(dialog.getByLabel("text")).toHaveValue("A draft of Two");
    await dialog.getByLabel("text").fill("Two, by hand");
    await run.answer(/^Edit “/, "Save and continue");
    await expect(run.panel).toContainText("Item 3");
    await expect(run.panel).toContainText("This is the last one that waits for you here.");
    await run.panel.getByRole("button", { name: /^All items of/ }).click();
    await item("two", "Completed").click();
    await expect(run.content).toContainText("Two, by hand");
    await run.panel.getByRole("button", { name: /^All items of/ }).click();
  });

  await test.step("send the third back, and approve what comes of it", async () => {
    await item("three", "Awaiting review").click();
    await expect(run.panel).toContainText("Item 3");
    await run.verb("Reject").click();
    const dialog = run.dialog(/^Reject “/);
    await dialog.getByLabel("What should be different?").fill("shorter");
    await run.answer(/^Reject “/, "Reject");
    await expect(run.content).toContainText("Three, shorter (before: A draft of Three)");
    await expect(run.panel).toContainText(`${USER.email} asked for changes, round 1`);
    await expect(run.step("Join the sections", "Pending")).toBeVisible();
    await run.verb("Continue").click();
    await expect(run.panel).toContainText("That was the last one that waited for you here.");
  });

  await test.step("the list is collected in its order, and handed on", async () => {
    await run.expectStatus("Completed");
    await run.expectSteps({ "Write each section": "Completed", "Join the sections": "Completed" });
    await expect(run.step("Write each section"), "how long its items were at work").toContainText(/ · [\d.]+ (ms|s|min)/);
    await run.choose("Join the sections");
    await expect(run.content).toContainText("A draft of One + Two, by hand + Three, shorter (before: A draft of Three)");
    await run.choose("Write each section");
    await expect(run.content.getByRole("button", { name: "3 completed" })).toBeVisible();
    await run.tab("Output").click();
    await expect(run.content).toContainText("Two, by hand");
  });
});
