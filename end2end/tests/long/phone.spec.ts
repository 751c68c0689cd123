// On a phone: what the page says about itself covers nothing that can be pressed, and pushes nothing out of sight.

import type { Locator, Page } from "@playwright/test";
import { ADMIN } from "../../support/people.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { echo, saveAgents, template } from "../../support/workflows.ts";

const PHONE = { viewport: { width: 390, height: 844 } };

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

async function box(page: Page, what: string | Locator): Promise<{ left: number; right: number; top: number; bottom: number }> {
  const found = await (typeof what === "string" ? page.locator(what).first() : what).boundingBox();
  if (!found) {
    throw new Error(`${String(what)} is not shown`);
  }
  return { left: found.x, right: found.x + found.width, top: found.y, bottom: found.y + found.height };
}

test("without a connection the editor keeps its way back, its title and its actions in sight", async ({ open, watch, adminApi }) => {
  watch.allowComplaint(/ERR_INTERNET_DISCONNECTED|WebSocket|Failed to fetch/);
  const id = await adminApi.publish(unique("A workflow with a long name"), echo());
  const page = await open(ADMIN, PHONE);
  await visit(page, `/admin/workflows/${id}`);
  await page.getByRole("radio", { name: "Settings" }).check();
  await test.step("a server that is merely slow is not called offline", async () => {
    let answer = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route(/\/_fn\/save_draft/, async (route) => {
      await held;
      await route.continue();
    });
    await page.locator("#f-name").fill("A name that takes long");
    await expect(page.locator(".save-state")).toContainText("Saving takes long: 1 edit kept here", { timeout: 15_000 });
    answer();
    await expect(page.locator(".save-state")).toHaveAttribute("data-state", "saved");
    await page.unroute(/\/_fn\/save_draft/);
  });
  await page.context().setOffline(true);
  await page.locator("#f-name").fill("Another name, as long as the first");
  await expect(page.locator(".save-state")).toHaveAttribute("data-state", "offline");
  await expect(page.locator(".save-state")).toContainText("Offline: 1 edit");
  const [back, title, state, publish] = [
    await box(page, ".crumbs a"),
    await box(page, ".crumbs [aria-current=page]"),
    await box(page, ".save-state .icon"),
    await box(page, page.getByRole("button", { name: "Publish", exact: true })),
  ];
  expect(title.right - title.left, "the title is there").toBeGreaterThan(40);
  expect(back.right).toBeLessThanOrEqual(title.left + 1);
  expect(title.right).toBeLessThanOrEqual(state.left + 1);
  expect(publish.right).toBeLessThanOrEqual(390);
  const bar = await box(page, ".topbar");
  expect(publish.top - bar.top, "room around the controls").toBeGreaterThanOrEqual(7);
});

test("what was saved is told above the buttons of the form, and what was published is told while it is so", async ({ open, adminApi }) => {
  const agent = template("e2e-phone", "On a phone", ["text"], "{{ text }}");
  await adminApi.saveAgent(agent);
  const page = await open(ADMIN, PHONE);
  await visit(page, "/admin/agents/e2e-phone");
  await page.getByLabel("Description").first().fill(unique("Told above"));
  await page.getByRole("button", { name: /^Save as version/ }).click();
  await expect(page.getByText(/of On a phone is saved/)).toBeVisible();
  await expect.poll(async () => (await box(page, ".toaster")).bottom <= (await box(page, ".form-actions[data-sticky]")).top).toBe(true);

  const id = await adminApi.draft(unique("Told while it is so"), echo());
  await page.setViewportSize({ width: 1440, height: 900 });
  await visit(page, `/admin/workflows/${id}`);
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  const asked = page.getByRole("dialog", { name: "Publish version 1" });
  await expect(asked).toContainText("A step on “Latest” is published with the version that is the latest now");
  await asked.getByRole("button", { name: "Publish version 1" }).click();
  const news = page.getByText("Version 1 is live", { exact: true });
  await expect(news).toBeVisible();
  await page.locator("#f-name").fill("Changed at once");
  await expect(news).toHaveCount(0, { timeout: 3_000 });
});
