// What the browser's processes use, and how many frames it presents.
// Must never ask the page for it: a page that is busy would answer late, and its own clock sees no other process.

import { readFileSync } from "node:fs";
import type { Browser, CDPSession } from "playwright-core";

/** The kernel counts the time of processes in hundredths of a second. */
const TICK_MS = 10;

interface Process {
  readonly type: string;
  readonly id: number;
}

export interface Used {
  /** CPU of all processes. */
  readonly cpuMs: number;
  /** Presented meanwhile. */
  readonly frames: number;
}

export class Meter {
  private constructor(private readonly session: CDPSession) {}

  static async of(browser: Browser): Promise<Meter> {
    return new Meter(await browser.newBrowserCDPSession());
  }

  /** What all of the browser used while this was done. */
  async measure(act: () => Promise<void>): Promise<Used> {
    let frames = 0;
    const count = (data: { value: Record<string, unknown>[] }) => {
      frames += data.value.filter(({ name, ph }) => name === "Display::DrawAndSwap" && (ph === "X" || ph === "B")).length;
    };
    this.session.on("Tracing.dataCollected", count);
    await this.session.send("Tracing.start", {
      traceConfig: { recordMode: "recordAsMuchAsPossible", includedCategories: ["viz"], excludedCategories: ["*"] },
      transferMode: "ReportEvents",
    });
    try {
      const before = await this.ticks();
      await act();
      const after = await this.ticks();
      // One that was started meanwhile counts in full; what one used that has ended is not known any more.
      const used = [...after].reduce((sum, [id, ticks]) => sum + ticks - (before.get(id) ?? 0), 0);
      await this.endTrace();
      return { cpuMs: used * TICK_MS, frames };
    } catch (error) {
      await this.endTrace();
      throw error;
    } finally {
      this.session.off("Tracing.dataCollected", count);
    }
  }

  /** All of it was told afterwards. */
  private async endTrace(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.session.once("Tracing.tracingComplete", () => resolve()));
    await this.session.send("Tracing.end");
    await ended;
  }

  /** Memory of the largest renderer, which is the one of the page: there is no other. */
  async rssMb(): Promise<number> {
    const renderers = (await this.processes()).filter(({ type }) => type === "renderer");
    return Math.max(0, ...renderers.map(({ id }) => rssMb(id)));
  }

  private async ticks(): Promise<Map<number, number>> {
    return new Map((await this.processes()).map(({ id }) => [id, ticksOf(id)]));
  }

  private async processes(): Promise<readonly Process[]> {
    return (await this.session.send("SystemInfo.getProcessInfo")).processInfo;
  }
}

function ticksOf(id: number): number {
  // The name, in brackets, may hold spaces. After it come the state (3rd field) and others; utime and stime are the 14th and 15th.
  const fields = read(`/proc/${id}/stat`).split(") ").at(-1)?.split(" ") ?? [];
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

function rssMb(id: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${id}/status`))?.[1];
  return (Number(kilobytes ?? 0) * 1.024) / 1000;
}

/** A process may have ended meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
