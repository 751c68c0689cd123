// People: the first run makes the admin, the admin makes and stops others, and everybody keeps their own account.
// Each test works with accounts of its own, since passwords and sessions end here.

import { randomUUID } from "node:crypto";
import type { Page } from "@playwright/test";
import { ADMIN, type Person } from "../support/people.ts";
import { expect, hydrated, login, test, visit } from "../support/test.ts";
import { Weft } from "../support/weft.ts";

const fresh = (role: Person["role"]): Person => {
  const email = `${role}-${randomUUID()}@example.com`;
  return { email, role, password: "first-password-1" };
};

test("the first visitor of a new Weft makes the admin, once", async ({ open, watch }) => {
  const weft = await Weft.start({ withoutModel: true });
  try {
    const page = await open(null, { baseURL: weft.url });
    await visit(page, "/");
    await expect(page.getByRole("heading", { name: "Create the admin account" })).toBeVisible();

    watch.expectRefusal({ url: /\/_fn\/create_first_admin/, status: 422 });
    await page.getByLabel("Email").fill("first@example.com");
    await page.getByLabel("Password").fill("short");
    await page.getByRole("button", { name: "Create account" }).click();
    await expect(page.getByLabel("Password")).toHaveAccessibleDescription(/at least 12 characters/i);
    await expect(page.getByLabel("Email")).toHaveValue("first@example.com");

    await page.getByLabel("Password").fill("a-long-first-password");
    await page.getByRole("button", { name: "Create account" }).click();
    await expect(page).toHaveURL(`${weft.url}/dashboard`);
    await expect(page.getByRole("link", { name: "Users" })).toBeVisible();
    await expect(page.getByRole("link", { name: "Start Document brief" })).toBeVisible();

    const second = await open(null, { baseURL: weft.url });
    await visit(second, "/");
    await expect(second.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await second.close();

    await test.step("and stays one, being the last", async () => {
      watch.expectRefusal({ url: /\/_fn\/set_user_role/, status: 409 });
      await page.getByRole("link", { name: "Users" }).click();
      await choose(page, "first@example.com", "Make a user…");
      await page.getByRole("dialog", { name: "Make first@example.com a user?" }).getByRole("button", { name: "Make a user" }).click();
      await expect(page.getByRole("alert")).toContainText(/last admin/);
      await expect(row(page, "first@example.com")).toContainText("Admin");
    });
    // A page that outlives its server says so on the console.
    await page.close();
  } finally {
    await weft.stop();
  }
});

test("an admin adds a person, changes their role, stops them and lets them in again", async ({ open, watch }) => {
  watch.allowRefusal({ url: /\/_fn\/|\/live/, status: 401 });
  const person = fresh("user");
  const page = await open(ADMIN);
  await visit(page, "/admin/users");

  await test.step("add, with an error at its field", async () => {
    watch.expectRefusal({ url: /\/_fn\/create_user/, status: 422 });
    await page.getByRole("button", { name: "New user" }).click();
    const dialog = page.getByRole("dialog", { name: "New user" });
    await dialog.getByLabel("Email").fill("not an address");
    await dialog.getByLabel("Password", { exact: true }).fill(person.password);
    await dialog.getByRole("button", { name: "Create user" }).click();
    await expect(dialog.getByLabel("Email")).toHaveAttribute("aria-invalid", "true");
    await dialog.getByLabel("Email").fill(person.email);
    await dialog.getByRole("button", { name: "Create user" }).click();
    await expect(dialog).toBeHidden();
    await expect(row(page, person.email)).toContainText("User");
  });

  const theirs = await open(person);
  await visit(theirs, "/dashboard");
  await expect(theirs.getByRole("link", { name: "Users" })).toHaveCount(0);

  await test.step("another role ends their sessions, and is there when they sign in again", async () => {
    await choose(page, person.email, "Make an admin…");
    const question = page.getByRole("dialog", { name: `Make ${person.email} an admin?` });
    await page.keyboard.press("Escape");
    await expect(row(page, person.email)).not.toContainText("Admin");
    await choose(page, person.email, "Make an admin…");
    await question.getByRole("button", { name: "Make an admin" }).click();
    await expect(row(page, person.email)).toContainText("Admin");
    await visit(theirs, "/admin/users");
    await login(theirs, person);
    await expect(theirs.getByRole("heading", { level: 1 })).toHaveText("Users");
    await choose(page, person.email, "Make a user…");
    await page.getByRole("dialog", { name: `Make ${person.email} a user?` }).getByRole("button", { name: "Make a user" }).click();
    await expect(row(page, person.email)).toContainText("User");
    await visit(theirs, "/dashboard");
    await login(theirs, person);
    await expect(theirs.getByRole("navigation", { name: "Main" })).toBeVisible();
    await expect(theirs.getByRole("link", { name: "Users" })).toHaveCount(0);
  });

  await test.step("disabled, their session ends and they cannot sign in", async () => {
    await choose(page, person.email, "Disable…");
    const question = page.getByRole("dialog", { name: `Disable ${person.email}?` });
    await question.getByRole("button", { name: "Disable" }).click();
    await expect(row(page, person.email)).toContainText("Disabled");
    await visit(theirs, "/dashboard");
    await expect(theirs).toHaveURL(/\/login/);
    await login(theirs, person);
    await expect(theirs.getByRole("alert")).toBeVisible();
  });

  await test.step("enabled, they can again", async () => {
    await choose(page, person.email, "Enable");
    await expect(row(page, person.email)).not.toContainText("Disabled");
    await login(theirs, person);
    await expect(theirs).toHaveURL(/\/dashboard$/);
  });
});

test("a new password ends the other sessions and all tokens, and keeps this session", async ({ open, watch, adminApi }) => {
  watch.allowRefusal({ url: /\/_fn\/|\/live/, status: 401 });
  const person = fresh("user");
  await adminApi.post("/api/users", person);
  const page = await open(person);
  const elsewhere = await open(person);
  await visit(elsewhere, "/dashboard");
  await visit(page, "/account");
  await page.getByRole("button", { name: "New token" }).click();
  const making = page.getByRole("dialog", { name: "New API token" });
  await making.getByLabel("Name").fill("soon to end");
  await making.getByRole("button", { name: "Create token" }).click();
  await making.getByRole("button", { name: "Done" }).click();
  await expect(page.getByText("soon to end").first()).toBeVisible();
  await expect(page.getByText("This one")).toHaveCount(1);
  await expect(page.getByRole("button", { name: /^End/ })).toHaveCount(1);

  watch.expectRefusal({ url: /\/_fn\/change_password/, status: 422 });
  await page.getByLabel("Current password").fill("not-my-password");
  await page.getByLabel("New password").fill("second-password-2");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByLabel("Current password")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Current password").fill(person.password);
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("Password changed. Your other sessions and all your API tokens have ended.")).toBeVisible();
  await expect(page.getByText("No token yet")).toBeVisible();
  await expect(page.getByRole("button", { name: /^End/ })).toHaveCount(0);

  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(person.email);
  await elsewhere.reload();
  await expect(elsewhere).toHaveURL(/\/login/);
  await hydrated(elsewhere);
  await login(elsewhere, { ...person, password: "second-password-2" });
  await expect(elsewhere).toHaveURL(/\/dashboard$/);
});

