// `node light.mjs [--json] [--quick] [--only pages|work] [--page NAME]`: what Lighthouse says of every page of the product, and how soon
// pages answer while people work in them. `cargo xtask bench light` builds all of it and calls this.
// It fails where a page has less than 100 for accessibility or best practices, and never because of milliseconds.

import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type BrowserContext, chromium } from "playwright-core";
import { CHROMIUM } from "../../../../end2end/support/chromium.ts";
import { ADMIN } from "../../../../end2end/support/people.ts";
import { freePort, Weft } from "../../../../end2end/support/weft.ts";
import { Rest, signIn, VIEWPORT } from "../person.ts";
import { measure, WORKED } from "./interactions.ts";
import { places } from "./places.ts";
import { Report } from "./report.ts";
import { FULL, KINDS, look } from "./scores.ts";
import { make, type Subjects } from "./subjects.ts";

/** Of the benchmark alone: what is kept under it is kept nowhere afterwards. */
const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const UNHINDERED = { WEFT_USER_RUNNING_RUNS: "off", WEFT_USER_REQUESTS_PER_SECOND: "off", WEFT_SECRET_KEY: KEY };

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    page: { type: "string", multiple: true },
  },
});
if (!["pages", "work", undefined].includes(values.only)) {
  throw new Error("--only is one of pages and work");
}
const kinds = values.quick ? FULL : KINDS;

const ending: (() => Promise<void> | void)[] = [];
const close = async () => {
  for (let end = ending.pop(); end; end = ending.pop()) {
    await end();
  }
};
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void close().finally(() => process.exit(1)));
}
let report: Report | undefined;
try {
  report = await all();
} finally {
  await close();
}
console.log(report.table());
if (values.json) {
  console.log(JSON.stringify(report.json()));
}
if (report.nFailed > 0 || report.nShort > 0) {
  process.exitCode = 1;
}

async function all(): Promise<Report> {
  const weft = await Weft.start({ env: UNHINDERED, withoutModel: true });
  ending.push(() => weft.stop());
  await weft.createUser(ADMIN);
  const made = await make(new Rest(weft.url, await weft.createToken(ADMIN)));
  const port = await freePort();
  const context = await profile(port);
  const report = new Report(context.browser()?.version() ?? "", version());
  if (values.only !== "work") {
    await pages(context, port, weft.url, made, report);
  }
  if (values.only !== "pages") {
    await work(context, weft.url, made, report);
  }
  return report;
}

/** Lighthouse opens pages of its own in the browser's one profile, in which somebody signs in as in any other. */
async function profile(port: number): Promise<BrowserContext> {
  const folder = mkdtempSync(join(tmpdir(), "weft-light-"));
  ending.push(() => rmSync(folder, { recursive: true, force: true }));
  const options = { ...CHROMIUM, args: [...CHROMIUM.args, `--remote-debugging-port=${port}`], viewport: VIEWPORT, handleSIGINT: false, handleSIGTERM: false };
  const context = await chromium.launchPersistentContext(folder, options);
  ending.push(() => context.close());
  return context;
}

async function pages(context: BrowserContext, port: number, url: string, made: Subjects, report: Report): Promise<void> {
  // Those for nobody first: whoever is signed in is sent on from them.
  const chosen = places(made).filter(({ name }) => !values.page || values.page.includes(name));
  for (const { name, path, isForNobody } of chosen.sort((a, b) => Number(b.isForNobody ?? false) - Number(a.isForNobody ?? false))) {
    try {
      await (isForNobody ? context.clearCookies() : signIn(context, url, ADMIN));
      const found = await look(`${url}${path}`, port, kinds);
      report.addPage(name, found);
      // It takes minutes, so what is found is told as it comes.
      console.error([`${name}: ${kinds.map((kind) => found.scores[kind]).join(", ")}`, ...found.faults].join("\n  "));
    } catch (error) {
      report.fail(name, error);
    }
  }
}

async function work(context: BrowserContext, url: string, made: Subjects, report: Report): Promise<void> {
  await signIn(context, url, ADMIN);
  for (const { name, path, work } of WORKED) {
    try {
      const found = await measure(context, url, path(made), work);
      report.addWork(name, found);
      console.error(`${name}: ${Math.round(found.inpMs)} ms`);
    } catch (error) {
      report.fail(name, error);
    }
  }
}

/** Of the Lighthouse that is installed. */
function version(): string {
  const { version } = createRequire(import.meta.url)("lighthouse/package.json") as { version: string };
  return version;
}
