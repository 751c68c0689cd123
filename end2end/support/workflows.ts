// The agents and workflows of the tests: made of templates only, so that what they write is known to the letter.

import type { Agent, Api, Definition } from "./api.ts";

const TEXT = { type: "string", format: "multiline" };

/** Hands its text on as it came. */
export const ECHO: Agent = template("e2e-echo", "Echo", ["text"], "{{ text }}");
/** Writes its text in capitals. */
export const SHOUT: Agent = template("e2e-shout", "Shout", ["text"], "{{ text | upper }}");
/** Counts letters. */
export const COUNT: Agent = template("e2e-count", "Count letters", ["text"], "{{ text | length }} letters");
/** Joins two texts. */
export const JOIN: Agent = template("e2e-join", "Join", ["left", "right"], "{{ left }} / {{ right }}");

export async function saveAgents(admin: Api): Promise<void> {
  for (const agent of [ECHO, SHOUT, COUNT, JOIN]) {
    await admin.saveAgent(agent);
  }
}

function template(id: string, name: string, inputs: readonly string[], text: string): Agent {
  return {
    id,
    name,
    description: `${name}, for the browser tests`,
    inputs: inputs.map((name) => ({ name, schema: TEXT, required: true })),
    outputs: [{ name: "text", schema: TEXT }],
    config: { kind: "template", template: text },
  };
}

export const input = (key: string) => ({ from: "run", key });
export const output = (step: string) => ({ from: "step", step, artifact: "text" });

/** Take the text, then shout it and count it side by side, then join both. */
export function diamond(prompts: { readonly shout?: string } = {}): Definition {
  return {
    inputs: { text: { title: "Your text", schema: TEXT, required: true } },
    steps: {
      take: {
        title: "Take the text",
        agent_id: ECHO.id,
        inputs: { text: input("text") },
        ui: { x: 0, y: 140 },
      },
      shout: {
        title: "Shout it",
        agent_id: SHOUT.id,
        depends_on: ["take"],
        inputs: { text: output("take") },
        ...(prompts.shout === undefined ? {} : { prompt: prompts.shout }),
        ui: { x: 320, y: 0 },
      },
      count: {
        title: "Count it",
        agent_id: COUNT.id,
        depends_on: ["take"],
        inputs: { text: output("take") },
        ui: { x: 320, y: 280 },
      },
      join: {
        title: "Join both",
        agent_id: JOIN.id,
        depends_on: ["shout", "count"],
        inputs: { left: output("shout"), right: output("count") },
        ui: { x: 640, y: 140 },
      },
    },
  };
}

/** One step that hands its text on. */
export function echo(): Definition {
  return {
    inputs: { text: { title: "Your text", schema: TEXT, required: true } },
    steps: { echo: { title: "Echo it", agent_id: ECHO.id, inputs: { text: input("text") } } },
  };
}
