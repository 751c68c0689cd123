// What was found, as tables for people and as one JSON object for scripts. Must never fill in what was not measured.

import { loadavg } from "node:os";
import { rounded } from "../numbers.ts";
import type { Interactions } from "./interactions.ts";
import { FULL, KINDS, type Scores } from "./scores.ts";

export class Report {
  private readonly pages: (Scores & { readonly name: string })[] = [];
  private readonly work: (Interactions & { readonly name: string })[] = [];
  private readonly failures: string[] = [];
  private readonly loads: number[] = [];

  constructor(
    private readonly chromium: string,
    private readonly lighthouse: string,
  ) {}

  addPage(name: string, scores: Scores): void {
    this.loads.push(loadavg()[0] ?? 0);
    this.pages.push({ name, ...scores });
  }

  addWork(name: string, interactions: Interactions): void {
    this.loads.push(loadavg()[0] ?? 0);
    this.work.push({ name, ...interactions });
  }

  fail(name: string, error: unknown): void {
    this.failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    console.error(`not measured: ${this.failures.at(-1)}`);
  }

  get nFailed(): number {
    return this.failures.length;
  }

  /** Pages that have less than a hundred where all of it is wanted. */
  get nShort(): number {
    return this.pages.filter(({ scores }) => FULL.some((kind) => (scores[kind] ?? 100) < 100)).length;
  }

  json(): object {
    return {
      chromium: this.chromium,
      lighthouse: this.lighthouse,
      pages: this.pages.map(({ name, scores, lcpMs, blockedMs, shift, faults }) => ({
        name, ...scores, lcp_ms: lcpMs && rounded(lcpMs), blocked_ms: blockedMs && rounded(blockedMs), shift: shift && rounded(shift), faults,
      })),
      interactions: this.work.map(({ name, n, inpMs, medianMs, slowest }) => ({ name, n, inp_ms: rounded(inpMs), median_ms: rounded(medianMs), slowest })),
      load_highest: rounded(this.load),
      failed: this.failures,
    };
  }

  table(): string {
    const pages = this.pages.map(({ name, scores, lcpMs, blockedMs, shift }) => [name, ...KINDS.map((kind) => cell(scores[kind])), cell(lcpMs), cell(blockedMs), shift === undefined ? "-" : shift.toFixed(3)]);
    const work = this.work.map(({ name, n, inpMs, medianMs, slowest }) => [name, `${n}`, cell(inpMs), cell(medianMs), slowest]);
    return [
      ...(pages.length > 0 ? aligned([["Page", ...KINDS, "LCP ms", "blocked ms", "shift"], ...pages]) : []),
      ...this.pages.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`)),
      ...(work.length > 0 ? ["", ...aligned([["While people", "n", "INP ms", "median ms", "slowest"], ...work])] : []),
      "",
      `Lighthouse ${this.lighthouse}, Chromium ${this.chromium}, highest load of the machine: ${rounded(this.load)}`,
      ...this.failures.map((failure) => `not measured: ${failure}`),
    ].join("\n");
  }

  private get load(): number {
    return Math.max(0, ...this.loads);
  }
}

function cell(value: number | undefined): string {
  return value === undefined ? "-" : `${Math.round(value)}`;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0))) ?? [];
  return rows.map((row) => row.map((text, n) => (n === 0 ? text.padEnd(widths[n] ?? 0) : text.padStart(widths[n] ?? 0))).join("  "));
}
