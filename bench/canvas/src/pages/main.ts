// `node pages.mjs [--json] [--quick] [--repeats N] [--only lists|pages]`: measures lists, searches and charts over a long history, and how
// soon large runs, long texts and large workflows can be used in a browser. `cargo xtask bench pages` builds all of it, starts the durable
// Postgres whose place is in the environment, and calls this.
// What was not measured is absent from what is printed, and named with the reason; there is never a number in its place.

import { parseArgs } from "node:util";
import { type Browser, chromium } from "playwright-core";
import { CHROMIUM } from "../../../../end2end/support/chromium.ts";
import { ADMIN } from "../../../../end2end/support/people.ts";
import { Weft } from "../../../../end2end/support/weft.ts";
import { keyOf } from "../graph.ts";
import { Rest } from "../person.ts";
import { Postgres } from "./database.ts";
import { type Amount, lists, UNHINDERED } from "./lists.ts";
import { open } from "./opening.ts";
import { type Bars, Report } from "./report.ts";
import { LINE, LINES, make, N_DRAWN, N_STEPS, Source, type Subjects } from "./subjects.ts";
import { type } from "./typing.ts";

const FULL: Amount = { runs: 100_000, asked: 200 };
const QUICK: Amount = { runs: 20_000, asked: 30 };
const DATABASE = "weft_bench_pages";
/** The shell of the app around words that there is no such page. */
const EMPTY = "an empty page";
const RUN_BAR_MS = 1_500;
const TEXT_BAR_MS = 1_000;
const WORKFLOW_BAR_MS = 1_000;

/** A page, what is seen once it can be used, and the length of the text that is edited there. */
interface Opening {
  readonly name: string;
  readonly path: string;
  readonly isThere: string;
  readonly bars: Bars;
  readonly edits?: number;
}

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    repeats: { type: "string" },
    only: { type: "string" },
  },
});
const amount = values.quick ? QUICK : FULL;
const repeats = Number(values.repeats ?? (values.quick ? 1 : 5));
if (!(repeats >= 1) || !["lists", "pages", undefined].includes(values.only)) {
  throw new Error("--repeats is a number from 1, and --only one of lists and pages");
}

const postgres = Postgres.fromEnvironment();
const browser = await chromium.launch({ ...CHROMIUM, handleSIGINT: false, handleSIGTERM: false });
const ending: (() => Promise<void>)[] = [() => browser.close()];
const close = async () => {
  for (let end = ending.pop(); end; end = ending.pop()) {
    await end();
  }
};
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void close().finally(() => process.exit(1)));
}
const report = new Report(browser.version(), amount.runs, EMPTY);
try {
  if (values.only !== "pages") {
    await lists(postgres, amount, report);
  }
  if (values.only !== "lists") {
    await pages();
  }
} finally {
  await close();
}
console.log(report.table());
if (values.json) {
  console.log(JSON.stringify(report.json()));
}
if (report.nFailed > 0) {
  process.exitCode = 1;
}

async function pages(): Promise<void> {
  const source = await Source.start();
  ending.push(async () => source.stop());
  const database = await postgres.create(DATABASE);
  // The agents that call a server call the one above.
  const weft = await Weft.start({ database, env: { ...UNHINDERED, WEFT_ALLOW_PRIVATE: "127.0.0.0/8" }, withoutModel: true });
  ending.push(() => weft.stop());
  await weft.createUser(ADMIN);
  const subjects = await make(new Rest(weft.url, await weft.createToken(ADMIN)), source.url);
  const openings = openingsOf(subjects);
  // The first round warms up the server, and what the browser keeps of programs between pages.
  for (let round = values.quick ? 1 : 0; round <= repeats; round++) {
    for (const opening of openings) {
      await measure(browser, weft.url, opening, round > 0);
    }
  }
}

async function measure(browser: Browser, url: string, { name, path, isThere, bars, edits }: Opening, counts: boolean): Promise<void> {
  try {
    const { page, opened, context } = await open(browser, url, path, isThere);
    try {
      const typed = edits === undefined ? {} : await type(page, edits);
      if (counts) {
        report.addPage(name, bars, { ...opened, ...typed });
      }
    } finally {
      await context.close();
    }
  } catch (error) {
    report.fail(name, error);
  }
}

function openingsOf(subjects: Subjects): Opening[] {
  const isDrawn = (key: string) => `(window.__canvas?.nodeRect(${JSON.stringify(key)}) ?? null) !== null`;
  const hasContent = `document.querySelector(".artifact :is(.json-tree, .code-view, .streaming, .prose)") !== null`;
  const ofText = (name: string, path: string, edits: number): Opening => ({
    name,
    path,
    isThere: `() => ${hasContent} && ${isDrawn("made")}`,
    bars: { openMs: TEXT_BAR_MS, dialogMs: TEXT_BAR_MS },
    edits,
  });
  const ofRun = (name: string, path: string, isThere: string): Opening => ({ name, path, isThere: `() => ${isThere}`, bars: { openMs: RUN_BAR_MS } });
  return [
    { name: EMPTY, path: "/nothing-is-here", isThere: `() => document.querySelector("main") !== null`, bars: {} },
    ofRun("a run of 10,000 items", subjects.items, `document.querySelectorAll(".items li").length > 0 && ${isDrawn("each")}`),
    ofRun("a text of 10 MB", subjects.text, `${hasContent} && ${isDrawn("made")}`),
    ofRun("JSON of 10 MB", subjects.json, `${hasContent} && ${isDrawn("made")}`),
    ofRun("a run of 5,000 steps", subjects.steps, isDrawn(keyOf(N_STEPS - 1))),
    ofText("a text of 1 MB in one line", subjects.line, LINE.length),
    ofText("a text of 10,000 lines", subjects.lines, LINES.length),
    { name: "a workflow of 1,000 steps", path: subjects.workflow, isThere: `() => ${isDrawn(keyOf(N_DRAWN - 1))}`, bars: { openMs: WORKFLOW_BAR_MS } },
  ];
}
