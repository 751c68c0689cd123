// What is done on a canvas, the same on each side: real mouse, real keys, from the same view of the same graph.
// Must never look at which side it is.

import type { Meter, Used } from "./browser.ts";
import { keyOf } from "./graph.ts";
import { CTRL, drawn, type Point, SHIFT } from "./input.ts";
import { type Box, type Canvas, type Live, middleOf } from "./side.ts";

export const SCENARIOS = ["open", "pan", "pan_fit", "zoom", "drag", "drag_100", "status", "marquee", "undo"] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** How much of each; less for a quick look. */
export interface Amount {
  readonly frames: number;
  /** What takes longer is measured over fewer frames. */
  readonly untilMs: number;
}

const STATUSES_A_FRAME = 10;
export const PASTED = 1_000;
const AT_LEAST = 4;
/** A page has settled when nothing was asked of it for as long. */
const QUIET_MS = 400;

export interface Measured extends Used {
  readonly scenario: Scenario;
}

/** Everything on a page that is open, but what wants another one. Each is told as it was measured. */
export async function onCanvas(canvas: Canvas, n: number, meter: Meter, amount: Amount, tell: (measured: Measured) => void): Promise<void> {
  const measure = async (scenario: Scenario, act: () => Promise<void>) => {
    await quiet(canvas);
    const used = await meter.measure(async () => {
      await act();
      await drawn(canvas.page);
    });
    tell({ scenario, ...used });
  };
  const { hand, stage } = canvas;
  const centre = middleOf(stage);

  await canvas.look("one");
  await measure("pan", () => pan(canvas, amount));
  await canvas.look("one");
  const nearest = await nearestTo(canvas, n, centre);
  await measure("drag", () => drag(canvas, nearest, amount));

  await canvas.look("all");
  await measure("pan_fit", () => pan(canvas, amount));
  await canvas.look("all");
  const step = await wheelStep(canvas, amount);
  await measure("zoom", async () => {
    // In to life size, and out again.
    const until = deadline(amount);
    for (let at = 0; at < amount.frames && until(at); at++) {
      await hand.wheel(centre, { x: 0, y: at < amount.frames / 2 ? step : -step }, CTRL);
    }
  });
  await canvas.look("all");
  await canvas.selectNothing();
  await measure("marquee", async () => {
    const corner = { x: stage.x + 6, y: stage.y + 70 };
    await sweep(canvas, corner, { x: stage.x + stage.width - 8, y: stage.y + stage.height - 8 }, amount);
  });
  const n_taken = await canvas.nSelected();
  if (!(n_taken > n / 2)) {
    throw new Error(`the marquee over everything took ${n_taken} of ${n} steps`);
  }
  await canvas.selectNothing();

  await canvas.look("hundreds");
  const grip = await takeHundred(canvas, n);
  await measure("drag_100", () => drag(canvas, grip, amount));
  await canvas.selectNothing();
}

/** A thousand steps pasted, then taken back and done again in turns. */
export async function undoing(canvas: Canvas, meter: Meter, amount: Amount): Promise<Measured> {
  await canvas.look("all");
  await canvas.paste(PASTED);
  await quiet(canvas);
  const used = await meter.measure(async () => {
    const until = deadline(amount);
    for (let at = 0; at < Math.max(AT_LEAST, amount.frames / 6) && until(at); at++) {
      await (at % 2 === 0 ? canvas.undo() : canvas.redo());
      await drawn(canvas.page);
    }
  });
  return { scenario: "undo", ...used };
}

export async function changing(live: Live, meter: Meter, amount: Amount): Promise<Measured> {
  await live.look("all");
  await live.page.waitForTimeout(QUIET_MS);
  const used = await meter.measure(async () => {
    await live.change(amount.frames, STATUSES_A_FRAME, amount.untilMs);
    await drawn(live.page);
  });
  return { scenario: "status", ...used };
}

async function pan({ hand, stage }: Canvas, amount: Amount): Promise<void> {
  const from = middleOf(stage);
  await hand.down(from, "middle");
  const last = await circle(amount, from, 90, (at) => hand.move(at));
  await hand.up(last);
}

async function drag({ hand }: Canvas, from: Point, amount: Amount): Promise<void> {
  await hand.down(from, "left");
  const last = await circle(amount, from, 60, (at) => hand.move(at));
  await hand.up(last);
}

