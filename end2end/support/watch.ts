// What a browser complains about: console errors and warnings, uncaught errors, broken content policies, dialogs.
// Must never overlook one: a test names beforehand the requests that it makes fail, and everything else fails it.

import type { BrowserContext, ConsoleMessage } from "@playwright/test";

/** A request that a test means to be refused. */
export interface Refusal {
  readonly url: RegExp;
  readonly status: number;
}

/** What the browser says of a script or a part that was on its way when the page was left: nobody is there to miss it. */
const LEFT_MEANWHILE = /Response body loading was aborted|^TypeError: network error$/;

/** A part that is fetched ahead while there is no network: whoever needs it says so on the page, and it is asked for again. */
const NOT_FETCHED = /^TypeError: Failed to fetch/;

export class Watch {
  private readonly faults: string[] = [];
  /** Without a status, whatever is said of the address. */
  private readonly refusals: (Pick<Refusal, "url"> & Partial<Refusal> & { isSeen: boolean })[] = [];

  async follow(context: BrowserContext): Promise<void> {
    context.on("console", (message) => this.hear(message));
    context.on("weberror", (error) => this.faults.push(`uncaught: ${error.error().stack ?? error.error()}`));
    context.on("dialog", (dialog) => {
      // The page may ask before it is left; any other dialog is a script that got in.
      if (dialog.type() !== "beforeunload") {
        this.faults.push(`a ${dialog.type()} dialog: ${dialog.message()}`);
      }
      void dialog.accept();
    });
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) =>
        console.error(`content policy: ${event.violatedDirective} forbids ${event.blockedURI || event.sample}`),
      );
    });
  }

  /** The browser will say that this request failed, and that is what the test is about. */
  expectRefusal(refusal: Refusal): void {
    this.refusals.push({ ...refusal, isSeen: false });
  }

  /** A script will say that something did not come, and that is what the test is about. */
  expectComplaint(of: RegExp): void {
    this.refusals.push({ url: of, isSeen: false });
  }

  /** The same for what may or may not happen, such as a feed that tries again while nobody is signed in. */
  allowRefusal(refusal: Refusal): void {
    this.refusals.push({ ...refusal, isSeen: true });
  }

  /** The same for words of a script or of the browser. */
  allowComplaint(of: RegExp): void {
    this.refusals.push({ url: of, isSeen: true });
  }

  /** Everything that went wrong, and every refusal that was announced but did not happen. */
  problems(): string[] {
    const unseen = this.refusals
      .filter((refusal) => !refusal.isSeen)
      .map((refusal) => `nothing was refused${refusal.status ? ` with ${refusal.status}` : ""} at ${refusal.url}`);
    return [...this.faults, ...unseen];
  }

  private hear(message: ConsoleMessage): void {
    if (message.type() !== "error" && message.type() !== "warning") {
      return;
    }
    const text = message.text();
    const { url } = message.location();
    if (LEFT_MEANWHILE.test(text) && new URL(url).pathname.startsWith("/pkg/")) {
      return;
    }
    // "Failed to load resource: ... status of 404" names its address beside the text, a refused WebSocket in it.
    const refusal = this.refusals.find(
      (refusal) =>
        (refusal.url.test(url) || refusal.url.test(text)) && (refusal.status === undefined || says(text, refusal.status)),
    );
    if (refusal) {
      refusal.isSeen = true;
    } else if (!NOT_FETCHED.test(text) || !url.endsWith("/fetch.js")) {
      this.faults.push(`console ${message.type()}: ${text} (${url})`);
    }
  }
}

function says(text: string, status: number): boolean {
  const isNamed = new RegExp(`(status of|response code:) ${status}\\b`).test(text);
  return isNamed || (status === 401 && text.includes("HTTP Authentication failed"));
}
