// What both sides can be told, so that each scenario is written once and done alike.

import type { Page } from "playwright-core";
import type { Hand, Point } from "./input.ts";

/** Origin: what of the plane lies in the upper left corner of the canvas. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What is looked at: everything, about two hundred cards of the middle, or the middle at life size. */
export type View = "all" | "hundreds" | "one";

/** An opened page of one side. */
export interface Canvas {
  readonly page: Page;
  readonly hand: Hand;
  /** From the request until the graph was on the screen. */
  readonly openMs: number;
  /** The canvas on the screen. */
  readonly stage: Box;
  look(view: View): Promise<void>;
  camera(): Promise<Camera>;
  /** Where these cards are on the screen, in their order. */
  cards(keys: readonly string[]): Promise<readonly Box[]>;
  nSelected(): Promise<number>;
  selectNothing(): Promise<void>;
  /** So many cards beside those that are there; then all are looked at. */
  paste(n: number): Promise<void>;
  undo(): Promise<void>;
  redo(): Promise<void>;
  close(): Promise<void>;
}

/** One that shows a run; so many statuses change in each frame. */
export interface Live {
  readonly page: Page;
  look(view: "all"): Promise<void>;
  change(frames: number, perFrame: number, untilMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface Side {
  readonly name: "weft" | "xyflow_all" | "xyflow_visible";
  open(n: number): Promise<Canvas>;
  watch(n: number): Promise<Live>;
}

export const middleOf = ({ x, y, width, height }: Box): Point => ({ x: x + width / 2, y: y + height / 2 });
