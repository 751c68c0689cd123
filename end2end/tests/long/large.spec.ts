// A run of hundreds of items is used before all of it has come: what is seen at first is right by itself, and the rest follows.

import { USER } from "../../support/people.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { ECHO, saveAgents } from "../../support/workflows.ts";

const N = 450;

test("a large run is right before all of it is there, and whole when it is", async ({ open, adminApi, userApi, watch }) => {
  watch.allowRefusal({ url: /\/_fn\/whole_run/, status: 401 });
  await saveAgents(adminApi);
  const list = Array.from({ length: N }, (_, n) => `word ${n}`);
  const each = {
    title: "Each word",
    agent_id: ECHO.id,
    depends_on: [],
    inputs: { text: { from: "item", path: "" } },
    map: { over: { const: list } },
  };
  const template = await adminApi.publish(unique("Many words"), { steps: { each } });
  const { id } = await userApi.start(template);
  const page = await open(USER);
  const run = new RunPage(page);
  const items = run.content.getByRole("list", { name: "Items" });
  const all = run.content.getByRole("button", { name: `${N} completed` });

  await test.step("while it runs it is followed, and what came meanwhile is not lost", async () => {
    await visit(page, `/runs/${id}?step=each`);
    await run.expectStatus("Completed");
    await expect(all).toBeVisible();
  });

  let letGo: () => void = () => undefined;
  await test.step("at first there are the first items, and how many there are of all", async () => {
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    await page.route("**/_fn/whole_run", async (route) => {
      await gate;
      await route.continue();
    });
    await visit(page, `/runs/${id}?step=each`);
    await expect(run.head).toContainText("1 of 1 step done");
    await expect(run.outline).toContainText(`${N} of ${N} done`);
    await expect(run.content).toContainText(`The first of ${N} items`);
    await expect(items.getByRole("listitem")).toHaveCount(100);
    await expect(all).toHaveCount(0);
    await items.getByRole("button", { name: /^Completed 7 #8$/ }).click();
    await expect(run.panel.getByRole("heading", { name: "Each word [7]" })).toBeVisible();
  });

  await test.step("and then all of it", async () => {
    letGo();
    await expect(run.content).toContainText("word 7");
    await run.panel.getByRole("button", { name: "All items of Each word" }).click();
    await expect(all).toBeVisible();
  });

  await test.step("where the session ended meanwhile, the rest is read after a new sign-in", async () => {
    await page.unroute("**/_fn/whole_run");
    const over = { status: 401, code: "unauthenticated", detail: "Sign in" };
    await page.route("**/_fn/whole_run", (route) => route.fulfill({ status: 401, json: over }));
    await visit(page, `/runs/${id}?step=each`);
    const again = page.getByRole("dialog", { name: "Sign in again" });
    await again.getByLabel("Password").fill(USER.password);
    await expect(run.content).toContainText(`The first of ${N} items`);
    await page.unroute("**/_fn/whole_run");
    await again.getByRole("button", { name: "Sign in" }).click();
    await expect(again).toBeHidden();
    await expect(all).toBeVisible();
  });

  await test.step("an item that is not among the first comes with the page where the address asks for it", async () => {
    await visit(page, `/runs/${id}?step=${encodeURIComponent("each[440]")}`);
    await expect(run.panel.getByRole("heading", { name: "Each word [440]" })).toBeVisible();
    await expect(run.content).toContainText("word 440");
  });
});
