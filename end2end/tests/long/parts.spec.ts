// The program comes in parts: a first visit loads what it shows, a page of another part is fetched when somebody is about
// to open it, and one that does not come says so and is asked for again.

import type { Page, Request, Response } from "@playwright/test";
import { ADMIN, USER } from "../../support/people.ts";
import { expect, hydrated, test, unique, visit } from "../../support/test.ts";
import { echo, saveAgents } from "../../support/workflows.ts";

const PART = /\/pkg\/[0-9a-f]+\/parts-[0-9a-f]+\/.*\.(wasm|pack)$/;
const NAME = unique("In parts");
/** The bar of the design for what a first visit loads, compressed. */
const FIRST_LOAD_BYTES = 700_000;

let run = "";

test.beforeAll(async ({ adminApi, userApi }) => {
  await saveAgents(adminApi);
  run = (await userApi.start(await adminApi.publish(NAME, echo()), { text: "parts" })).id;
});

test("a first visit loads the bundle and the part of its page alone, within the design's bar", async ({ open }) => {
  const page = await open(USER);
  const loaded = files(page);
  await visit(page, "/dashboard");
  await expect(page.getByRole("link", { name: NAME, exact: true }).first()).toBeVisible();
  const parts = loaded.map((request) => request.url()).filter((url) => /\/(split_\w+\.wasm|\w+\.pack)$/.test(url));
  expect([...new Set(parts.map((url) => url.replace(/.*\//, "")))]).toEqual(["home.pack"]);
  const sizes = await Promise.all(
    loaded.filter((request) => /\.(js|wasm|css|pack)$/.test(request.url())).map(async (request) => {
      expect(await (await request.response())?.headerValue("content-encoding"), request.url()).toBe("br");
      return (await request.sizes()).responseBodySize;
    }),
  );
  expect(sizes.length).toBeGreaterThan(2);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(FIRST_LOAD_BYTES);
});

test("whatever a page loads is kept for good, and the page itself comes compressed and is not kept", async ({ open }) => {
  const page = await open(ADMIN);
  const answers: Response[] = [];
  page.on("response", (response) => answers.push(response));
  await visit(page, "/admin/agents/new");
  const document = answers.find((answer) => new URL(answer.url()).pathname === "/admin/agents/new");
  expect(await document?.headerValue("content-encoding")).toMatch(/^(br|gzip)$/);
  expect(await document?.headerValue("cache-control")).toBe("no-store");
  const loaded = answers.filter((answer) => /\.(js|wasm|css|svg|woff2)$/.test(new URL(answer.url()).pathname));
  for (const kind of [".js", ".wasm", ".css", ".svg", ".woff2"]) {
    expect(loaded.some((answer) => answer.url().endsWith(kind)), kind).toBe(true);
  }
  for (const answer of loaded) {
    expect(await answer.headerValue("cache-control"), answer.url()).toBe("public, max-age=31536000, immutable");
  }
});

test("icons stay without a network, and those that are drawn then have their shapes", async ({ open, watch }) => {
  watch.allowComplaint(/ERR_INTERNET_DISCONNECTED/);
  const page = await open(ADMIN);
  await visit(page, "/admin/agents/new");
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Add input" }).click();
  await page.getByRole("button", { name: "Create agent" }).click();
  await expect(page.getByText("things to put right")).toBeVisible();
  const shapeless = () =>
    page.evaluate(() => {
      const uses = [...document.querySelectorAll<SVGUseElement>("svg.icon > use")].filter((use) => use.checkVisibility());
      const without = uses.filter((use) => use.getBBox().width + use.getBBox().height === 0);
      return { n: uses.length, without: without.map((use) => use.getAttribute("href")) };
    });
  await expect.poll(async () => (await shapeless()).without).toEqual([]);
  expect((await shapeless()).n).toBeGreaterThan(8);
});

test("the part of the runs comes when the pointer is near one, once, and is kept", async ({ open }) => {
  const page = await open(USER);
  const loaded = files(page);
  await visit(page, "/dashboard");
  const part = page.waitForResponse((response) => /\/split_runs\.wasm$/.test(response.url()));
  const link = page.getByRole("region", { name: "Your runs" }).getByRole("link", { name: NAME, exact: true });
  await link.hover();
  expect(await (await part).headerValue("cache-control")).toContain("immutable");
  await link.click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("parts");
  expect(loaded.filter((request) => request.url().endsWith("/split_runs.wasm"))).toHaveLength(1);
});

test("a page that is opened by its address names its part in the document", async ({ open }) => {
  const page = await open(USER, { javaScriptEnabled: false });
  const [before, runPage] = [await source(page, "/dashboard"), await source(page, `/runs/${run}`)];
  expect(before).toMatch(/<link [^>]*href="\/pkg\/[0-9a-f]+\/parts-[0-9a-f]+\/home\.pack"/);
  expect(before).not.toContain("runs.pack");
  expect(runPage).toMatch(/<link [^>]*href="\/pkg\/[0-9a-f]+\/parts-[0-9a-f]+\/fetch\.js"/);
  expect(runPage).toMatch(/<link [^>]*href="\/pkg\/[0-9a-f]+\/parts-[0-9a-f]+\/runs\.pack"/);
});

test("the part of a run that is opened by its address comes as one file, and in pieces where that does not come", async ({ open, watch }) => {
  watch.allowComplaint(/net::ERR_FAILED|Failed to fetch|preload/);
  const page = await open(USER);
  const loaded = files(page);
  await visit(page, `/runs/${run}`);
  const parts = () => new Set(loaded.map((request) => request.url()).filter((url) => /\/(runs\.pack|split_runs\.wasm)$/.test(url)).map((url) => url.replace(/.*\//, "")));
  expect([...parts()]).toEqual(["runs.pack"]);
  expect(await page.evaluate(() => [...document.scripts].map((script) => script.textContent).join("")), "what the page came with is let go").toBe("");
  await page.route(/\/runs\.pack$/, (route) => route.abort());
  await visit(page, `/runs/${run}`);
  expect([...parts()].sort()).toEqual(["runs.pack", "split_runs.wasm"]);
});

test("the panel of a run stands as it was sent until its program comes, and keeps the keyboard then", async ({ open, watch }) => {
  watch.allowComplaint(/net::ERR_FAILED|Failed to fetch|\/fetch\.js$/);
  const page = await open(USER);
  const late = /\/(runs\.next\.pack|split_pane\.wasm)$/;
  await page.route(late, (route) => route.abort());
  await page.goto(`/runs/${run}`);
  const panel = page.getByRole("complementary", { name: "Step", exact: true });
  await expect(panel.getByRole("heading", { level: 2 })).toBeVisible();
  await expect(panel.locator("article.artifact")).toContainText("parts");
  await page.waitForFunction(() => "__canvas" in window);
  const timeline = page.getByRole("button", { name: "Timeline" });
  await timeline.click();
  await expect(timeline, "what is there answers").toHaveAttribute("aria-expanded", "true");
  const output = panel.getByRole("tab", { name: "Output" });
  await output.focus();
  const skeletons = await panel.locator(".skeleton").count();
  await expect(page.locator("html")).not.toHaveAttribute("data-hydrated", "true");
  await page.unroute(late);
  await hydrated(page);
  await expect(output).toBeFocused();
  expect(await panel.locator(".skeleton").count()).toBe(skeletons);
  await expect(panel.locator("article.artifact")).toContainText("parts");
  await panel.getByRole("tab", { name: "Attempts" }).click();
  await expect(page.getByText("Attempt 1 succeeded")).toBeVisible();
});

test("the editor stands as it was sent until its program comes, and keeps what was typed meanwhile", async ({ open, adminApi, watch }) => {
  watch.allowComplaint(/net::ERR_FAILED|Failed to fetch|\/fetch\.js$/);
  const path = `/admin/workflows/${await adminApi.publish(unique("As sent"), echo())}`;
  const page = await open(ADMIN);
  const late = /\/(editor\.next\.pack|split_board\.wasm)$/;
  await page.route(late, (route) => route.abort());
  await page.goto(path);
  const description = page.locator("#f-description");
  await description.fill("Typed at once");
  await expect(page.locator("html")).not.toHaveAttribute("data-hydrated", "true");
  await page.unroute(late);
  await hydrated(page);
  await expect(description).toHaveValue("Typed at once");
  await expect(description).toBeFocused();
  await expect(page.locator(".save-state")).toHaveAttribute("data-state", "saved");
  await visit(page, path);
  await expect(description).toHaveValue("Typed at once");
});

test("a part that does not come says so, and is asked for again", async ({ open, watch }) => {
  watch.expectRefusal({ url: PART, status: 404 });
  watch.expectComplaint(/\/fetch\.js$/);
  const page = await open(ADMIN);
  await visit(page, "/dashboard");
  await page.route(PART, (route) => route.fulfill({ status: 404 }));
  await page.getByRole("link", { name: "Agents", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Page not loaded");
  await expect(page).toHaveURL("/admin/agents");
  await page.unroute(PART);
  await page.getByRole("link", { name: "Load it again" }).click();
  await expect(page.getByRole("link", { name: "New agent" })).toBeVisible();
  await hydrated(page);
});

test("a page whose part does not come with it stands as it was sent, says so, and answers once the part comes", async ({ open, watch }) => {
  watch.allowRefusal({ url: PART, status: 404 });
  watch.allowComplaint(/\/fetch\.js$|preload/);
  const page = await open(ADMIN);
  await page.route(PART, (route) => route.fulfill({ status: 404 }));
  await page.goto("/admin/secrets");
  const notice = page.getByRole("alert").filter({ hasText: "This page does not answer yet" });
  await expect(notice.getByRole("link", { name: "load the page again" })).toBeVisible();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Secrets");
  await page.unroute(PART);
  await hydrated(page);
  await expect(notice).toHaveCount(0);
  await page.getByRole("button", { name: "New secret" }).click();
  await expect(page.getByRole("dialog", { name: "New secret" })).toBeVisible();
});

test("a dialog whose part does not come says so, and opens once it does", async ({ open, watch }) => {
  watch.allowComplaint(/net::ERR_FAILED|Failed to fetch/);
  const page = await open(USER);
  await page.route(/\/split_watch\.wasm$/, (route) => route.abort());
  await visit(page, `/runs/${run}`);
  const again = page.getByRole("group", { name: "What you can do" }).getByRole("button", { name: "Re-run" });
  await again.click();
  await expect(page.getByText("This part of Weft could not be loaded")).toBeVisible();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.getByRole("tab", { name: "Attempts" }).click();
  await expect(page.getByRole("tabpanel", { name: "Attempts" }).getByText("This part of Weft could not be loaded")).toBeVisible();
  await page.unroute(/\/split_watch\.wasm$/);
  await page.getByRole("tabpanel", { name: "Attempts" }).getByRole("button", { name: /again/i }).click();
  await expect(page.getByText("Attempt 1 succeeded")).toBeVisible();
  await again.click();
  await expect(page.getByRole("dialog")).toBeVisible();
});

function files(page: Page): Request[] {
  const requests: Request[] = [];
  page.on("request", (request) => {
    if (new URL(request.url()).pathname.startsWith("/pkg/")) {
      requests.push(request);
    }
  });
  return requests;
}

async function source(page: Page, path: string): Promise<string> {
  return (await page.request.get(path, { headers: { accept: "text/html" } })).text();
}
