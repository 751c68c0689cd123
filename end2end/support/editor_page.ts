// The editor by a real mouse: what is drawn on the canvas has no element, so `window.__canvas` tells where things are.
// Must never change the drawing but through the mouse, the keyboard and the controls of the page.

import { expect, type Locator, type Page } from "@playwright/test";

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Hooks {
  nodeRect(key: string): Box | null;
  portRect(key: string, side: "in" | "out"): Box | null;
  gripRect(from: string, to: string, end: "in" | "out"): Box | null;
  /** All of a note. */
  noteRect(id: string): Box | null;
  /** The title of a group, or its card while it is collapsed. */
  groupRect(id: string): Box | null;
  camera(): { x: number; y: number; zoom: number };
  /** Everything, however small. */
  showAll(): void;
  /** How many frames were drawn. */
  drawn(): number;
}

declare global {
  interface Window {
    __canvas?: Hooks;
  }
}

const centre = ({ x, y, width, height }: Box): Point => ({ x: x + width / 2, y: y + height / 2 });

export class EditorPage {
  readonly palette: Locator;
  readonly panel: Locator;
  readonly stage: Locator;
  /** The list beside the canvas: one button for each step. */
  readonly steps: Locator;
  readonly hint: Locator;

  constructor(readonly page: Page) {
    this.palette = page.getByRole("complementary", { name: "Agents" });
    this.panel = page.getByRole("complementary", { name: "Details" });
    this.stage = page.getByRole("region", { name: "Canvas" });
    this.steps = page.getByRole("application");
    this.hint = page.locator(".canvas-hint");
  }

  /** A step as it is announced. */
  step(title: string): Locator {
    return this.steps.getByRole("button", { name: new RegExp(`^${title},`) });
  }

  async nodeRect(key: string): Promise<Box> {
    return this.ask(key, () => this.page.evaluate((key) => window.__canvas?.nodeRect(key) ?? null, key));
  }

  async port(key: string, side: "in" | "out"): Promise<Point> {
    const ask = () => this.page.evaluate(([key, side]) => window.__canvas?.portRect(key, side) ?? null, [key, side] as const);
    return centre(await this.ask(key, ask));
  }

  /** Where an end of a line is taken up: at the port that it comes out of, or goes in at. */
  async grip(from: string, to: string, end: "in" | "out"): Promise<Point> {
    const ask = () =>
      this.page.evaluate(([from, to, end]) => window.__canvas?.gripRect(from, to, end) ?? null, [from, to, end] as const);
    return centre(await this.ask(`${from} to ${to}`, ask));
  }

  camera(): Promise<{ x: number; y: number; zoom: number } | undefined> {
    return this.page.evaluate(() => window.__canvas?.camera());
  }

  /** Drags an agent from the palette to a place on the canvas, given as parts of its width and height. */
  async drop(agent: string, at: Point): Promise<void> {
    const item = this.palette.getByRole("button", { name: `Add ${agent}`, exact: true });
    await item.scrollIntoViewIfNeeded();
    const from = await item.boundingBox();
    const stage = await this.stage.boundingBox();
    if (!from || !stage) {
      throw new Error("the palette or the canvas is not shown");
    }
    await this.drag(centre(from), { x: stage.x + stage.width * at.x, y: stage.y + stage.height * at.y });
    await expect(this.step(agent)).toHaveCount(1);
  }

  /** Draws a line from the port of one step to that of another, and lets go. */
  async connect(from: string, to: string): Promise<void> {
    await this.drag(await this.port(from, "out"), await this.port(to, "in"));
  }

  async drag(from: Point, to: Point): Promise<void> {
    const { mouse } = this.page;
    await mouse.move(from.x, from.y);
    await mouse.down();
    await mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2, { steps: 4 });
    await mouse.move(to.x, to.y, { steps: 4 });
    await mouse.up();
  }

  /** Presses a step with the mouse, and waits for its panel. */
  async select(key: string, title: string): Promise<void> {
    const { x, y } = centre(await this.nodeRect(key));
    await this.page.mouse.click(x, y);
    await expect(this.panel.getByRole("heading", { name: title, exact: true })).toBeVisible();
  }

  /** Maps an input of the selected step by its dropdown. */
  async map(port: string, source: string): Promise<void> {
    await this.panel.getByRole("combobox", { name: `Source of ${port}` }).click();
    await this.page.getByRole("option", { name: source }).click();
    await expect(this.panel.getByRole("combobox", { name: `Source of ${port}` })).toHaveValue(source);
  }

  async expectSaved(): Promise<void> {
    await expect(this.page.getByText("Saved", { exact: true })).toBeVisible();
  }

  private async ask(key: string, ask: () => Promise<Box | null>): Promise<Box> {
    await expect.poll(ask, `a place on the canvas for ${key}`).not.toBeNull();
    return (await ask()) as Box;
  }
}
