// What is opened: runs and a workflow of the sizes that the issue of the run page names, made over REST by the agents that Weft has.
// Must never write a row by itself: what is opened is what the engine made.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Rest } from "../person.ts";
import { AGENT, stepsOf, WRITER } from "../workflow.ts";

export const N_ITEMS = 10_000;
export const N_STEPS = 5_000;
export const N_DRAWN = 1_000;
export const N_LINES = 10_000;
const MEGABYTE = 1_000_000;
const LARGE = 10 * MEGABYTE;
const OVER_WITHIN_MS = 240_000;
const LOOK_EVERY_MS = 500;

/** The addresses of what is opened, and how long the texts are. */
export interface Subjects {
  readonly items: string;
  readonly text: string;
  readonly json: string;
  readonly steps: string;
  readonly line: string;
  readonly lines: string;
  readonly workflow: string;
}

/** One line of a megabyte, and 10,000 lines of about a hundred letters: texts that people edit. */
export const LINE = "a megabyte in one line ".repeat(MEGABYTE / 20).slice(0, MEGABYTE);
export const LINES = Array.from({ length: N_LINES }, (_, n) => `line ${n} of a text that goes on for as long as one that somebody may want to change by hand`).join("\n");

/** Answers with 10 MB, as the servers that agents of the kind `http` call. */
export class Source {
  private constructor(private readonly server: Server) {}

  static async start(): Promise<Source> {
    const line = "A line of what some other server has answered, as long as such lines are.\n";
    const bodies: Readonly<Record<string, readonly [string, string]>> = {
      "/text": ["text/plain; charset=utf-8", line.repeat(Math.ceil(LARGE / line.length)).slice(0, LARGE)],
      "/json": ["application/json", largeJson()],
    };
    const server = createServer((request, response) => {
      const [type, body] = bodies[request.url ?? ""] ?? ["text/plain", ""];
      response.writeHead(body ? 200 : 404, { "content-type": type }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Source(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** 10,000 objects of a kilobyte: less than the 500,000 values that a document may have. */
function largeJson(): string {
  const text = "what is known of it ".repeat(45);
  const rows = Array.from({ length: LARGE / 1_000 }, (_, n) => ({ id: n, name: `row ${n}`, tags: ["a", "b"], score: n / 7, text }));
  return JSON.stringify({ rows });
}

export async function make(rest: Rest, source: string): Promise<Subjects> {
  await rest.post("/api/agents", WRITER);
  await agent(rest, "bench-list", [], { type: "array", items: { type: "integer" } }, { kind: "template", template: `[${Array.from({ length: N_ITEMS }, (_, n) => n).join()}]` });
  await agent(rest, "bench-echo", ["text"], { type: "string" }, { kind: "template", template: "{{ text }}" });
  await agent(rest, "bench-text", [], { type: "string" }, { kind: "http", url: `${source}/text` });
  await agent(rest, "bench-json", [], { type: "object" }, { kind: "http", url: `${source}/json` });
  const one = (id: string) => ({ steps: { made: { title: "Made", agent_id: id, depends_on: [] } } });
  const list = { from: "step", step: "list", artifact: "text", path: "" };
  const map = {
    list: { title: "List", agent_id: "bench-list", depends_on: [] },
    each: {
      title: "Each",
      agent_id: AGENT,
      depends_on: ["list"],
      inputs: { up: { from: "item", path: "" } },
      map: { over: list, max_items: N_ITEMS },
    },
  };
  const edited = {
    inputs: { text: { title: "Text", schema: { type: "string", format: "multiline" }, required: true } },
    steps: { made: { title: "Made", agent_id: "bench-echo", depends_on: [], inputs: { text: { from: "run", key: "text" } } } },
  };
  const echo = await rest.publish("Edited", edited);
  return {
    items: `${await run(rest, await rest.publish("Items", { steps: map }))}?step=each`,
    text: await run(rest, await rest.publish("Text", one("bench-text"))),
    json: await run(rest, await rest.publish("JSON", one("bench-json"))),
    steps: await run(rest, await rest.publish("Steps", { steps: stepsOf(N_STEPS) })),
    line: await run(rest, echo, { text: LINE }),
    lines: await run(rest, echo, { text: LINES }),
    workflow: `/admin/workflows/${await rest.publish("Drawn", { steps: stepsOf(N_DRAWN) })}`,
  };
}

function agent(rest: Rest, id: string, inputs: readonly string[], schema: object, config: object): Promise<unknown> {
  const ports = inputs.map((name) => ({ name, schema: { type: "string" }, required: true }));
  return rest.post("/api/agents", { id, name: id, description: "", inputs: ports, outputs: [{ name: "text", schema }], config });
}

/** The address of a run once it is over, and has completed. */
async function run(rest: Rest, template: string, inputs: object = {}): Promise<string> {
  const { id } = await rest.post<{ id: string }>("/api/workflows/runs", { template_id: template, inputs, auto_run: true });
  const until = performance.now() + OVER_WITHIN_MS;
  for (;;) {
    const { runs } = await rest.get<{ runs: { id: string; status: string }[] }>("/api/workflows/runs?limit=50");
    const status = runs.find((run) => run.id === id)?.status;
    if (status === "completed") {
      return `/runs/${id}`;
    }
    if (status === "failed" || status === "cancelled" || performance.now() > until) {
      throw new Error(`a run that is to be opened is ${status ?? "in no list"}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
