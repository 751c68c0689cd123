// Notices: the count in the title of every tab, what one tab of the browser tells, where one is told, and what admins register.

import type { BrowserContext, Page } from "@playwright/test";
import type { Api } from "../support/api.ts";
import { ADMIN, type Person } from "../support/people.ts";
import { expect, test, unique, visit } from "../support/test.ts";
import { ECHO, input, saveAgents, step, TEXT_INPUT } from "../support/workflows.ts";

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

test("each tab says how much waits, and one of them tells of a new review while none is looked at", async ({ open, adminApi, userApi }) => {
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
    await expect(page).toHaveURL(/\/inbox\?gate=[0-9a-f-]{36}(\/|%2F)echo$/);
    const id = /gate=([0-9a-f-]{36})/.exec(page.url())?.[1] ?? "";
    await adminApi.post(`/api/workflows/runs/${id}/steps/echo/continue`, {});
    await expect(second).toHaveTitle("(2) Dashboard · Weft");
  });
});