test("a session is ended from another one, and signing out ends one's own", async ({ open, watch, adminApi }) => {
  watch.allowRefusal({ url: /\/_fn\/|\/live/, status: 401 });
  const person = fresh("user");
  await adminApi.post("/api/users", person);
  const page = await open(person);
  const elsewhere = await open(person);
  await visit(elsewhere, "/dashboard");
  await visit(page, "/account");
  await page.getByRole("button", { name: /^End/ }).click();
  await expect(page.getByText("Session ended")).toBeVisible();
  await expect(page.getByRole("button", { name: /^End/ })).toHaveCount(0);
  // The button went with its row.
  await expect(page.getByRole("heading", { name: "Sessions" })).toBeFocused();
  await expect(elsewhere.getByRole("dialog", { name: "Sign in again" })).toContainText(`Account: ${person.email}`);

  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/login$/);
  await page.goto("/account");
  await expect(page).toHaveURL(/\/login\?next=/);
});

test("a token is shown once, works, and stops working when it is revoked", async ({ open, request, adminApi, url }) => {
  const person = fresh("user");
  await adminApi.post("/api/users", person);
  const page = await open(person);
  await visit(page, "/account");
  await page.getByRole("button", { name: "New token" }).click();
  const dialog = page.getByRole("dialog", { name: "New API token" });
  await dialog.getByLabel("Name").fill("nightly import");
  await expect(dialog.getByLabel("Read")).toBeDisabled();
  await expect(dialog.getByLabel("Admin")).toHaveCount(0);
  await dialog.getByLabel("Run").check();
  await dialog.getByLabel("Name").press("Enter");
  await expect(dialog).toContainText("It is shown only this once");
  const token = await dialog.getByRole("code").innerText();
  await test.step("not copied, it does not go with Esc, nor with a press beside it", async () => {
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.mouse.click(5, 5);
    await expect(dialog.getByRole("alert").filter({ hasText: "The token is not copied yet" })).toBeVisible();
    await dialog.getByRole("button", { name: "Close" }).click();
    await expect(dialog.getByRole("code")).toHaveText(token);
  });
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page.getByText("nightly import").first()).toBeVisible();
  await expect(page.getByText(token)).toHaveCount(0);

  const me = () => request.get(`${url}/api/me`, { headers: { authorization: `Bearer ${token}` } });
  expect(((await (await me()).json()) as { email: string }).email).toBe(person.email);

  const mine = await request.get(`${url}/api/tokens`, { headers: { authorization: `Bearer ${token}` } });
  const [view] = (await mine.json()) as { scopes: string[]; expires_at: string; created_at: string }[];
  expect(view?.scopes).toEqual(["read", "run"]);
  const more = await request.post(`${url}/api/tokens`, { headers: { authorization: `Bearer ${token}` }, data: { name: "x" } });
  expect([more.status(), ((await more.json()) as { code: string }).code]).toEqual([403, "session_required"]);

  await page.getByRole("button", { name: "Revoke nightly import" }).click();
  const question = page.getByRole("dialog", { name: "Revoke “nightly import”?" });
  await question.getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByText("Token revoked")).toBeVisible();
  expect((await me()).status()).toBe(401);
});

