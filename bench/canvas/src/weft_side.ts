// Weft: the editor of a draft and the page of a run, as an admin opens them, over a server of its own.
// Must never change the drawing but through the mouse, the keyboard and the clipboard; `window.__canvas` only tells where things are.

import type { Browser, BrowserContext, Page } from "playwright-core";
import { ADMIN } from "../../../end2end/support/people.ts";
import { Weft } from "../../../end2end/support/weft.ts";
import { standIn } from "./feed.ts";
import { graph, keyOf } from "./graph.ts";
import { CTRL, drawn, Hand } from "./input.ts";
import { Rest, signedIn } from "./person.ts";
import { watchReady } from "./ready.ts";
import { type Box, type Camera, type Canvas, type Live, middleOf, type Side, type View } from "./side.ts";
import { stepsOf, WRITER } from "./workflow.ts";

/** Of the view in which a hundred cards are taken hold of. */
const HUNDREDS_ZOOM = 0.25;
const OPENS_WITHIN_MS = 60_000;
const PANEL_WITHIN_MS = 2_000;
/** What heads the panel of several steps. */
const MANY = /^([\d,]+) steps$/;

interface Hooks {
  nodeRect(key: string): Box | null;
  camera(): Camera;
  showAll(): void;
}

interface Feed {
  change(keys: readonly string[], frames: number, perFrame: number, untilMs: number): Promise<void>;
  isFollowed(): boolean;
}

interface Probed {
  readonly __canvas?: Hooks;
  readonly __feed?: Feed;
}

export class WeftSide implements Side {
  readonly name = "weft";
  private readonly drafts = new Map<number, Promise<string>>();
  private readonly runs = new Map<number, Promise<string>>();

  private constructor(
    private readonly browser: Browser,
    private readonly weft: Weft,
    private readonly rest: Rest,
  ) {}

  static async start(browser: Browser): Promise<WeftSide> {
    const weft = await Weft.start({ env: { WEFT_USER_RUNNING_RUNS: "off", WEFT_USER_REQUESTS_PER_SECOND: "off" }, withoutModel: true });
    await weft.createUser(ADMIN);
    const rest = new Rest(weft.url, await weft.createToken(ADMIN));
    await rest.post("/api/agents", WRITER);
    return new WeftSide(browser, weft, rest);
  }

  stop(): Promise<void> {
    return this.weft.stop();
  }

  async open(n: number): Promise<Canvas> {
    const id = await remembered(this.drafts, n, () => this.publish(n));
    const context = await this.context();
    const page = await context.newPage();
    await page.addInitScript({ content: ready(n) });
    await page.goto(`/admin/workflows/${id}`, { waitUntil: "commit" });
    await page.waitForFunction(() => window.__openMs !== undefined, undefined, { timeout: OPENS_WITHIN_MS });
    return WeftCanvas.of(page, () => context.close());
  }

  async watch(n: number): Promise<Live> {
    const run = await remembered(this.runs, n, () => this.heldRun(n));
    const context = await this.context();
    const page = await context.newPage();
    await page.addInitScript(standIn);
    await page.goto(`/runs/${run}`, { waitUntil: "commit" });
    await page.waitForFunction(
      // What comes before all of the run is there waits until it is.
      (key) =>
        ((window as Probed).__canvas?.nodeRect(key) ?? null) !== null &&
        document.querySelector(".canvas-stage[aria-busy]") === null &&
        (window as Probed).__feed?.isFollowed() === true,
      keyOf(0),
      { timeout: OPENS_WITHIN_MS },
    );
    const keys = graph(n).nodes.map(({ key }) => key);
    return {
      page,
      look: () => showAll(page),
      change: (frames, perFrame, untilMs) =>
        page.evaluate(
          ([keys, frames, perFrame, untilMs]) => (window as Probed).__feed?.change(keys, frames, perFrame, untilMs),
          [keys, frames, perFrame, untilMs] as const,
        ),
      close: () => context.close(),
    };
  }

  /** Where everything is seen on the page of a run. */
  async liveLook(n: number): Promise<{ stage: Box; camera: Camera }> {
    const live = await this.watch(n);
    try {
      await live.look("all");
      return { stage: await stageOf(live.page), camera: await cameraOf(live.page) };
    } finally {
      await live.close();
    }
  }

  private context(): Promise<BrowserContext> {
    return signedIn(this.browser, this.weft.url, ADMIN);
  }