/** Along a circle that begins and ends where it is held, so that each repeat finds the same. */
async function circle(amount: Amount, from: Point, radius: number, move: (at: Point) => Promise<void>): Promise<Point> {
  const until = deadline(amount);
  for (let step = 1; step <= amount.frames && until(step); step++) {
    const turn = (2 * Math.PI * step) / amount.frames;
    await move({ x: from.x + radius * Math.sin(turn), y: from.y + radius * (1 - Math.cos(turn)) });
  }
  await move(from);
  return from;
}

async function sweep({ hand }: Canvas, from: Point, to: Point, amount: Amount): Promise<void> {
  await hand.down(from, "left", SHIFT);
  const until = deadline(amount);
  for (let step = 1; step <= amount.frames && until(step); step++) {
    const part = step / amount.frames;
    await hand.move({ x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part });
  }
  await hand.move(to);
  await hand.up(to);
}

/** How far the wheel is turned in each of the frames so that half of them lead to life size: on either side another part of its turn. */
async function wheelStep(canvas: Canvas, amount: Amount): Promise<number> {
  const probe = -20;
  const before = (await canvas.camera()).zoom;
  await canvas.hand.wheel(middleOf(canvas.stage), { x: 0, y: probe }, CTRL);
  await drawn(canvas.page);
  const perUnit = Math.log((await canvas.camera()).zoom / before) / probe;
  await canvas.look("all");
  return Math.log(1 / before) / perUnit / (amount.frames / 2);
}

/** Ends what takes too long, but not before it was done a few times. */
function deadline(amount: Amount): (done: number) => boolean {
  const end = performance.now() + amount.untilMs;
  return (done) => done <= AT_LEAST || performance.now() < end;
}

async function quiet(canvas: Canvas): Promise<void> {
  await drawn(canvas.page);
  await canvas.page.waitForTimeout(QUIET_MS);
}

async function nearestTo(canvas: Canvas, n: number, to: Point): Promise<Point> {
  const boxes = await canvas.cards(Array.from({ length: n }, (_, at) => keyOf(at)));
  const away = (at: Point) => Math.hypot(at.x - to.x, at.y - to.y);
  const middles = boxes.map(middleOf);
  return middles.reduce((best, at) => (away(at) < away(best) ? at : best));
}

/** From the corner of the cards: into the gaps beside them, away from ports. A line may pass there, so it is tried beside it. */
const CORNERS: readonly (readonly [number, number])[] = [[-11, -6], [-11, -8], [-8, -7], [-14, -7], [-11, -33]];

/** Selects about a hundred cards of the middle by a marquee; answers where they are held. */
async function takeHundred(canvas: Canvas, n: number): Promise<Point> {
  const told: string[] = [];
  for (const [left, up] of CORNERS) {
    await canvas.look("hundreds");
    const boxes = await canvas.cards(Array.from({ length: n }, (_, at) => keyOf(at)));
    const centre = middleOf(canvas.stage);
    const taken = [...boxes].sort((a, b) => distance(a, centre) - distance(b, centre)).slice(0, 100);
    const from = { x: Math.min(...taken.map(({ x }) => x)) + left, y: Math.min(...taken.map(({ y }) => y)) + up };
    const to = { x: Math.max(...taken.map(({ x, width }) => x + width)) + 4, y: Math.max(...taken.map(({ y, height }) => y + height)) + 4 };
    const inside = boxes.filter(({ x, y, width, height }) => x >= from.x && y >= from.y && x + width <= to.x && y + height <= to.y);
    await sweep(canvas, from, to, { frames: 8, untilMs: 20_000 });
    await drawn(canvas.page);
    const n_selected = await canvas.nSelected();
    if (n_selected === inside.length) {
      return middleOf(taken[0] as Box);
    }
    told.push(`${n_selected} of ${inside.length}`);
    await canvas.selectNothing();
  }
  throw new Error(`about a hundred steps could not be selected: ${told.join(", ")}`);
}

/** So that the nearest hundred lie in a rectangle of 5 columns and 20 rows, which stays clear of the edges at which a canvas moves on by itself. */
function distance(box: Box, to: Point): number {
  const middle = middleOf(box);
  return Math.max(Math.abs(middle.x - to.x) / (box.width * 1.38 * 5), Math.abs(middle.y - to.y) / (box.height * 1.8 * 20));
}
