// Notices: the count in the title of every tab, what one tab of the browser tells, where one is told, and what admins register.

import type { BrowserContext, Page } from "@playwright/test";
import type { Api } from "../../support/api.ts";
import { axe } from "../../support/axe.ts";
import { ADMIN, type Person, USER } from "../../support/people.ts";
import { expect, test, unique, visit } from "../../support/test.ts";
import { ECHO, input, saveAgents, step, TEXT_INPUT } from "../../support/workflows.ts";

interface Told {
  readonly title: string;
  readonly body: string;
  readonly shown: Notification;
}

/** What a page made of the browser's notifications, and how the browser answers it. */
interface Recorded {
  readonly told: Told[];
  permission: NotificationPermission;
  answer: NotificationPermission;
  nAsked: number;
  isLookedAt: boolean;
  /** How often nothing was told because some tab is looked at. */
  nHeldBack: number;
}

declare global {
  interface Window {
    __notices: Recorded;
  }
}

test.beforeAll(({ adminApi }) => saveAgents(adminApi));

/** The real notifications, written down; whether they are allowed and whether a tab is looked at is the test's to say. */
async function record(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    // An empty tab has no storage.
    if (!location.protocol.startsWith("http")) {
      return;
    }
    const isOn = localStorage.getItem("weft.notices") === "on";
    const permission = isOn ? "granted" : "default";
    const recorded: Recorded = { told: [], permission, answer: "denied", nAsked: 0, isLookedAt: false, nHeldBack: 0 };
    window.__notices = recorded;
    document.hasFocus = () => recorded.isLookedAt;
    const request = navigator.locks.request.bind(navigator.locks);
    const counting = (name: string, options: LockOptions, run: (lock: Lock | null) => unknown): Promise<unknown> =>
      request(name, options, (lock) => {
        recorded.nHeldBack += lock ? 0 : 1;
        return run(lock);
      });
    Object.assign(navigator.locks, { request: counting });
    window.Notification = class extends Notification {
      static override get permission(): NotificationPermission {
        return recorded.permission;
      }
      static override requestPermission(): Promise<NotificationPermission> {
        recorded.nAsked += 1;
        recorded.permission = recorded.answer;
        return Promise.resolve(recorded.permission);
      }
      constructor(title: string, options?: NotificationOptions) {
        super(title, options);
        recorded.told.push({ title, body: options?.body ?? "", shown: this });
      }
    };
  });
}

const told = (page: Page) => page.evaluate(() => window.__notices.told.map(({ title, body }) => ({ title, body })));

/** Looks at the tab, or away from it, and waits until its browser knows. */
async function look(page: Page, isLookedAt: boolean): Promise<void> {
  await page.evaluate((isLookedAt) => {
    window.__notices.isLookedAt = isLookedAt;
    window.dispatchEvent(new FocusEvent(isLookedAt ? "focus" : "blur"));
  }, isLookedAt);
  const held = () => page.evaluate(async () => (await navigator.locks.query()).held?.some(({ name }) => name === "weft:looked-at"));
  await expect.poll(held).toBe(isLookedAt);
}

async function newPerson(admin: Api): Promise<Person> {
  const email = `${unique("told").replace(" ", "-")}@example.com`;
  const person: Person = { email, password: "a long enough password", role: "user" };
  await admin.post("/_fn/create_user", { ...person });
  return person;
}

const asking = (...users: string[]) => ({
  inputs: TEXT_INPUT,
  steps: { echo: { ...step("Echo <it>", ECHO, input("text")), review: { mode: "always", assignees: { users } } } },
});

