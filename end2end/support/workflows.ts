// The agents and workflows of the tests: made of templates only, so that what they write is known to the letter.

import type { Agent, Api, Definition } from "./api.ts";

export const TEXT = { type: "string", format: "multiline" };

/** Hands its text on as it came. */
export const ECHO: Agent = template("e2e-echo", "Echo", ["text"], "{{ text }}");
/** Writes its text in capitals. */
export const SHOUT: Agent = template("e2e-shout", "Shout", ["text"], "{{ text | upper }}");
/** Counts letters. */
export const COUNT: Agent = template("e2e-count", "Count letters", ["text"], "{{ text | length }} letters");
/** Joins two texts. */
export const JOIN: Agent = template("e2e-join", "Join", ["left", "right"], "{{ left }} / {{ right }}");

/** Writes about its text; sent back, it takes the feedback up and says what it wrote before. */
export const DRAFT: Agent = template(
  "e2e-draft",
  "Draft",
  ["text"],
  "{% if feedback %}{{ text }}, {{ feedback }} (before: {{ previous.text }}){% else %}A draft of {{ text }}{% endif %}",
);
/** A list of three sections. */
export const PLAN: Agent = {
  ...template("e2e-plan", "Plan", [], '[{"id":"one","title":"One"},{"id":"two","title":"Two"},{"id":"three","title":"Three"}]'),
  outputs: [{ name: "sections", schema: { type: "array", items: { type: "object" } } }],
};
/** Joins the parts of a list. */
export const COLLECT: Agent = {
  ...template("e2e-collect", "Collect", [], "{{ parts | join(' + ') }}"),
  inputs: [{ name: "parts", schema: { type: "array" }, required: true }],
};

export async function saveAgents(admin: Api): Promise<void> {
  for (const agent of [ECHO, SHOUT, COUNT, JOIN, DRAFT, PLAN, COLLECT]) {
    await admin.saveAgent(agent);
  }
}

export function template(id: string, name: string, inputs: readonly string[], text: string): Agent {
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
/** The one text that a run is started with. */
export const TEXT_INPUT = { text: { title: "Your text", schema: TEXT, required: true } };

/** A step whose agent reads one text. */
export const step = (title: string, agent: { readonly id: string }, from: unknown, after: readonly string[] = []) => ({
  title,
  agent_id: agent.id,
  depends_on: after,
  inputs: { text: from },
});

/** Take the text, then shout it and count it side by side, then join both. */
export function diamond(prompts: { readonly shout?: string } = {}): Definition {
  return {
    inputs: TEXT_INPUT,
    steps: {
      take: { ...step("Take the text", ECHO, input("text")), ui: { x: 0, y: 140 } },
      shout: {
        ...step("Shout it", SHOUT, output("take"), ["take"]),
        ...(prompts.shout === undefined ? {} : { prompt: prompts.shout }),
        ui: { x: 320, y: 0 },
      },
      count: { ...step("Count it", COUNT, output("take"), ["take"]), ui: { x: 320, y: 280 } },
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
    inputs: TEXT_INPUT,
    steps: { echo: step("Echo it", ECHO, input("text")) },
  };
}

/** Plan three sections, write each under a review of its own, join them. */
export function sections(): Definition {
  return {
    steps: {
      plan: { title: "Plan the sections", agent_id: PLAN.id, ui: { x: 0, y: 0 } },
      write: {
        title: "Write each section",
        agent_id: DRAFT.id,
        depends_on: ["plan"],
        map: { over: { from: "step", step: "plan", artifact: "sections" }, key: "/id" },
        inputs: { text: { from: "item", path: "/title" } },
        review: { mode: "always" },
        ui: { x: 320, y: 0 },
      },
      join: {
        title: "Join the sections",
        agent_id: COLLECT.id,
        depends_on: ["write"],
        inputs: { parts: output("write") },
        ui: { x: 640, y: 0 },
      },
    },
  };
}

/** One text handed from step to step: First, Second, Third, and Aside beside the second. */
export function chain(prompts: { readonly second?: string } = {}): Definition {
  return {
    inputs: TEXT_INPUT,
    steps: {
      first: { ...step("First", ECHO, input("text")), ui: { x: 0, y: 0 } },
      second: {
        ...step("Second", SHOUT, output("first"), ["first"]),
        ...(prompts.second === undefined ? {} : { prompt: prompts.second }),
        ui: { x: 320, y: 0 },
      },
      third: { ...step("Third", ECHO, output("second"), ["second"]), ui: { x: 640, y: 0 } },
      aside: { ...step("Aside", COUNT, output("first"), ["first"]), ui: { x: 320, y: 200 } },
    },
  };
}
