// @xyflow/react: its page, served to the same browser, in one of its two ways to draw: everything, or only what is visible.
// It is looked at as Weft was in the same graph, and in a canvas as large.

import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import type { Bench } from "../page/main.tsx";
import { CARD, graph } from "./graph.ts";
import { drawn, Hand } from "./input.ts";
import { watchReady } from "./ready.ts";
import type { Box, Camera, Canvas, Live, Side, View } from "./side.ts";

const OPENS_WITHIN_MS = 120_000;
const VIEWPORT = { width: 1280, height: 800 };

/** What Weft was looked at by, for each number of steps. */
export interface Looks {
  readonly stage: Box;
  readonly cameras: Readonly<Record<View, Camera>>;
  readonly live: { readonly stage: Box; readonly camera: Camera };
}

/** Serves the page. */
export class PageServer {
  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(folder: string): Promise<PageServer> {
    const files: Readonly<Record<string, readonly [string, string]>> = {
      "/page.js": ["text/javascript", readFileSync(join(folder, "page.js"), "utf8")],
      "/page.css": ["text/css", readFileSync(join(folder, "page.css"), "utf8")],
      "/": [
        "text/html; charset=utf-8",
        '<!doctype html><meta charset="utf-8"><title>xyflow</title><link rel="stylesheet" href="/page.css"><div id="root"></div><script type="module" src="/page.js"></script>',
      ],
      "/empty": [
        "text/html; charset=utf-8",
        '<!doctype html><title>empty</title><body style="margin:0"><canvas width="1280" height="800"></canvas>',
      ],
    };
    const server = createServer((request, response) => {
      const file = files[new URL(request.url ?? "/", "http://page").pathname];
      response.writeHead(file ? 200 : 404, { "content-type": file?.[0] ?? "text/plain" }).end(file?.[1] ?? "");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new PageServer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

export class XyflowSide implements Side {
  constructor(
    readonly name: "xyflow_all" | "xyflow_visible",
    private readonly browser: Browser,
    private readonly url: string,
    private readonly looks: (n: number) => Looks,
  ) {}

  open(n: number): Promise<Canvas> {
    const { stage, cameras } = this.looks(n);
    return this.page(n, stage, cameras);
  }

  async watch(n: number): Promise<Live> {
    const { stage, camera } = this.looks(n).live;
    const canvas = await this.page(n, stage, { all: camera, hundreds: camera, one: camera });
    return {
      page: canvas.page,
      look: () => canvas.look("all"),
      change: (frames, perFrame, untilMs) =>
        canvas.page.evaluate(
          ([frames, perFrame, untilMs]) => window.bench?.change(frames, perFrame, untilMs),
          [frames, perFrame, untilMs] as const,
        ),
      close: () => canvas.close(),
    };
  }

  private async page(n: number, { width, height }: Box, cameras: Readonly<Record<View, Camera>>): Promise<XyflowCanvas> {
    const context = await this.browser.newContext({ viewport: VIEWPORT });
    const page = await context.newPage();
    await page.addInitScript({ content: ready });
    const culling = this.name === "xyflow_visible" ? "visible" : "all";
    await page.goto(`${this.url}/?n=${n}&culling=${culling}&width=${width}&height=${height}`, { waitUntil: "commit" });
    await page.waitForFunction(() => window.__openMs !== undefined, undefined, { timeout: OPENS_WITHIN_MS });
    const openMs = await page.evaluate(() => window.__openMs ?? 0);
    const stage = { x: 0, y: 0, width, height };
    return new XyflowCanvas(page, await Hand.of(page), openMs, stage, n, cameras, () => context.close());
  }
}

class XyflowCanvas implements Canvas {
  constructor(
    readonly page: Page,
    readonly hand: Hand,
    readonly openMs: number,
    readonly stage: Box,
    private readonly n: number,
    private readonly cameras: Readonly<Record<View, Camera>>,
    private readonly ended: () => Promise<void>,
  ) {}

  async look(view: View): Promise<void> {
    await this.page.evaluate((camera) => window.bench?.look(camera), this.cameras[view]);
    await drawn(this.page);
  }

  async camera(): Promise<Camera> {
    return (await this.page.evaluate(() => window.bench?.camera())) as Camera;
  }

  async cards(keys: readonly string[]): Promise<readonly Box[]> {
    const { x, y, zoom } = await this.camera();
    const places = new Map(graph(this.n).nodes.map((node) => [node.key, node]));
    return keys.flatMap((key) => {
      const node = places.get(key);
      const at = node && { x: this.stage.x + (node.x - x) * zoom, y: this.stage.y + (node.y - y) * zoom };
      return at ? [{ ...at, width: CARD.width * zoom, height: CARD.height * zoom }] : [];
    });
  }

  nSelected(): Promise<number> {
    return this.tell((bench) => bench.nSelected());
  }

  async selectNothing(): Promise<void> {
    await this.tell((bench) => bench.selectNothing());
    await drawn(this.page);
  }

  async paste(n: number): Promise<void> {
    await this.page.evaluate((n) => window.bench?.paste(n), n);
    await drawn(this.page);
    await this.tell((bench) => bench.showAll());
    await drawn(this.page);
  }

  undo(): Promise<void> {
    return this.tell((bench) => bench.undo());
  }

  redo(): Promise<void> {
    return this.tell((bench) => bench.redo());
  }

  close(): Promise<void> {
    return this.ended();
  }

  private async tell<T>(act: (bench: Bench) => T): Promise<T> {
    const handle = await this.page.evaluateHandle(() => window.bench as Bench);
    const answer = await handle.evaluate(act);
    await handle.dispose();
    return answer as T;
  }
}

const ready = watchReady(`() => {
  const node = document.querySelector(".react-flow__node");
  return node !== null && getComputedStyle(node).visibility === "visible" && document.querySelector(".react-flow__edge") !== null;
}`);
