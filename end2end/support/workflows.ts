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
  const step = (title: string, agent: Agent, from: unknown, after: readonly string[], x: number, y = 0) => ({
    title,
    agent_id: agent.id,
    depends_on: after,
    inputs: { text: from },
    ui: { x, y },
  });
  return {
    inputs: { text: { title: "Your text", schema: TEXT, required: true } },
    steps: {
      first: step("First", ECHO, input("text"), [], 0),
      second: {
        ...step("Second", SHOUT, output("first"), ["first"], 320),
        ...(prompts.second === undefined ? {} : { prompt: prompts.second }),
      },
      third: step("Third", ECHO, output("second"), ["second"], 640),
      aside: step("Aside", COUNT, output("first"), ["first"], 320, 200),
    },
  };
}
