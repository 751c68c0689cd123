// The same graph as a workflow of Weft, with the agent that its steps are made of.
// Must never depend on a browser: what is opened in one is made of it too.

import { graph } from "./graph.ts";

export const AGENT = "bench-canvas";

/** What is posted to make it. */
export const WRITER = {
  id: AGENT,
  name: "Writer",
  description: "",
  inputs: [{ name: "up", schema: {}, required: false }],
  outputs: [{ name: "text", schema: { type: "string" } }],
  config: { kind: "template", template: "x" },
};

export function stepsOf(n: number): object {
  const { nodes, edges } = graph(n);
  const before = new Map<string, string[]>();
  for (const [from, to] of edges) {
    before.set(to, [...(before.get(to) ?? []), from]);
  }
  const steps = nodes.map(({ key, title, x, y }) => [key, { title, agent_id: AGENT, depends_on: before.get(key) ?? [], ui: { x, y } }]);
  return Object.fromEntries(steps) as object;
}
