// What every spec imports in place of Playwright's own `test`: watched pages, signed-in people, and the API.
// Must never let a fault of the browser pass: see watch.ts.

import { randomUUID } from "node:crypto";
import { type BrowserContextOptions, type Page, test as base, expect } from "@playwright/test";
import { Api, signIn } from "./api.ts";
import { ADMIN, OTHER_USER, type Person, USER } from "./people.ts";
import { STARTED_WITHIN_MS, startServer } from "./server.ts";
import { Watch } from "./watch.ts";
import type { Weft } from "./weft.ts";

interface Fixtures {
  /** Fails the test on whatever a browser complains about. */
  readonly watch: Watch;
  /** A new browser window, watched, of somebody who is signed in already, or of nobody. */
  readonly open: (person: Person | null, options?: BrowserContextOptions) => Promise<Page>;
}

interface WorkerFixtures {
  /** Of this worker alone: what the specs of another leave behind is not there, nor who ends whose sessions. */
  readonly server: Weft;
  readonly url: string;
  readonly adminApi: Api;
  readonly userApi: Api;
  readonly otherApi: Api;
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  server: [({}, use) => withServer(use), { scope: "worker", timeout: STARTED_WITHIN_MS }],
  url: [({ server }, use) => use(server.url), { scope: "worker" }],
  baseURL: ({ url }, use) => use(url),
  adminApi: [({ url }, use) => withApi(url, ADMIN, use), { scope: "worker" }],
  userApi: [({ url }, use) => withApi(url, USER, use), { scope: "worker" }],
  otherApi: [({ url }, use) => withApi(url, OTHER_USER, use), { scope: "worker" }],

  watch: [
    async ({ context }, use) => {
      const watch = new Watch();
      await watch.follow(context);
      await use(watch);
      expect(watch.problems(), "the browser complained").toEqual([]);
    },
    { auto: true },
  ],

  open: async ({ browser, watch, url }, use) => {
    const contexts: { close(): Promise<void> }[] = [];
    await use(async (person, options = {}) => {
      const context = await browser.newContext({ baseURL: url, ...options });
      contexts.push(context);
      await watch.follow(context);
      if (person) {
        await signIn(context.request, options.baseURL ?? url, person);
      }
      return context.newPage();
    });
    for (const context of contexts) {
      await context.close();
    }
  },
});

export { expect };

/** A name that no other test, and no earlier try of this one, has given. */
export function unique(name: string): string {
  return `${name} ${randomUUID().slice(0, 6)}`;
}

/** What the tab says, whatever waits for whoever looks at it. */
export function tabTitle(title: string): RegExp {
  return new RegExp(`^(\\(\\d+\\+?\\) )?${title.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);
}

/** Opens a page and waits until it answers to the keyboard and the mouse. */
export async function visit(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await hydrated(page);
}

export async function hydrated(page: Page): Promise<void> {
  await expect(page.locator("html")).toHaveAttribute("data-hydrated", "true");
}

/** Signs in as a person does, by the form of the page. */
export async function login(page: Page, person: Person): Promise<void> {
  await page.getByLabel("Email").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function withServer(use: (server: Weft) => Promise<void>): Promise<void> {
  const server = await startServer();
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

async function withApi(url: string, person: Person, use: (api: Api) => Promise<void>): Promise<void> {
  const api = await Api.signIn(url, person);
  await use(api);
  await api.close();
}