test("each tab says how much waits, and one of them tells of a new review while none is looked at", async ({ open, adminApi, userApi, watch }) => {
  // What was decided elsewhere is read once more, for who it was.
  watch.allowRefusal({ url: /\/_fn\/gate_reading/, status: 404 });
  const me = await newPerson(adminApi);
  const name = unique("Asks & tells");
  const template = await adminApi.publish(name, asking(me.email, ADMIN.email));
  const page = await open(me, { permissions: ["notifications"] });
  await record(page.context());
  await visit(page, "/account");
  const tells = page.getByRole("switch", { name: "Tell me in this browser" });

  await test.step("the browser is asked on a press alone, and what it blocks is said", async () => {
    await expect(page).toHaveTitle("Account · Weft");
    await expect(tells).not.toBeChecked();
    expect(await page.evaluate(() => window.__notices.nAsked)).toBe(0);
    await tells.click();
    await expect(page.getByText("This browser blocks notices of Weft")).toBeVisible();
    await expect(tells).not.toBeChecked();
    // The person allows it in the settings of the browser.
    await page.evaluate(() => Object.assign(window.__notices, { permission: "default", answer: "granted" }));
    const looked = page.waitForResponse(/\/_fn\/inbox$/);
    await tells.click();
    await expect(tells).toBeChecked();
    await expect(page.getByText("This browser blocks notices of Weft")).toBeHidden();
    expect(await page.evaluate(() => window.__notices.nAsked)).toBe(2);
    await looked;
  });

  const second = await page.context().newPage();
  await visit(second, "/dashboard");
  await test.step("one tab tells, both count", async () => {
    await userApi.start(template, { text: "a secret of the content" });
    await expect(page).toHaveTitle("(1) Account · Weft");
    await expect(second).toHaveTitle("(1) Dashboard · Weft");
    await expect.poll(() => told(page)).toEqual([{ title: "Echo <it> waits for your review", body: name }]);
    expect(await told(second)).toEqual([]);
  });

  await test.step("nothing is told while a tab is looked at, nor later", async () => {
    await look(second, true);
    await userApi.start(template, { text: "two" });
    await expect(page).toHaveTitle("(2) Account · Weft");
    await expect.poll(() => page.evaluate(() => window.__notices.nHeldBack)).toBe(1);
    await look(second, false);
    await userApi.start(template, { text: "three" });
    await expect.poll(() => told(page)).toHaveLength(2);
    expect((await told(page)).at(-1)?.title).toBe("Echo <it> waits for your review");
    expect(await told(second)).toEqual([]);
  });

  await test.step("a press leads to the review, and what is decided is not counted any more", async () => {
    await page.evaluate(() => window.__notices.told.at(-1)?.shown.onclick?.(new Event("click")));
    await expect(page).toHaveURL(/\/inbox\?.*gate=[0-9a-f-]{36}(\/|%2F)echo/);
    const id = /gate=([0-9a-f-]{36})/.exec(page.url())?.[1] ?? "";
    await adminApi.post(`/api/workflows/runs/${id}/steps/echo/continue`, {});
    await expect(second).toHaveTitle("(2) Dashboard · Weft");
  });
});

const KEY = "c4n4ry-of-an-address";
const addresses = (page: Page) => page.getByRole("list", { name: "Addresses" }).getByRole("listitem");

test("an address is registered, chosen by a person, tried, switched off and deleted, and its key is never shown", async ({ open, watch }) => {
  const name = unique("Room <b>of</b> و");
  const admin = await open(ADMIN, { viewport: { width: 1440, height: 900 } });
  await visit(admin, "/admin/notices");
  const row = addresses(admin).filter({ hasText: name });
  const choose = async (item: string) => {
    await row.getByRole("button", { name: `Actions for ${name}` }).click();
    await admin.getByRole("menuitem", { name: item }).click();
  };

  await test.step("what is wrong stands at its field, and the secret is shown once", async () => {
    watch.expectRefusal({ url: /\/_fn\/add_notice_address/, status: 422 });
    await admin.getByRole("button", { name: "New address" }).click();
    const dialog = admin.getByRole("dialog", { name: "New address" });
    await dialog.getByLabel("Name").fill(name);
    await dialog.getByLabel("Address", { exact: true }).fill(`http://127.0.0.1:9/${KEY}`);
    await admin.keyboard.press("Enter");
    await expect(dialog.getByLabel("Address", { exact: true })).toHaveAttribute("aria-invalid", "true");
    await expect(dialog.getByText("is a private or reserved address").first()).toBeVisible();
    // A name is judged once it is looked up.
    await dialog.getByLabel("Address", { exact: true }).fill(`http://localhost:9/${KEY}`);
    await admin.keyboard.press("Enter");
    await expect(dialog.getByText(/^whsec_/)).toBeVisible();
    await admin.keyboard.press("Escape");
    await expect(dialog.getByText("The secret is not copied yet")).toBeVisible();
    await dialog.getByRole("button", { name: "Done" }).click();
    await expect(dialog).toBeHidden();
    await expect(row).toContainText("http://localhost:9");
    await expect(row).toContainText("nobody has chosen it");
    expect(await admin.content()).not.toContain(KEY);
    expect(await admin.content()).not.toContain("whsec_");
  });

  await test.step("a test says why it does not arrive", async () => {
    await choose("Send a test");
    await expect(admin.getByText(`The test did not reach ${name}`)).toBeVisible();
  });

  const page = await open(USER);
  await visit(page, "/account");
  const how = page.getByRole("radiogroup", { name: `${name}: how soon` });
  await test.step("a person chooses it, and otherwise for one workflow", async () => {
    await expect(how.getByRole("radio", { name: "Never" })).toBeChecked();
    const saved = page.waitForResponse(/\/_fn\/choose_notice$/);
    await how.getByRole("radio", { name: "At once" }).check();
    await saved;
    await page.getByRole("button", { name: "Choose otherwise for a workflow" }).click();
    const dialog = page.getByRole("dialog", { name: "Choose otherwise for a workflow" });
    await dialog.getByLabel("Workflow").selectOption({ label: "Document brief" });
    await dialog.getByLabel("Where").selectOption({ label: name });
    await dialog.getByRole("button", { name: "Save" }).click();
    const exception = page.getByRole("list", { name: "Exceptions by workflow" }).getByRole("listitem").filter({ hasText: name });
    await expect(exception).toContainText("Document brief");
    await visit(page, "/account");
    await expect(how.getByRole("radio", { name: "At once" })).toBeChecked();
    await exception.getByRole("button", { name: /^Remove/ }).click();
    await expect(exception).toHaveCount(0);
  });

  await test.step("it is switched off and deleted, and people are offered it no more", async () => {
    await choose("Switch off");
    await expect(row).toContainText("Switched off");
    await expect(row.getByText("Webhook")).toBeVisible();
    await choose("Delete…");
    const question = admin.getByRole("dialog", { name: `Delete “${name}”?` });
    await question.getByRole("button", { name: "Delete address" }).click();
    await expect(row).toHaveCount(0);
    await visit(page, "/account");
    await expect(page.getByRole("radiogroup", { name: "Email: how soon" })).toBeVisible();
    await expect(how).toHaveCount(0);
  });
});

