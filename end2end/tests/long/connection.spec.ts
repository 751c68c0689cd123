// The path to the server swallows everything and closes nothing: the page says so, nothing stays busy for ever, nothing
// that was typed is lost, and nothing is done twice.

import type { Page } from "@playwright/test";
import { ADMIN, USER } from "../../support/people.ts";
import { Proxy } from "../../support/proxy.ts";
import { RunPage } from "../../support/run_page.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { diamond, echo, saveAgents } from "../../support/workflows.ts";
import type { Watch } from "../../support/watch.ts";

/** A request is given up after 15 s. */
const GIVEN_UP = { timeout: 20_000 };

let proxy: Proxy;

const REVIEWED = unique("Reviewed in silence");
const STARTED = unique("Started in silence");

test.beforeAll(async ({ adminApi }) => {
  await saveAgents(adminApi);
  await adminApi.publish(REVIEWED, diamond());
  await adminApi.publish(STARTED, echo());
});

test.beforeEach(async ({ url, watch }) => {
  proxy = await Proxy.start(url);
  allowLoss(watch);
});

test.afterEach(async () => {
  await proxy.stop();
});

test("a silent loss is said within ten seconds, a verb comes back with a way to try again, and is done once", async ({ open, userApi }) => {
  const { id } = await userApi.start(await userApi.templateNamed(REVIEWED), { text: "said" }, false);
  const page = await open(USER, { baseURL: proxy.url });
  await visit(page, `/runs/${id}`);
  const run = new RunPage(page);
  await run.choose("Take the text");
  await expect(run.verb("Continue")).toBeVisible();

  await page.evaluate(() => {
    const shown: string[] = [];
    Object.assign(window, { shown });
    setInterval(() => shown.push(document.querySelector(".run-facts .num")?.textContent ?? ""), 200);
  });
  proxy.swallow();
  const button = run.verb("Continue");
  await button.click();
  await expect(button).toHaveAttribute("aria-busy", "true");
  await expect(line(page)).toContainText(/^No connection since \d{1,2}:\d\d:\d\d/, { timeout: 10_000 });
  await expect(page.getByRole("status", { name: "Connection" })).toHaveAttribute("aria-live", "polite");

  await test.step("what counts stands still", async () => {
    const elapsed = run.head.locator(".run-facts .num").first();
    const before = await elapsed.innerText();
    await page.waitForTimeout(2_500);
    expect(await elapsed.innerText()).toBe(before);
    const counted = await page.evaluate(() => (window as unknown as { shown: string[] }).shown);
    const times = counted.filter(Boolean).map(seconds);
    expect(times, "and never goes back").toEqual([...times].sort((a, b) => a - b));
  });

  const error = run.panel.getByRole("alert");
  await expect(error).toContainText("The server has not answered within 15 s", GIVEN_UP);
  await expect(button).toBeEnabled();
  await expect(button).toBeFocused();

  await test.step("it is back by itself, and the verb has one effect", async () => {
    proxy.forward();
    await expect(line(page)).toContainText("Connected again", { timeout: 25_000 });
    await error.getByRole("button", { name: "Try again" }).click();
    await expect(run.step("Take the text", "Completed")).toBeVisible();
    await expect(line(page)).toHaveCount(0);
    const events = await userApi.get<{ kind: string }[]>(`/api/workflows/runs/${id}/events`);
    expect(events.filter(({ kind }) => kind === "step_approved")).toHaveLength(1);
  });
});

test("a network that the browser says is gone is said at once", async ({ open }) => {
  const page = await open(USER, { baseURL: proxy.url });
  await visit(page, "/dashboard");
  await page.waitForTimeout(500);
  await page.evaluate(() => window.dispatchEvent(new Event("offline")));
  await page.waitForTimeout(3_000);
  await expect(line(page), "a network may be gone that the server does not need").toHaveCount(0);

  proxy.swallow();
  await page.evaluate(() => window.dispatchEvent(new Event("offline")));
  await expect(line(page)).toContainText("No connection since", { timeout: 4_000 });
  proxy.forward();
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await expect(line(page)).toContainText("Connected again", { timeout: 4_000 });
});

