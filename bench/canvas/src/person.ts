// A person of a server under measurement: their browser, signed in, and what they ask of its REST API with a token.
// Must import nothing of Playwright's test runner, which is a package of end2end alone.

import type { Browser, BrowserContext } from "playwright-core";
import type { Person } from "../../../end2end/support/people.ts";

export const VIEWPORT = { width: 1280, height: 800 };

/** A browser context in which nothing was opened yet. */
export async function signedIn(browser: Browser, url: string, person: Person): Promise<BrowserContext> {
  const context = await browser.newContext({ baseURL: url, viewport: VIEWPORT });
  await signIn(context, url, person);
  return context;
}

/** Posts the form of the sign-in; the cookie stays with the browser. */
export async function signIn(context: BrowserContext, url: string, person: Person): Promise<void> {
  const answer = await context.request.post(`${url}/_fn/login`, {
    form: { email: person.email, password: person.password },
    headers: { origin: new URL(url).origin },
  });
  if (!answer.ok()) {
    throw new Error(`${person.email} cannot sign in: ${answer.status()} ${await answer.text()}`);
  }
}

export class Rest {
  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  async post<T>(path: string, body: unknown = {}): Promise<T> {
    const text = await this.text(path, { method: "POST", body: JSON.stringify(body) });
    return (text ? JSON.parse(text) : undefined) as T;
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse(await this.text(path)) as T;
  }

  /** The whole answer, read and not understood. */
  async text(path: string, init: RequestInit = {}): Promise<string> {
    const headers = { authorization: `Bearer ${this.token}`, "content-type": "application/json" };
    const answer = await fetch(`${this.url}${path}`, { ...init, headers });
    const text = await answer.text();
    if (!answer.ok) {
      throw new Error(`${path} was answered ${answer.status}: ${text.slice(0, 600)}`);
    }
    return text;
  }

  async publish(name: string, definition: object): Promise<string> {
    const { id } = await this.post<{ id: string }>("/api/workflows/templates", { name, description: "", definition });
    await this.post(`/api/workflows/templates/${id}/publish`);
    return id;
  }
}