test("mail is set up and tried, and content is sent only once that is confirmed", async ({ open, adminApi }) => {
  const before = await adminApi.get<Record<string, unknown>>("/api/notices/settings");
  const page = await open(ADMIN);
  await visit(page, "/admin/notices");
  const mail = page.getByRole("region", { name: "Mail" });

  await test.step("what is no port is refused here, and a test says what the server answered", async () => {
    await mail.getByLabel("Host").fill("127.0.0.1");
    await mail.getByLabel("Port").fill("smtp");
    await mail.getByLabel("Encrypted").selectOption({ label: "Not at all: only in a network of your own" });
    await mail.getByLabel("From").fill("Weft <weft@example.com>");
    await mail.getByRole("button", { name: "Save" }).click();
    await expect(mail.getByLabel("Port")).toHaveAccessibleDescription(/is no port/);
    await mail.getByLabel("Port").fill("9");
    await mail.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("How mail is sent is saved")).toBeVisible();
    await mail.getByRole("button", { name: "Send a test" }).click();
    await expect(mail.getByText(`The test did not reach ${ADMIN.email}`)).toBeVisible();
  });

  await test.step("the question about content is closed, then confirmed, and taken back", async () => {
    const content = page.getByRole("switch", { name: "Send content too" });
    const question = page.getByRole("dialog", { name: "Send content too?" });
    await content.click();
    await question.getByRole("button", { name: "Close" }).last().click();
    await expect(content).not.toBeChecked();
    await content.click();
    await question.getByRole("button", { name: "Send content too" }).click();
    await expect(page.getByText("Notices carry content")).toBeVisible();
    await content.click();
    await expect(page.getByText("Notices carry content")).toBeHidden();
    await expect(content).not.toBeChecked();
  });

  const after = await adminApi.get<{ revision: number }>("/api/notices/settings");
  const { host, port, tls, user, from } = before;
  const settings = { host, port, tls, user, from, content: false, expect_revision: after.revision };
  const restored = await adminApi.raw("PUT", "/api/notices/settings", settings);
  expect(restored.ok(), await restored.text()).toBe(true);
});

test("the link of a mail says what it does, and does it on a press alone, for nobody in particular", async ({ open }) => {
  const page = await open(null, { viewport: { width: 390, height: 844 } });
  await page.goto(`/notices/unsubscribe?link=${"0".repeat(64)}`);
  await expect(page.getByRole("heading", { level: 1, name: "Stop these mails?" })).toBeVisible();
  expect((await axe(page).analyze()).violations).toEqual([]);
  await page.getByRole("button", { name: "Stop these mails" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Done" })).toBeVisible();
});
