// What was measured, as a table for people and as one JSON object for scripts: medians.
// Must never fill in what was not measured.

import { loadavg } from "node:os";
import { median, rounded } from "./numbers.ts";
import { SCENARIOS } from "./scenarios.ts";
import type { Side } from "./side.ts";

type Name = Side["name"];
/** What is measured beside the scenarios: memory, what is used while nothing is done, and the CPU of opening. */
type Figure = (typeof SCENARIOS)[number] | "rss" | "idle" | "open_cpu";

interface Reading {
  readonly value: number;
  readonly frames: number;
}

const NAMES: readonly Name[] = ["weft", "xyflow_all", "xyflow_visible"];
const COMPARED = ["pan", "pan_fit", "zoom", "status", "drag"] as const;
/** At so many steps. */
const COMPARED_AT = 5_000;

export class Report {
  floorMs = Number.NaN;
  private readonly readings = new Map<string, Reading[]>();
  private readonly failures: string[] = [];
  private readonly loads: number[] = [];

  constructor(
    private readonly chromium: string,
    private readonly repeats: number,
  ) {}

  add(n: number, figure: Figure, name: Name, value: number, frames: number): void {
    this.loads.push(loadavg()[0] ?? 0);
    if (!Number.isFinite(value)) {
      this.fail(n, name, `${figure}: no frame was presented`);
      return;
    }
    const key = keyOf(n, figure, name);
    this.readings.set(key, [...(this.readings.get(key) ?? []), { value, frames }]);
  }

  fail(n: number, name: Name, reason: string): void {
    this.failures.push(`${n} steps, ${name}: ${reason}`);
    console.error(this.failures.at(-1));
  }

  get nFailed(): number {
    return this.failures.length;
  }

  json(): object {
    const rows = this.sizes().flatMap((n) =>
      ([...SCENARIOS, "open_cpu"] as const).map((scenario) => ({
        n,
        scenario,
        weft_ms: this.median(n, scenario, "weft"),
        xyflow_all_ms: this.median(n, scenario, "xyflow_all"),
        xyflow_visible_ms: this.median(n, scenario, "xyflow_visible"),
        rss_mb: this.median(n, "rss", "weft"),
        xyflow_all_rss_mb: this.median(n, "rss", "xyflow_all"),
        xyflow_visible_rss_mb: this.median(n, "rss", "xyflow_visible"),
        frames: this.frames(n, scenario),
      })),
    );
    const ratios = Object.fromEntries(COMPARED.map((scenario) => [scenario, this.ratio(scenario)]));
    const idle = this.sizes().map((n) => ({ n, frames: this.frames(n, "idle") }));
    return {
      rows,
      ratios,
      idle,
      floor_ms: rounded(this.floorMs),
      chromium: this.chromium,
      repeats: this.repeats,
      load_highest: rounded(Math.max(0, ...this.loads)),
      failed: this.failures,
    };
  }

  table(): string {
    const lines = [
      `CPU of all processes of Chromium ${this.chromium}, ms a presented frame: median of ${this.repeats} (least to most); "open" is ms until the graph is shown, "open_cpu" all of its CPU.`,
      `An almost empty canvas: ${rounded(this.floorMs) ?? "not measured"} ms a frame, which is not taken off.`,
      `${"steps".padStart(6)}  ${"scenario".padEnd(10)}${NAMES.map((name) => name.padStart(26)).join("")}`,
    ];
    for (const n of this.sizes()) {
      for (const figure of [...SCENARIOS, "open_cpu", "rss"] as const) {
        const cells = NAMES.map((name) => this.cell(n, figure, name).padStart(26));
        lines.push(`${String(n).padStart(6)}  ${figure.padEnd(10)}${cells.join("")}`);
      }
      lines.push(`${String(n).padStart(6)}  frames of a second in which nothing is done: ${this.frames(n, "idle") ?? "not measured"}`);
    }
    for (const scenario of COMPARED) {
      lines.push(`${scenario} at ${COMPARED_AT}: xyflow, visible only, takes ${this.ratio(scenario) ?? "(not measured)"} x Weft's`);
    }
    lines.push(`Highest load of the machine: ${rounded(Math.max(0, ...this.loads))}`, ...this.failures.map((failure) => `not measured: ${failure}`));
    return lines.join("\n");
  }

  private cell(n: number, figure: Figure, name: Name): string {
    const values = this.values(n, figure, name);
    if (values.length === 0) {
      return "-";
    }
    const spread = values.length > 1 ? ` (${rounded(Math.min(...values))} to ${rounded(Math.max(...values))})` : "";
    return `${this.median(n, figure, name)}${spread}`;
  }

  private ratio(scenario: (typeof COMPARED)[number]): number | undefined {
    const [ours, theirs] = [this.values(COMPARED_AT, scenario, "weft"), this.values(COMPARED_AT, scenario, "xyflow_visible")];
    return ours.length > 0 && theirs.length > 0 ? rounded(median(theirs) / median(ours)) : undefined;
  }

  private median(n: number, figure: Figure, name: Name): number | undefined {
    const values = this.values(n, figure, name);
    return values.length > 0 ? rounded(median(values)) : undefined;
  }

  /** Of Weft, or where it was not measured of xyflow. */
  private frames(n: number, figure: Figure): number | undefined {
    const counts = NAMES.map((name) => (this.readings.get(keyOf(n, figure, name)) ?? []).map(({ frames }) => frames));
    const first = counts.find((counts) => counts.length > 0);
    return first && rounded(median(first));
  }

  private values(n: number, figure: Figure, name: Name): number[] {
    return (this.readings.get(keyOf(n, figure, name)) ?? []).map(({ value }) => value);
  }

  private sizes(): number[] {
    return [...new Set([...this.readings.keys()].map((key) => Number(key.split(" ")[0])))];
  }
}

const keyOf = (n: number, figure: Figure, name: Name) => `${n} ${figure} ${name}`;
