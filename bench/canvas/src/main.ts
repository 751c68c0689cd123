// `node main.mjs [--json] [--quick] [--repeats N] [--steps N]... [--only weft|xyflow] [--pictures FOLDER]`: measures Weft's canvas and @xyflow/react in one
// browser, in turns. `cargo xtask bench canvas` builds all of it and calls this.
// What was not measured is absent from what is printed, and named with the reason; there is never a number in its place.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { CHROMIUM } from "../../../end2end/support/chromium.ts";
import { Meter } from "./browser.ts";
import { Report } from "./report.ts";
import { type Amount, changing, type Measured, onCanvas, PASTED, undoing } from "./scenarios.ts";
import type { Canvas, Live, Side } from "./side.ts";
import { WeftSide } from "./weft_side.ts";
import { type Looks, PageServer, XyflowSide } from "./xyflow_side.ts";

const FULL: Amount = { frames: 90, untilMs: 4_000 };
const QUICK: Amount = { frames: 60, untilMs: 3_000 };
/** No workflow has more. */
const MAX_STEPS = 10_000;
const IDLE_MS = 1_000;

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    repeats: { type: "string" },
    steps: { type: "string", multiple: true },
    only: { type: "string" },
    pictures: { type: "string" },
  },
});
const amount = values.quick ? QUICK : FULL;
const repeats = Number(values.repeats ?? (values.quick ? 1 : 5));
const sizes = (values.steps ?? (values.quick ? ["1000", "5000"] : ["200", "1000", "5000", "10000"])).map(Number);
if (!(repeats >= 1) || !sizes.every((n) => Number.isInteger(n) && n >= 200 && n <= MAX_STEPS)) {
  throw new Error(`--repeats is a number from 1, and --steps one from 200 to ${MAX_STEPS}`);
}

