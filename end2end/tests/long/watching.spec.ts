// A run is watched: the camera follows what runs until somebody looks elsewhere, times count on, the slowest path is told, and while
// nothing that is in view changes, nothing is drawn. An outside worker holds the step that runs until the test lets it go.

import { randomUUID } from "node:crypto";
import type { Page } from "@playwright/test";
import { EditorPage } from "../../support/editor_page.ts";
import { USER } from "../../support/people.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { OutsideWorker, summarizer, workerToken } from "../../support/worker.ts";
import { ECHO, TEXT_INPUT, input, output, saveAgents, step } from "../../support/workflows.ts";

/** How many frames of the canvas there are among twenty of the browser. */
const drawn = (page: Page) =>
  page.evaluate(async () => {
    const count = () => window.__canvas?.drawn() ?? -1;
    const before = count();
    for (let n = 0; n < 20; n += 1) {
      await new Promise(requestAnimationFrame);
    }
    return count() - before;
  });

/** The same with reduced motion: how many more there are than seconds begin meanwhile, each of which may draw one. */
const drawnBesideSeconds = (page: Page) =>
  page.evaluate(async () => {
    const count = () => window.__canvas?.drawn() ?? -1;
    const [before, since] = [count(), performance.now()];
    for (let n = 0; n < 20; n += 1) {
      await new Promise(requestAnimationFrame);
    }
    return count() - before - Math.ceil((performance.now() - since) / 1000) - 1;
  });

/** How many colours there are on the canvas. */
const colours = (page: Page) =>
  page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>(".canvas-stage > canvas");
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas?.width ?? 0, canvas?.height ?? 0];
    const context = copy.getContext("2d", { willReadFrequently: true });
    if (!canvas || !context) return 0;
    context.drawImage(canvas, 0, 0);
    return new Set(new Uint32Array(context.getImageData(0, 0, copy.width, copy.height).data.buffer)).size;
  });

test("what runs is followed until somebody looks elsewhere, and then the slowest path is told", async ({ open, url, adminApi, userApi }) => {
  await saveAgents(adminApi);
  const [name, agent] = [unique("watched"), `e2e-out-${randomUUID().slice(0, 8)}`];
  const worker = await OutsideWorker.connect(url, await workerToken(adminApi, name, [agent]), name, [summarizer(agent)]);
  try {
    const offers = await adminApi.get<{ agent_id: string; hash: string }[]>("/api/workers/offers?waiting=true");
    const hash = offers.find(({ agent_id }) => agent_id === agent)?.hash;
    await adminApi.post("/api/workers/offers/accept", { agent_id: agent, hash });
    // So far apart that not all of it can be read at once.
    const template = await adminApi.publish(unique("Watched"), {
      inputs: TEXT_INPUT,
      steps: {
        take: { ...step("Take it", ECHO, input("text")), ui: { x: 0, y: 0 } },
        digest: {
          title: "Digest it",
          agent_id: agent,
          depends_on: ["take"],
          inputs: { text: output("take") },
          ui: { x: 2_600, y: 0 },
        },
      },
    });
    const { id } = await userApi.start(template, { text: "a long text" });
    const task = await worker.next();
    const page = await open(USER, { viewport: { width: 1440, height: 900 } });
    await visit(page, `/runs/${id}?step=take`);
    const [run, canvas] = [new RunPage(page), new EditorPage(page)];
    const graph = page.getByRole("region", { name: "Graph of the run" });
    const follow = graph.getByRole("button", { name: "Follow", exact: true });
    const isInView = async (key: string) => {
      const [card, stage] = [await canvas.nodeRect(key), await graph.boundingBox()];
      return stage !== null && card.x >= stage.x && card.x + card.width <= stage.x + stage.width;
    };
    await expect(run.step("Digest it", "Running")).toBeVisible();
    await expect.poll(() => isInView("take")).toBe(true);
    expect(await isInView("digest")).toBe(false);

    await test.step("nothing that is in view changes, so nothing is drawn", async () => {
      await expect.poll(() => drawn(page)).toBe(0);
    });

    await test.step("the button follows, and what runs moves", async () => {
      await follow.click();
      await expect(follow).toHaveAttribute("aria-pressed", "true");
      await expect.poll(() => isInView("digest")).toBe(true);
      await expect.poll(() => drawn(page)).toBeGreaterThan(0);
    });

    await test.step("who prefers reduced motion sees times count on, and nothing else move", async () => {
      await page.emulateMedia({ reducedMotion: "reduce" });
      const count = () => page.evaluate(() => window.__canvas?.drawn() ?? -1);
      await expect.poll(() => drawnBesideSeconds(page)).toBeLessThanOrEqual(0);
      const before = await count();
      await expect.poll(count).toBeGreaterThan(before);
      await page.emulateMedia({ reducedMotion: null });
    });

    await test.step("the first turn of the wheel lets go", async () => {
      await graph.hover({ position: { x: 300, y: 150 } });
      await expect(follow).toHaveAttribute("aria-pressed", "true");
      await page.mouse.wheel(-3_000, 0);
      await expect(follow).toHaveAttribute("aria-pressed", "false");
      await expect.poll(() => isInView("digest")).toBe(false);
      await expect.poll(() => drawn(page), "what runs is out of view").toBe(0);
    });

    await test.step("the key follows again, and choosing a step lets go", async () => {
      await canvas.step("Take it").focus();
      await page.keyboard.press("f");
      await expect(follow).toHaveAttribute("aria-pressed", "true");
      await expect.poll(() => isInView("digest")).toBe(true);
      await run.choose("Digest it");
      await expect(follow).toHaveAttribute("aria-pressed", "false");
    });

    await test.step("who followed the last run follows the next one, but a link to a step shows that step", async () => {
      await visit(page, `/runs/${id}?step=take`);
      await expect(follow).toHaveAttribute("aria-pressed", "false");
      await expect.poll(() => isInView("take")).toBe(true);
      await visit(page, `/runs/${id}`);
      await expect(follow).toHaveAttribute("aria-pressed", "true");
      await expect.poll(() => isInView("digest")).toBe(true);
    });

    expect(await worker.complete(task, { summary: "Short" })).toBe("committed");
    await run.expectStatus("Completed");
    await expect(canvas.step("Digest it")).toHaveAccessibleName(/, completed, took [\d.]+ /);

    await test.step("the slowest path is told by a legend, the list and a screen reader", async () => {
      await graph.getByRole("button", { name: "Slowest path" }).click();
      await expect(graph.getByRole("note")).toHaveText(/^Slowest path: [\d.]+ .* in \d steps?$/);
      await expect(run.step("Digest it", "Completed")).toContainText("On the slowest path");
      await expect(canvas.step("Digest it")).toHaveAccessibleName(/, on the slowest path, /);
      await expect.poll(() => drawn(page), "what is over is drawn once").toBe(0);
    });

    await test.step("in the system's colours text still differs from its ground", async () => {
      await page.emulateMedia({ forcedColors: "active" });
      await expect.poll(() => drawn(page)).toBe(0);
      expect(await colours(page)).toBeGreaterThan(1);
    });
  } finally {
    await worker.leave();
  }
});
