// The canvas is what one came for: at every width it keeps most of the window, whatever the panels beside it want.

import type { Page } from "@playwright/test";
import { EditorPage } from "../../support/editor_page.ts";
import { ADMIN } from "../../support/people.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { diamond, saveAgents } from "../../support/workflows.ts";

const WIDTHS = [881, 900, 1024, 1100, 1119, 1120, 1200, 1300, 1359, 1360, 1440, 1699, 1700, 1920];
/** Below it the panels are tabs, and the canvas is one of them. */
const TABS = 900;
/** Below it the left panel lies over the canvas. */
const DRAWER = 1120;
/** From here on the canvas has three fifths. */
const WIDE = 1360;

const made = { template: "", run: "" };

test.beforeAll(async ({ adminApi }) => {
  await saveAgents(adminApi);
  made.template = await adminApi.publish(unique("Seen at every width"), diamond());
  made.run = (await adminApi.start(made.template, { text: "wide" })).id;
});

const share = (page: Page) =>
  page.evaluate(() => (document.querySelector(".canvas-stage")?.getBoundingClientRect().width ?? 0) / window.innerWidth);

for (const [name, path, tab] of [
  ["the editor", () => `/admin/workflows/${made.template}`, "Canvas"],
  ["a run", () => `/runs/${made.run}`, "Graph"],
] as const) {
  test(`${name} leaves the canvas most of the window, at every width and with the widest panels`, async ({ open }) => {
    const page = await open(ADMIN, { viewport: { width: 1440, height: 900 } });
    // As somebody left them who pulled both as far as they go.
    await page.addInitScript(() => {
      for (const panel of ["editor-palette", "editor-panel", "run-outline", "run-panel", "run-step"]) {
        localStorage.setItem(`weft.panel.${panel}`, "640");
      }
    });
    await visit(page, path());
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      if (width < TABS) {
        await page.getByRole("radio", { name: tab, exact: true }).check();
      }
      expect(await share(page), `${name} at ${width} px`).toBeGreaterThanOrEqual(width >= WIDE ? 0.6 : 0.5);
      if (width >= TABS) {
        const right = await page.locator(".side-panel").boundingBox();
        expect(right?.width, `the panel of ${name} at ${width} px`).toBeGreaterThanOrEqual(300);
        expect((right?.x ?? 0) + (right?.width ?? 0)).toBeLessThanOrEqual(width);
        await expect(page.locator(".palette")).toBeVisible({ visible: width >= DRAWER });
      }
    }
  });
}

test("no tab of a step is cut where the steps come over the graph", async ({ open }) => {
  const page = await open(ADMIN, { viewport: { width: 1440, height: 900 } });
  await visit(page, `/runs/${made.run}`);
  await new RunPage(page).expectStatus("Completed");
  const tabs = page.getByRole("tablist", { name: "About the step" });
  await expect(tabs.getByRole("tab")).toHaveCount(5);
  for (const width of WIDTHS.filter((width) => width >= TABS && width < DRAWER)) {
    await page.setViewportSize({ width, height: 900 });
    const hidden = await tabs.evaluate((row) => row.scrollWidth - row.clientWidth);
    expect(hidden, `at ${width} px`).toBe(0);
  }
});

test("what runs are about begins at one line, at every width", async ({ open, adminApi }) => {
  const short = await adminApi.publish(unique("Brief"), diamond());
  await adminApi.start(short, { text: "a word" });
  const page = await open(ADMIN, { viewport: { width: 1440, height: 900 } });
  await visit(page, "/dashboard");
  for (const width of [900, 1024, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    const places = await page
      .getByRole("region", { name: "Your runs" })
      .locator(".list-about")
      .evaluateAll((all) => all.map((one) => Math.round(one.getBoundingClientRect().x)));
    expect(places.length).toBeGreaterThan(1);
    expect(new Set(places).size, `${places} at ${width} px`).toBe(1);
  }
});

test("on a phone the head says which version and since when, and the timeline is at hand beside the step", async ({ open }) => {
  const page = await open(ADMIN, { viewport: { width: 390, height: 844 } });
  await visit(page, `/runs/${made.run}`);
  const run = new RunPage(page);
  await run.expectStatus("Completed");
  await expect(run.head.getByText("Version 1")).toBeVisible();
  await expect(run.head.getByText(/^Started/)).toBeVisible();
  await expect(page.getByRole("radio", { name: "Step", exact: true })).toBeChecked();
  await page.getByRole("button", { name: "Timeline" }).click();
  const timeline = page.getByRole("region", { name: "Timeline" });
  await expect(timeline.getByText("The run was started")).toBeVisible();
  await expect(timeline).toContainText(/\d+ events?/);
});

test("where two panels do not fit, the agents come over the canvas and go again, by mouse and keyboard", async ({ open }) => {
  const page = await open(ADMIN, { viewport: { width: 1024, height: 768 } });
  const editor = new EditorPage(page);
  await visit(page, `/admin/workflows/${made.template}`);
  const toggle = page.getByRole("button", { name: "Agents and steps" });
  await expect(editor.palette).toBeHidden();
  await toggle.focus();
  await page.keyboard.press("Enter");
  await expect(editor.palette).toBeVisible();
  await expect(toggle).toHaveAttribute("aria-expanded", "true");
  await expect(editor.palette.getByLabel("Search agents")).toBeFocused();
  expect(await share(page)).toBeGreaterThanOrEqual(0.5);
  await editor.drop("Echo", { x: 0.9, y: 0.8 });
  await editor.palette.getByLabel("Search agents").focus();
  await page.keyboard.press("Escape");
  await expect(editor.palette).toBeHidden();
  await expect(toggle).toBeFocused();
  await toggle.click();
  await editor.palette.getByRole("button", { name: "Close the panel" }).click();
  await expect(editor.palette).toBeHidden();
});

test("where two panels do not fit, a step is chosen from the list over the graph", async ({ open }) => {
  const page = await open(ADMIN, { viewport: { width: 1024, height: 768 } });
  await visit(page, `/runs/${made.run}`);
  const run = new RunPage(page);
  await run.expectStatus("Completed");
  await page.getByRole("button", { name: "Steps", exact: true }).click();
  await page.getByRole("complementary", { name: "Steps" }).getByRole("button", { name: /Shout it/ }).click();
  await expect(page.getByRole("complementary", { name: "Steps" })).toBeHidden();
  await expect(run.panel.getByRole("heading", { name: "Shout it" })).toBeVisible();
});