test("a run whose start was not answered is started once", async ({ open, userApi }) => {
  const template = await userApi.templateNamed(STARTED);
  const page = await open(USER, { baseURL: proxy.url });
  await visit(page, `/start/${template}`);
  await page.getByLabel("Your text").fill("typed once");
  proxy.swallow("answers");
  await page.getByRole("button", { name: "Start run" }).click();
  await expect(page.getByRole("alert")).toContainText("has not answered", GIVEN_UP);
  await expect(page.getByLabel("Your text")).toHaveValue("typed once");
  proxy.forward();
  // The browser may send it on a connection that is dead as well: then it is pressed once more.
  await expect(async () => {
    await page.getByRole("button", { name: "Start run" }).click({ timeout: 15_000 });
    await page.waitForURL("**/runs/*", { timeout: 17_000 });
  }).toPass({ timeout: 60_000 });
  const { runs } = await userApi.get<{ runs: { template_name: string }[] }>("/api/workflows/runs");
  expect(runs.filter((run) => run.template_name === STARTED)).toHaveLength(1);
});

test("the editor keeps what is drawn, and an admin's form what is typed", async ({ open, adminApi }) => {
  const id = await adminApi.draft(unique("Drawn without a connection"), diamond());
  const page = await open(ADMIN, { baseURL: proxy.url });

  await test.step("the editor", async () => {
    await visit(page, `/admin/workflows/${id}`);
    await page.getByRole("application").getByRole("button", { name: /^Join both,/ }).focus();
    const title = page.getByRole("complementary", { name: "Details" }).getByLabel("Title");
    // What it is written in comes a moment after the page.
    await expect(title).toBeVisible();
    proxy.swallow();
    await title.fill("Joined in silence");
    await expect(page.locator(".save-state")).toContainText(/offline/i, GIVEN_UP);
    await expect(title).toHaveValue("Joined in silence");
    proxy.forward();
    await expect(page.getByText("Saved", { exact: true })).toBeVisible({ timeout: 40_000 });
  });

  await test.step("the users", async () => {
    await visit(page, "/admin/users");
    await page.getByRole("button", { name: "New user" }).click();
    const dialog = page.getByRole("dialog", { name: "New user" });
    const email = `${unique("silent").replace(" ", "-")}@example.com`;
    await dialog.getByLabel("Email").fill(email);
    await dialog.getByLabel("Password", { exact: true }).fill("a long enough one 1");
    proxy.swallow();
    await dialog.getByRole("button", { name: "Create user" }).click();
    await expect(dialog.getByRole("alert")).toContainText("has not answered", GIVEN_UP);
    await expect(dialog.getByLabel("Email")).toHaveValue(email);
    proxy.forward();
    await dialog.getByRole("button", { name: "Create user" }).click();
    await expect(dialog).toBeHidden({ timeout: 20_000 });
    await expect(page.getByRole("row").filter({ hasText: email })).toHaveCount(1);
  });
});

test("a page whose program did not come is there by itself once the connection is back", async ({ open, watch }) => {
  watch.allowComplaint(/Failed to fetch|\.wasm|\.js/);
  const page = await open(ADMIN, { baseURL: proxy.url });
  await visit(page, "/dashboard");
  await page.route(/\.(wasm|js)(\?|$)/, (route) => route.abort());
  proxy.swallow();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Users" }).click();
  await expect(page.getByText("This page could not be loaded")).toBeVisible();
  await expect(line(page)).toContainText("No connection since", { timeout: 12_000 });
  await page.unroute(/\.(wasm|js)(\?|$)/);
  proxy.forward();
  await expect(page.getByRole("heading", { name: "Users", level: 1 })).toBeVisible({ timeout: 30_000 });
});

/** "3.4 s", "1 min 2 s", "2 h 3 min". */
function seconds(words: string): number {
  const units: Record<string, number> = { ms: 0.001, s: 1, min: 60, h: 3600 };
  return [...words.matchAll(/([\d.]+) (ms|s|min|h)/g)].reduce((sum, [, n, unit]) => sum + Number(n) * (units[unit ?? "s"] ?? 1), 0);
}

/** What the page says about the connection. */
function line(page: Page) {
  return page.locator(".link-line");
}

/** A browser logs each socket that does not open, and each answer that breaks off. */
function allowLoss(watch: Watch): void {
  watch.allowComplaint(/WebSocket connection to 'ws:\/\/127\.0\.0\.1:\d+\/api\//);
  watch.allowComplaint(/net::ERR_|BodyStreamBuffer was aborted|AbortError/);
}
