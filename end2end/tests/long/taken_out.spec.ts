// Two runs are compared while one of them changes, word by word and side by side; and a run is taken out: as files, and on paper.

import { USER } from "../../support/people.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, hydrated, test, unique, visit } from "../../support/test.ts";
import { chain, saveAgents } from "../../support/workflows.ts";

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

test("what differs is open and follows the runs, and a run is taken out as files and on paper", async ({ open, adminApi, userApi }) => {
  const template = await adminApi.publish(unique("Taken out"), chain());
  // Longer than any window is high.
  const rest = Array.from({ length: 120 }, (_, n) => `line ${n}`).join("\n");
  const left = await userApi.start(template, { text: `the quick loom\n${rest}` });
  const right = await userApi.start(template, { text: `the slow loom\n${rest}` });
  for (const { id } of [left, right]) {
    await expect.poll(async () => (await userApi.run(id)).status).toBe("completed");
  }
  const page = await open(USER);
  const first = page.getByRole("region", { name: "First", exact: true });

  await test.step("the first difference is open, with its words marked, side by side", async () => {
    await visit(page, `/runs/${left.id}/compare/${right.id}`);
    const difference = first.getByRole("region", { name: /^First, text/ });
    await expect(difference.locator("mark")).toHaveText(["quick", "slow"]);
    const cell = (text: string) => difference.getByRole("cell").filter({ hasText: text }).boundingBox();
    // The page may move between the two looks: it is read again while it is looked at.
    const isBeside = async () => {
      const [before, after] = [await cell("the quick loom"), await cell("the slow loom")];
      return before !== null && after !== null && before.y === after.y && before.x + before.width <= after.x;
    };
    await expect.poll(isBeside).toBe(true);
    await expect(difference).toContainText(/\d+ unchanged lines/);
    // On a phone its rows are no table for the browser any more: the roles have to be said.
    await expect(difference.locator("table")).toHaveAttribute("role", "table");
    await expect(page.getByRole("main").getByRole("button", { name: "Adopt First", exact: true })).toBeVisible();
  });

  await test.step("what somebody opened stays open when that very step changes", async () => {
    const third = page.getByRole("region", { name: "Third", exact: true });
    const difference = third.getByRole("region", { name: /^Third, text/ });
    await third.locator("summary").click();
    await expect(difference).toBeVisible();
    await userApi.post(`/api/workflows/runs/${right.id}/steps/third/rerun`, { mode: "step_only" });
    await expect(third.locator("summary")).toContainText("v1 → v2");
    await expect(difference).toBeVisible();
  });

  await test.step("what becomes the same elsewhere is no difference any more", async () => {
    const status = page.getByRole("status");
    const words = /^(\d) of 4 steps differ$/;
    const before = await status.filter({ hasText: words }).innerText();
    await userApi.post(`/api/workflows/runs/${right.id}/adopt`, { from: left.id, steps: ["first"] });
    await expect(first).toHaveCount(0);
    await expect(status.filter({ hasText: words })).not.toHaveText(before);
    await page.getByRole("switch", { name: "Only what differs" }).click();
    await expect(first).toContainText("text: the same in both");
  });

  await test.step("as files", async () => {
    await page.getByRole("region", { name: "Left" }).getByRole("link").click();
    await expect(page).toHaveURL(`/runs/${left.id}`);
    await hydrated(page);
    const run = new RunPage(page);
    for (const [verb, name] of [["Download a report", `run-${left.id}.html`], ["Download everything", `run-${left.id}.zip`]] as const) {
      const begun = page.waitForEvent("download");
      await run.moreOfRun(verb);
      const download = await begun;
      expect(download.suggestedFilename()).toBe(name);
      expect(await download.failure()).toBeNull();
    }
  });

  await test.step("on paper nothing is cut off, and nothing is there to press", async () => {
    const run = new RunPage(page);
    await run.choose("First");
    await expect(run.content).toContainText("line 119");
    await page.emulateMedia({ media: "print" });
    await expect(page.getByRole("button", { name: "More about this run" })).toBeHidden();
    await expect(page.getByRole("navigation", { name: "Main" })).toBeHidden();
    await expect(run.content).toBeVisible();
    const hidden = await run.panel.evaluate((panel) =>
      [panel, ...panel.querySelectorAll("*")]
        .filter((part) => getComputedStyle(part).overflowY !== "visible" && part.scrollHeight > part.clientHeight + 1)
        .filter((part) => part.clientHeight > 40)
        .map((part) => part.className.toString()),
    );
    expect(hidden).toEqual([]);
    // Nor at the end of a line: of a name, or of a text that does not break in the window.
    await expect(run.panel.locator(".panel-head > h2")).toHaveCSS("white-space", "normal");
    const cut = await run.panel.evaluate((panel) =>
      [...panel.querySelectorAll("*")]
        .filter((part) => getComputedStyle(part).overflowX !== "visible" && part.scrollWidth > part.clientWidth + 1)
        .filter((part) => part.clientWidth > 40 && !part.closest("table"))
        .map((part) => part.className.toString()),
    );
    expect(cut).toEqual([]);
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollHeight > window.innerHeight)).toBe(true);
  });
});