  private publish(n: number): Promise<string> {
    return this.rest.publish(`${n} steps`, { steps: stepsOf(n) });
  }

  /** A run that stands still, so that only our events change what is seen. */
  private async heldRun(n: number): Promise<string> {
    const template = await remembered(this.drafts, n, () => this.publish(n));
    const { id } = await this.rest.post<{ id: string }>("/api/workflows/runs", { template_id: template, inputs: {}, auto_run: true });
    await this.rest.post(`/api/workflows/runs/${id}/pause`);
    return id;
  }
}

class WeftCanvas implements Canvas {
  private constructor(
    readonly page: Page,
    readonly hand: Hand,
    readonly openMs: number,
    readonly stage: Box,
    private readonly ended: () => Promise<void>,
  ) {}

  static async of(page: Page, ended: () => Promise<void>): Promise<WeftCanvas> {
    const stage = await stageOf(page);
    const openMs = await page.evaluate(() => window.__openMs ?? 0);
    return new WeftCanvas(page, await Hand.of(page), openMs, stage, ended);
  }

  async look(view: View): Promise<void> {
    await showAll(this.page);
    if (view !== "all") {
      await this.zoomTo(view === "one" ? 1 : HUNDREDS_ZOOM);
    }
  }

  camera(): Promise<Camera> {
    return cameraOf(this.page);
  }

  async cards(keys: readonly string[]): Promise<readonly Box[]> {
    const boxes = await this.page.evaluate((keys) => keys.map((key) => (window as Probed).__canvas?.nodeRect(key) ?? null), keys);
    return boxes.filter((box) => box !== null);
  }

  async nSelected(): Promise<number> {
    const heading = this.page.locator("#side-panel-title").filter({ hasText: MANY });
    // On a busy machine the panel of what was selected comes after the frame.
    await heading.waitFor({ timeout: PANEL_WITHIN_MS }).catch(() => undefined);
    const told = (await heading.count()) > 0 ? await heading.innerText() : "";
    return Number(MANY.exec(told)?.[1]?.replaceAll(",", "") ?? Number.NaN);
  }

  async selectNothing(): Promise<void> {
    await this.page.keyboard.press("Escape");
    await drawn(this.page);
  }

  async paste(n: number): Promise<void> {
    await this.page.evaluate((text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", text);
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    }, JSON.stringify({ weft_steps: 1, steps: stepsOf(n) }));
    await drawn(this.page);
    await showAll(this.page);
  }

  undo(): Promise<void> {
    return this.page.keyboard.press("Control+z");
  }

  redo(): Promise<void> {
    return this.page.keyboard.press("Control+Shift+z");
  }

  close(): Promise<void> {
    return this.ended();
  }

  /** By the wheel, around the middle. */
  private async zoomTo(wanted: number): Promise<void> {
    const middle = middleOf(this.stage);
    const turn = async (by: number) => {
      await this.hand.wheel(middle, { x: 0, y: by }, CTRL);
      await drawn(this.page);
      return (await this.camera()).zoom;
    };
    const before = (await this.camera()).zoom;
    const inwards = wanted > before ? -20 : 20;
    let zoom = await turn(inwards);
    // The zoom is a power of how far the wheel is turned.
    const perUnit = Math.log(zoom / before) / inwards;
    for (let tries = 0; tries < 40 && Math.abs(zoom / wanted - 1) > 0.002; tries++) {
      const by = Math.log(wanted / zoom) / perUnit;
      zoom = await turn(Math.sign(by) * Math.min(Math.abs(by), 90));
    }
  }
}

const ready = (n: number) => {
  const last = JSON.stringify(keyOf(n - 1));
  return watchReady(`() => (window.__canvas?.nodeRect(${last}) ?? null) !== null`);
};

async function showAll(page: Page): Promise<void> {
  await page.evaluate(() => (window as Probed).__canvas?.showAll());
  await drawn(page);
}

async function stageOf(page: Page): Promise<Box> {
  const stage = await page.locator(".canvas-stage").boundingBox();
  if (!stage) {
    throw new Error("the page has no canvas");
  }
  return stage;
}

async function cameraOf(page: Page): Promise<Camera> {
  const camera = await page.evaluate(() => (window as Probed).__canvas?.camera());
  if (!camera) {
    throw new Error("the page has no canvas");
  }
  return camera;
}

function remembered(known: Map<number, Promise<string>>, n: number, make: () => Promise<string>): Promise<string> {
  const found = known.get(n) ?? make();
  known.set(n, found);
  return found;
}
