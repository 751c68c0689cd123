// The page that describes the REST interface: for everybody, without a script, readable on a phone and by keyboard.

import { axe } from "../support/axe.ts";
import { expect, test } from "../support/test.ts";

test("whoever has no account reads what the interface takes and gives", async ({ open }) => {
  const page = await open(null, { viewport: { width: 1440, height: 900 } });
  const answer = await page.goto("/api/docs");
  expect(answer?.headers()["content-security-policy"]).toContain("default-src 'none'; style-src 'sha256-");
  expect(await page.locator("script").count()).toBe(0);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("REST interface of Weft");
  // The style is let through: without it the contents stand in one column.
  await expect(page.getByRole("navigation", { name: "Contents" }).getByRole("list")).toHaveCSS("column-width", "256px");

  const start = page.getByRole("article").filter({ has: page.getByRole("heading", { name: "POST /api/workflows/runs", exact: true }) });
  await expect(start).toContainText("Who: signed in");
  await start.getByRole("link", { name: "StartRun" }).click();
  await expect(page).toHaveURL(/#shape-StartRun$/);
  const shape = page.locator("#shape-StartRun");
  await shape.locator("summary").click();
  await expect(shape).toContainText("template_id");
  const rules = axe(page).include("header").include("nav").include("article:first-of-type");
  expect((await rules.analyze()).violations).toEqual([]);

  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole("navigation", { name: "Contents" }).getByRole("link", { name: "Secrets" }).click();
  await expect(page.getByRole("heading", { level: 2, name: "Secrets" })).toBeInViewport();
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
});
