// What was measured, as tables for people and as one JSON object for scripts. Of answers over HTTP 50 and 95 of a hundred and the slowest,
// of pages the medians. Must never fill in what was not measured.

import { loadavg } from "node:os";
import { median, rounded } from "../numbers.ts";
import type { Opened } from "./opening.ts";

/** Milliseconds: answers of lists, searches and charts. */
const ANSWER_BAR_MS = 300;
const TASK_BAR_MS = 200;
const KEY_BAR_MS = 100;

interface Answers {
  readonly name: string;
  readonly n: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** One repeat. */
export interface Page extends Opened {
  readonly dialogMs?: number;
  readonly keysMs?: readonly number[];
}

/** What a page is opened for, and within how many milliseconds it is to be usable; and where a text is edited, its dialog. */
export interface Bars {
  readonly openMs?: number;
  readonly dialogMs?: number;
}

export class Report {
  /** The average of the least query, by pgbench. */
  selectMs = Number.NaN;
  private readonly answers: Answers[] = [];
  private readonly pages = new Map<string, { bars: Bars; repeats: Page[] }>();
  private readonly failures: string[] = [];
  private readonly loads: number[] = [];

  constructor(
    private readonly chromium: string,
    private readonly nRuns: number,
    private readonly empty: string,
  ) {}

  addAnswers(name: string, taken: readonly number[]): void {
    this.loads.push(loadavg()[0] ?? 0);
    this.answers.push({ name, n: taken.length, p50: percentile(taken, 50), p95: percentile(taken, 95), max: Math.max(...taken) });
  }

  addPage(name: string, bars: Bars, page: Page): void {
    this.loads.push(loadavg()[0] ?? 0);
    const known = this.pages.get(name) ?? { bars, repeats: [] };
    known.repeats.push(page);
    this.pages.set(name, known);
  }

  fail(name: string, error: unknown): void {
    this.failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    console.error(`not measured: ${this.failures.at(-1)}`);
  }

  get nFailed(): number {
    return this.failures.length;
  }

  json(): object {
    const answers = this.answers.map(({ name, n, p50, p95, max }) => ({ name, n, p50_ms: rounded(p50), p95_ms: rounded(p95), max_ms: rounded(max) }));
    return {
      runs: this.nRuns,
      select_ms: rounded(this.selectMs),
      answers,
      slowest_p95_ms: answers.length > 0 ? rounded(Math.max(...this.answers.map(({ p95 }) => p95))) : undefined,
      pages: this.rows(),
      chromium: this.chromium,
      load_highest: rounded(Math.max(0, ...this.loads)),
      failed: this.failures,
    };
  }

  table(): string {
    return [
      ...(this.answers.length > 0 ? this.answersTable() : []),
      ...(this.pages.size > 0 ? this.pagesTable() : []),
      `Highest load of the machine: ${rounded(Math.max(0, ...this.loads))}`,
      ...this.failures.map((failure) => `not measured: ${failure}`),
    ].join("\n");
  }

  private answersTable(): string[] {
    const width = Math.max(...this.answers.map(({ name }) => name.length));
    const times = (ms: number) => (this.selectMs > 0 ? `${rounded(ms / this.selectMs)}` : "-");
    return [
      `Lists, searches and charts over ${this.nRuns} runs, ms of a request with its whole answer; the least query of Postgres takes ${rounded(this.selectMs) ?? "(not measured)"} ms.`,
      `${"".padEnd(width)}${["p50", "p95", "max", "p95, x least", ""].map((head) => head.padStart(14)).join("")}`,
      ...this.answers.map(({ name, p50, p95, max }) => {
        const cells = [rounded(p50), rounded(p95), rounded(max), times(p95), p95 <= ANSWER_BAR_MS ? "holds" : "missed"];
        return `${name.padEnd(width)}${cells.map((cell) => String(cell).padStart(14)).join("")}`;
      }),
      "",
    ];
  }

  private pagesTable(): string[] {
    const rows = this.rows();
    const width = Math.max(...rows.map(({ page }) => page.length));
    const heads = ["open ms", "x empty", "longest task", "HTML KB", "heap MB", "RSS MB", "dialog ms", "key p95", "key max", ""];
    return [
      `Pages in Chromium ${this.chromium}, medians of ${Math.max(...rows.map(({ repeats }) => repeats))}; keys are told from 16 ms on.`,
      `${"".padEnd(width)}${heads.map((head) => head.padStart(14)).join("")}`,
      ...rows.map((row) => {
        const { open_ms, times_empty, longest_task_ms, html_kb, heap_mb, rss_mb, dialog_ms, key_p95_ms, key_max_ms } = row;
        const cells = [open_ms, times_empty, longest_task_ms, html_kb, heap_mb, rss_mb, dialog_ms, key_p95_ms, key_max_ms, row.missed.length > 0 ? `missed: ${row.missed.join(", ")}` : "holds"];
        return `${row.page.padEnd(width)}${cells.map((cell) => String(cell ?? "-").padStart(14)).join("")}`;
      }),
      "",
    ];
  }

  private rows() {
    const of = (repeats: readonly Page[], read: (page: Page) => number | undefined) => {
      const values = repeats.map(read).filter((value) => value !== undefined);
      return values.length > 0 ? rounded(median(values)) : undefined;
    };
    const floor = of(this.pages.get(this.empty)?.repeats ?? [], ({ openMs }) => openMs);
    return [...this.pages].map(([page, { bars, repeats }]) => {
      const open = of(repeats, ({ openMs }) => openMs);
      const task = of(repeats, ({ longestTaskMs }) => longestTaskMs);
      const dialog = of(repeats, ({ dialogMs }) => dialogMs);
      const key = of(repeats, ({ keysMs }) => keysMs && percentile(keysMs, 95));
      const isOver = (value: number | undefined, bar: number | undefined) => value !== undefined && bar !== undefined && value > bar;
      const missed = [
        ...(isOver(open, bars.openMs) ? ["open"] : []),
        ...(bars.openMs !== undefined && isOver(task, TASK_BAR_MS) ? ["task"] : []),
        ...(isOver(dialog, bars.dialogMs) ? ["dialog"] : []),
        ...(isOver(key, KEY_BAR_MS) ? ["keys"] : []),
      ];
      return {
        page,
        repeats: repeats.length,
        open_ms: open,
        times_empty: open !== undefined && floor ? rounded(open / floor) : undefined,
        longest_task_ms: task,
        html_kb: of(repeats, ({ htmlKb }) => htmlKb),
        heap_mb: of(repeats, ({ heapMb }) => heapMb),
        rss_mb: of(repeats, ({ rssMb }) => rssMb),
        dialog_ms: dialog,
        key_p95_ms: key,
        key_max_ms: of(repeats, ({ keysMs }) => keysMs && Math.max(...keysMs)),
        missed,
      };
    });
  }
}

/** So many of a hundred are not larger. */
function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}