test("the password is asked for again before a token is made, and nothing chosen is lost", async ({ open, watch, adminApi }) => {
  const person = fresh("user");
  await adminApi.post("/api/users", person);
  const page = await open(person);
  await visit(page, "/account");
  watch.allowRefusal({ url: /\/_fn\/create_token/, status: 403 });
  watch.expectRefusal({ url: /\/_fn\/confirm_password/, status: 422 });
  // As if the password had been given long ago.
  await page.route(/\/_fn\/create_token/, (route) => {
    const error = { status: 403, code: "confirm_password", detail: "Give your password again." };
    return route.fulfill({ status: 403, json: error });
  }, { times: 1 });
  await page.getByRole("button", { name: "New token" }).click();
  const dialog = page.getByRole("dialog", { name: "New API token" });
  await dialog.getByLabel("Name").fill("after lunch");
  await dialog.getByLabel("Review").check();
  await dialog.getByLabel("Expires").selectOption("30");
  await dialog.getByRole("button", { name: "Create token" }).click();
  await expect(dialog.getByLabel("Password")).toBeFocused();
  await dialog.getByLabel("Password").fill("not-my-password");
  await page.keyboard.press("Enter");
  await expect(dialog.getByLabel("Password")).toHaveAttribute("aria-invalid", "true");
  await dialog.getByLabel("Password").fill(person.password);
  await page.keyboard.press("Enter");
  await expect(dialog).toContainText("It is shown only this once");
  await dialog.getByRole("button", { name: "Done" }).click();
  const made = page.getByRole("listitem").filter({ hasText: "after lunch" });
  await expect(made).toContainText("Review");
  await expect(made).not.toContainText("Run");
});

test("an admin sees the tokens of a person and revokes one", async ({ open, request, adminApi, url }) => {
  const person = fresh("user");
  await adminApi.post("/api/users", person);
  const theirs = await open(person);
  const made = await theirs.request.post(`${url}/api/tokens`, { headers: { origin: url }, data: { name: "theirs" } });
  const { token } = (await made.json()) as { token: string };
  const page = await open(ADMIN);
  await visit(page, "/admin/users");
  await choose(page, person.email, "API tokens…");
  const dialog = page.getByRole("dialog", { name: `API tokens of ${person.email}` });
  await dialog.getByRole("button", { name: /^Revoke/ }).click();
  await expect(dialog.getByText("No token")).toBeVisible();
  const me = await request.get(`${url}/api/me`, { headers: { authorization: `Bearer ${token}` } });
  expect(me.status()).toBe(401);
});

test("the theme is chosen for this browser, and is there from the first byte", async ({ open, adminApi }) => {
  const person = fresh("user");
  await adminApi.post("/api/users", person);
  const page = await open(person, { colorScheme: "light" });
  await visit(page, "/account");
  await page.getByRole("radio", { name: "Dark" }).check();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  const answer = await page.reload();
  expect(await answer?.text()).toContain(`data-theme="dark"`);
});

function row(page: Page, email: string) {
  return page.getByRole("row").filter({ hasText: email });
}

async function choose(page: Page, email: string, verb: string): Promise<void> {
  await row(page, email).getByRole("button", { name: `Actions for ${email}` }).click();
  await page.getByRole("menuitem", { name: verb }).click();
}
