// The graph that both sides draw: the same from the same seed, on every machine.
// Must never depend on either side: what it says of sizes is what Weft's cards have.

/** As wide and high as a card of Weft without problems and items. */
export const CARD = { width: 232, height: 60 };
const COLUMN = 320;
const ROW = 108;
/** Parts of a column: how far a card may stand beside its place. */
const JITTER = 12;
const SEED = 20_261_129;

export interface Node {
  readonly key: string;
  readonly title: string;
  readonly x: number;
  readonly y: number;
}

export interface Graph {
  readonly nodes: readonly Node[];
  /** From, to. */
  readonly edges: readonly (readonly [string, string])[];
}

export const keyOf = (n: number) => `s${String(n).padStart(5, "0")}`;

/** About as wide as high on a screen, with one to two lines a card, most of them between neighbouring columns. */
export function graph(n: number): Graph {
  const random = generator(SEED + n);
  const rows = Math.max(10, Math.ceil(Math.sqrt((n * COLUMN) / ROW / 1.5)));
  const nodes: Node[] = [];
  const edges: [string, string][] = [];
  for (let at = 0; at < n; at++) {
    const [column, row] = [Math.floor(at / rows), at % rows];
    const beside = () => Math.round((random() - 0.5) * 2 * JITTER);
    nodes.push({
      key: keyOf(at),
      title: `${TITLES[Math.floor(random() * TITLES.length)]} ${at}`,
      x: column * COLUMN + beside(),
      y: row * ROW + beside(),
    });
    if (column === 0) {
      continue;
    }
    const before = new Set<number>();
    for (let n_before = random() < 0.45 ? 2 : 1; n_before > 0; n_before--) {
      const back = column > 3 && random() < 0.05 ? 3 : 1;
      const near = row + Math.round((random() - 0.5) * 4);
      before.add((column - back) * rows + Math.min(rows - 1, Math.max(0, near)));
    }
    edges.push(...[...before].map((from): [string, string] => [keyOf(from), keyOf(at)]));
  }
  return { nodes, edges };
}

const TITLES = ["Find the sources", "Read the notes", "Draft a section", "Check the facts", "Write the brief", "Ask the editor", "Translate it", "Send it out"];

/** Mulberry32. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
