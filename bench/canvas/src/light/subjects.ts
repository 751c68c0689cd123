// What the pages show that are looked at: a few workflows, runs in each state, a group, and reviews that wait, made over REST by the agents that
// Weft has. Must never write a row by itself.

import type { Rest } from "../person.ts";
import { AGENT, stepsOf, WRITER } from "../workflow.ts";

/** Enough to walk along and to approve for as long as is measured. */
export const N_WAITING = 40;
const N_DRAWN = 30;
const OVER_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 300;
/** The workflow whose reviews fill the inbox. */
export const REVIEWED = "Write about it";
export const STEP = "Draft it";

/** Ids of workflows and runs. */
export interface Subjects {
  readonly reviewed: string;
  readonly drawn: string;
  readonly unpublished: string;
  readonly waiting: string;
  readonly completed: string;
  readonly other: string;
  readonly large: string;
  readonly failed: string;
  readonly form: string;
}

export async function make(rest: Rest): Promise<Subjects> {
  await rest.post("/api/agents", WRITER);
  await agent(rest, "bench-draft", { kind: "template", template: "A draft about {{ text }}.\n\n{{ text }} is what it is about, in **two** paragraphs." });
  await agent(rest, "bench-fails", { kind: "template", template: "{{ 1 // 0 }}" });
  await agent(rest, "bench-person", { kind: "human", instructions: "Say a word about **{{ text }}**." });
  const inputs = { text: { title: "Your text", schema: { type: "string", format: "multiline" }, required: true } };
  const text = { text: { from: "run", key: "text" } };
  const one = (id: string, title: string, more: object = {}) => ({ inputs, steps: { draft: { title, agent_id: id, depends_on: [], inputs: text, ...more } } });
  const reviewed = await rest.publish(REVIEWED, one("bench-draft", STEP, { review: { mode: "always" } }));
  const drawn = await rest.publish("Many steps", { steps: stepsOf(N_DRAWN) });
  const { id: unpublished } = await rest.post<{ id: string }>("/api/workflows/templates", { name: "Not yet published", description: "", definition: one("bench-draft", STEP) });
  const start = async (template: string, about?: string) => {
    const { id } = await rest.post<{ id: string }>("/api/workflows/runs", { template_id: template, inputs: about === undefined ? {} : { text: about }, auto_run: true });
    return id;
  };
  await rest.post("/api/groups", { id: "legal", name: "Legal" });
  const plain = await rest.publish("Say it once", one("bench-draft", "Say it"));
  const failing = await rest.publish("Fails on purpose", one("bench-fails", "Fail"));
  const asking = await rest.publish("Asks a person", one("bench-person", "Ask somebody"));
  const made = {
    reviewed,
    drawn,
    unpublished,
    completed: await start(plain, "rain"),
    other: await start(plain, "snow"),
    large: await start(drawn),
    failed: await start(failing, "fog"),
    form: await start(asking, "hail"),
    waiting: await start(reviewed, "the first of them"),
  };
  for (let n = 1; n < N_WAITING; n++) {
    await start(reviewed, `subject ${n}`);
  }
  await settled(rest);
  return made;
}

function agent(rest: Rest, id: string, config: object): Promise<unknown> {
  const ports = { inputs: [{ name: "text", schema: { type: "string" }, required: true }], outputs: [{ name: "text", schema: { type: "string", format: "multiline" } }] };
  return rest.post("/api/agents", { id, name: id.replace("bench-", "").replace(/^./, (letter) => letter.toUpperCase()), description: `What ${AGENT} is beside`, ...ports, config });
}

/** Until nothing of it is under way: all of them wait for somebody, or are over. */
async function settled(rest: Rest): Promise<void> {
  const until = performance.now() + OVER_WITHIN_MS;
  for (;;) {
    const waiting = await rest.get<unknown[]>("/api/workflows/waiting");
    const { runs } = await rest.get<{ runs: { status: string }[] }>("/api/workflows/runs?limit=100");
    const nOver = runs.filter(({ status }) => status === "completed" || status === "failed").length;
    if (nOver >= 4 && (waiting.length >= N_WAITING || waiting.length === runs.length - nOver)) {
      return;
    }
    if (performance.now() > until) {
      throw new Error(`${waiting.length} reviews wait and ${nOver} runs are over, which are too few to look at`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
