// Who may see what: nobody is sent to sign in and comes back, a user finds neither an admin's page nor somebody else's
// run, and neither is told that there is one.

import type { Page } from "@playwright/test";
import { ADMIN, OTHER_USER, USER } from "../support/people.ts";
import { expect, hydrated, login, tabTitle, test, unique, visit } from "../support/test.ts";
import { echo, saveAgents } from "../support/workflows.ts";

const NAME = unique("Seen by those it belongs to");

let template: string;
let draft: string;
let run: string;

test.beforeAll(async ({ adminApi, userApi }) => {
  await saveAgents(adminApi);
  template = await adminApi.publish(NAME, echo());
  draft = await adminApi.draft("Never published", echo());
  run = (await userApi.start(template, { text: "mine" })).id;
});

test("nobody is sent to sign in, and comes back to where they wanted to go", async ({ page }) => {
  await visit(page, `/start/${template}?from=mail`);
  await expect(page).toHaveURL(/\/login\?next=/);
  await expect(page).toHaveTitle("Sign in · Weft");
  await login(page, USER);
  await expect(page).toHaveURL(`/start/${template}?from=mail`);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(`Start ${NAME}`);
  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(`Start ${NAME}`);
});

test("a wrong password is refused in words that do not say whether the account exists", async ({ page, watch }) => {
  watch.expectRefusal({ url: /\/_fn\/login/, status: 401 });
  await visit(page, "/login");
  await login(page, { ...USER, password: "not-the-password" });
  const refusal = page.getByRole("alert");
  await expect(refusal).toBeVisible();
  const words = await refusal.innerText();
  await login(page, { ...USER, email: "nobody@example.com" });
  await expect(refusal).toHaveText(words);
  await expect(page.getByLabel("Email")).toHaveValue("nobody@example.com");
  await expect(page).toHaveURL("/login");
});

test("the form signs in before the script has arrived, and without it", async ({ open }) => {
  const page = await open(null, { javaScriptEnabled: false });
  await page.goto(`/login?next=${encodeURIComponent("/account")}`);
  await login(page, USER);
  await expect(page).toHaveURL("/account");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(USER.email);
});

test("no address leads away from the site after signing in", async ({ page, url }) => {
  await visit(page, `/login?next=${encodeURIComponent("//example.com/phish")}`);
  await login(page, USER);
  await expect(page).toHaveURL(`${url}/dashboard`);
});

test("a user finds no admin's page, by link or by address", async ({ open, watch }) => {
  const page = await open(USER);
  await visit(page, "/dashboard");
  const main = page.getByRole("navigation", { name: "Main" });
  await expect(main.getByRole("link", { name: "Dashboard" })).toBeVisible();
  for (const name of ["Workflows", "Agents", "Users"]) {
    await expect(main.getByRole("link", { name })).toHaveCount(0);
  }
  const hidden = ["workflows", `workflows/${draft}`, "agents", "agents/new", "agents/e2e-echo", "users"];
  for (const path of hidden.map((path) => `/admin/${path}`)) {
    watch.expectRefusal({ url: new RegExp(`${path}$`), status: 404 });
    await expectNotFound(page, path);
  }
});

test("an admin finds them all", async ({ open }) => {
  const page = await open(ADMIN);
  await visit(page, "/dashboard");
  for (const name of ["Workflows", "Agents", "Users"]) {
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(name);
  }
});

test("another user's run is as if it did not exist", async ({ open, watch, otherApi }) => {
  const page = await open(OTHER_USER);
  const missing = "00000000-0000-7000-8000-000000000000";
  for (const id of [run, missing, "no-id-at-all"]) {
    watch.expectRefusal({ url: new RegExp(`/runs/${id}$`), status: 404 });
    await expectNotFound(page, `/runs/${id}`);
  }
  await visit(page, "/dashboard");
  await expect(page.getByRole("heading", { name: "No runs yet" })).toBeVisible();

  const answers = await Promise.all([run, missing].map((id) => otherApi.raw("GET", `/api/workflows/runs/${id}`)));
  expect(answers.map((answer) => answer.status())).toEqual([404, 404]);
  expect(await answers[0]?.text()).toBe(await answers[1]?.text());
  for (const verb of ["cancel", "steps/echo/trigger", "steps/echo/continue"]) {
    const answer = await otherApi.raw("POST", `/api/workflows/runs/${run}/${verb}`, {});
    expect(answer.status(), verb).toBe(404);
  }
});

test("its owner and an admin see it", async ({ open }) => {
  for (const person of [USER, ADMIN]) {
    const page = await open(person);
    await visit(page, `/runs/${run}`);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("mine");
  }
});

test("an address that is none says so, with the way back", async ({ open, watch }) => {
  watch.expectRefusal({ url: /\/no\/such\/page$/, status: 404 });
  const page = await open(USER);
  await expectNotFound(page, "/no/such/page");
  await page.getByRole("link", { name: "Go to the dashboard" }).click();
  await expect(page).toHaveURL("/dashboard");
});

async function expectNotFound(page: Page, path: string): Promise<void> {
  const answer = await page.goto(path);
  expect(answer?.status(), path).toBe(404);
  await hydrated(page);
  await expect(page.getByRole("heading", { name: "Page not found", level: 1 })).toBeVisible();
  await expect(page).toHaveTitle(tabTitle("Page not found · Weft"));
}