const browser = await chromium.launch({ ...CHROMIUM, handleSIGINT: false, handleSIGTERM: false });
const pages = await PageServer.start(dirname(fileURLToPath(import.meta.url)));
const weft = values.only === "xyflow" ? undefined : await WeftSide.start(browser);
const report = new Report(browser.version(), repeats);
const close = async () => {
  await browser.close();
  pages.stop();
  await weft?.stop();
};
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void close().finally(() => process.exit(1)));
}
try {
  const meter = await Meter.of(browser);
  report.floorMs = await floor(meter);
  for (const n of sizes) {
    const looks = new Map<number, Looks>();
    const known = (n: number) => looks.get(n) ?? assumed(n);
    const sides: Side[] = [
      ...(weft ? [weft] : []),
      ...(values.only === "weft" ? [] : (["xyflow_all", "xyflow_visible"] as const).map((name) => new XyflowSide(name, browser, pages.url, known))),
    ];
    if (weft) {
      for (const of of new Set([n, undoneIn(n)])) {
        looks.set(of, await looksOf(weft, of));
      }
    }
    // The very first round warms up what is kept between pages: compiled programs, fonts, the server.
    for (let round = n === sizes[0] && !values.quick ? 0 : 1; round <= repeats; round++) {
      for (const side of rotated(sides, round)) {
        await turn(side, n, meter, round > 0);
      }
    }
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

/** Everything on one side, on pages of its own: whoever is not at turn has no page open. */
async function turn(side: Side, n: number, meter: Meter, counts: boolean): Promise<void> {
  const began = performance.now();
  const add = (...row: Parameters<Report["add"]>) => counts && report.add(...row);
  const tell = ({ scenario, cpuMs, frames }: Measured) => add(n, scenario, side.name, cpuMs / frames, frames);
  try {
    const canvas = await opened(side, n, meter, add);
    try {
      if (side.name === "weft") {
        await canvas.page.waitForTimeout(IDLE_MS);
        const idle = await meter.measure(() => canvas.page.waitForTimeout(IDLE_MS));
        add(n, "idle", side.name, idle.cpuMs, idle.frames);
      }
      for (const view of values.pictures ? (["all", "hundreds", "one"] as const) : []) {
        await canvas.look(view);
        await picture(canvas, `${n}-${side.name}-${view}`);
      }
      await onCanvas(canvas, n, meter, amount, tell).catch(async (error: unknown) => {
        await picture(canvas, `${n}-${side.name}-failed`);
        throw error;
      });
      add(n, "rss", side.name, await meter.rssMb(), 0);
      if (undoneIn(n) === n) {
        tell(await undoing(canvas, meter, amount));
        await picture(canvas, `${n}-${side.name}-undo`);
      }
    } finally {
      await canvas.close();
    }
    if (undoneIn(n) !== n) {
      const smaller = await side.open(undoneIn(n));
      tell(await undoing(smaller, meter, amount).finally(() => smaller.close()));
    }
    const live = await side.watch(n);
    try {
      tell(await changing(live, meter, amount));
      await picture(live, `${n}-${side.name}-status`);
    } finally {
      await live.close();
    }
  } catch (error) {
    report.fail(n, side.name, error instanceof Error ? error.message : String(error));
  }
  console.error(`${n} steps, ${side.name}: ${((performance.now() - began) / 1000).toFixed(0)} s`);
}

/** For people, who see at once whether both sides show the same. */
async function picture(canvas: Canvas | Live, name: string): Promise<void> {
  if (values.pictures) {
    await canvas.page.screenshot({ path: join(values.pictures, `${name}.png`) });
  }
}

async function opened(side: Side, n: number, meter: Meter, add: (...row: Parameters<Report["add"]>) => unknown): Promise<Canvas> {
  let canvas: Canvas | undefined;
  const used = await meter.measure(async () => {
    canvas = await side.open(n);
  });
  add(n, "open", side.name, (canvas as Canvas).openMs, used.frames);
  add(n, "open_cpu", side.name, used.cpuMs, used.frames);
  return canvas as Canvas;
}

/** Where a thousand more would be too many, they are pasted into a workflow that is so much smaller. */
function undoneIn(n: number): number {
  return Math.min(n, MAX_STEPS - PASTED);
}

/** What Weft shows in each view: xyflow is then looked at alike. */
async function looksOf(weft: WeftSide, n: number): Promise<Looks> {
  const canvas = await weft.open(n);
  try {
    const cameras = {} as Record<"all" | "hundreds" | "one", Awaited<ReturnType<Canvas["camera"]>>>;
    for (const view of ["all", "hundreds", "one"] as const) {
      await canvas.look(view);
      cameras[view] = await canvas.camera();
    }
    return { stage: canvas.stage, cameras, live: await weft.liveLook(n) };
  } finally {
    await canvas.close();
  }
}

/** Without Weft beside it: a canvas as large as the editor's at this window, and the graph in its middle. */
function assumed(n: number): Looks {
  const stage = { x: 0, y: 0, width: 800, height: 700 };
  const rows = Math.max(10, Math.ceil(Math.sqrt((n * 320) / 108 / 1.5)));
  const [width, height] = [Math.ceil(n / rows) * 320, rows * 108];
  const at = (zoom: number) => ({ x: width / 2 - stage.width / 2 / zoom, y: height / 2 - stage.height / 2 / zoom, zoom });
  const all = at(Math.min(stage.width / width, stage.height / height) * 0.9);
  return { stage, cameras: { all, hundreds: at(0.25), one: at(1) }, live: { stage, camera: all } };
}

/** A page on which nothing but one rectangle of an empty canvas changes. */
async function floor(meter: Meter): Promise<number> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${pages.url}/empty`);
  const { cpuMs, frames } = await meter.measure(() =>
    page.evaluate(
      (frames) =>
        new Promise<void>((resolve) => {
          const context = document.querySelector("canvas")?.getContext("2d", { alpha: false });
          const next = (n: number) => {
            if (n === 0) {
              return resolve();
            }
            context?.fillRect(n, n, 10, 10);
            requestAnimationFrame(() => next(n - 1));
          };
          next(frames);
        }),
      amount.frames,
    ),
  );
  await page.close();
  return cpuMs / frames;
}

function rotated<T>(all: readonly T[], by: number): T[] {
  const at = by % all.length;
  return [...all.slice(at), ...all.slice(0, at)];
}
