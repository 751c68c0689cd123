// A real mouse and keyboard by the browser's own protocol. Each event waits until the page has taken it, so a slow page gets fewer
// of them and never a queue of them: what is compared is CPU a frame, not how many frames a second there are.

import type { CDPSession, Page } from "playwright-core";

export interface Point {
  readonly x: number;
  readonly y: number;
}

type Button = "none" | "left" | "middle";

const BITS = { none: 0, left: 1, middle: 4 } as const;
export const CTRL = 2;
export const SHIFT = 8;

export class Hand {
  private button: Button = "none";
  private modifiers = 0;

  private constructor(
    private readonly page: Page,
    private readonly session: CDPSession,
  ) {}

  static async of(page: Page): Promise<Hand> {
    return new Hand(page, await page.context().newCDPSession(page));
  }

  /** `modifiers` is nothing or `SHIFT`, which is then a key that is held: some pages listen to that alone. */
  async down(at: Point, button: "left" | "middle", modifiers = 0): Promise<void> {
    await this.move(at);
    this.modifiers = modifiers;
    if (modifiers === SHIFT) {
      await this.page.keyboard.down("Shift");
    }
    this.button = button;
    await this.mouse("mousePressed", at, { clickCount: 1 });
  }

  move(at: Point): Promise<void> {
    return this.mouse("mouseMoved", at);
  }

  async up(at: Point): Promise<void> {
    const { button } = this;
    this.button = "none";
    await this.mouse("mouseReleased", at, { button, clickCount: 1 });
    if (this.modifiers === SHIFT) {
      await this.page.keyboard.up("Shift");
    }
    this.modifiers = 0;
  }

  async wheel(at: Point, by: Point, modifiers = 0): Promise<void> {
    await this.session.send("Input.dispatchMouseEvent", { type: "mouseWheel", ...at, deltaX: by.x, deltaY: by.y, modifiers });
  }

  private async mouse(type: "mousePressed" | "mouseMoved" | "mouseReleased", at: Point, more = {}): Promise<void> {
    const { button, modifiers } = this;
    await this.session.send("Input.dispatchMouseEvent", { type, ...at, button, buttons: BITS[button], modifiers, ...more });
  }
}

/** Until what was asked for has been drawn. */
export function drawn(page: Page): Promise<void> {
  return page.evaluate(() => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))));
}
