// Lighthouse over one page: its scores, and what is not as it should be, with the elements.
// Must never report anything: nothing of a page leaves this machine.

import lighthouse, { desktopConfig } from "lighthouse";

export const KINDS = ["accessibility", "best-practices", "performance"] as const;
export type Kind = (typeof KINDS)[number];
/** What every page is to have in full; how quick it is depends on the machine. */
export const FULL: readonly Kind[] = ["accessibility", "best-practices"];

export interface Scores {
  /** Of a hundred. */
  readonly scores: Readonly<Partial<Record<Kind, number>>>;
  /** Milliseconds until the largest piece was drawn, and for which the page did not answer meanwhile. */
  readonly lcpMs?: number;
  readonly blockedMs?: number;
  /** How much moved of what was seen already; 0 is nothing. */
  readonly shift?: number;
  /** What counts against a score that is to be full. */
  readonly faults: readonly string[];
}

/** `port`: where the browser is told what to do; whoever is signed in there sees the page. */
export async function look(url: string, port: number, kinds: readonly Kind[]): Promise<Scores> {
  const told = await lighthouse(url, { port, logLevel: "silent", output: "json", onlyCategories: [...kinds], disableStorageReset: true }, desktopConfig);
  if (!told) {
    throw new Error("Lighthouse told nothing");
  }
  const { lhr } = told;
  if (lhr.runtimeError) {
    throw new Error(lhr.runtimeError.message);
  }
  const number = (id: string) => lhr.audits[id]?.numericValue;
  const scores: Partial<Record<Kind, number>> = {};
  const faults: string[] = [];
  for (const kind of kinds) {
    const category = lhr.categories[kind];
    if (!category || category.score === null) {
      throw new Error(`Lighthouse gave no score for ${kind}`);
    }
    scores[kind] = Math.round(category.score * 100);
    if (!FULL.includes(kind)) {
      continue;
    }
    for (const { id, weight } of category.auditRefs) {
      const audit = lhr.audits[id];
      if (weight > 0 && audit && audit.score !== null && audit.score < 1) {
        faults.push(`${id}: ${audit.title}${elements(audit.details)}`);
      }
    }
  }
  return { scores, lcpMs: number("largest-contentful-paint"), blockedMs: number("total-blocking-time"), shift: number("cumulative-layout-shift"), faults };
}

/** The first few, as they stand in the page or as the browser wrote them to its console. */
function elements(details: unknown): string {
  const { items = [] } = (details ?? {}) as { items?: { node?: { selector?: string; explanation?: string }; description?: string; url?: string }[] };
  const told = items.slice(0, 3).map(({ node, description, url }) => node?.selector ?? description ?? url ?? "").filter((one) => one !== "");
  return told.length > 0 ? ` (${told.join("; ")})` : "";
}
