// An agent as its author defined it: checked when it is defined, so that mistakes show where they were made.
// Must know nothing of sessions.

import type { AgentOptions, Handler } from "./context.js";
import type { Inputs, Outputs } from "./ports.js";
import type { WireAgent } from "./wire.js";

const PORT_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const SIDE_EFFECTS = ["none", "idempotent", "external"];

export class Agent<I extends Inputs = Inputs, O extends Outputs = Outputs> {
  readonly id: string;
  readonly inputs: I;
  readonly outputs: O;
  /** The names of the outputs that can be streamed. */
  readonly texts: readonly string[];

  constructor(
    private readonly options: AgentOptions<I, O>,
    readonly handler: Handler<I, O>,
  ) {
    const { id, inputs, outputs, timeoutMs, sideEffects } = options;
    if (!id) {
      throw new TypeError("agent: id is missing");
    }
    for (const name of [...Object.keys(inputs), ...Object.keys(outputs)]) {
      if (!PORT_NAME.test(name)) {
        throw new TypeError(`agent ${id}: ${name} is no name of a port: a letter, then letters, digits and _, 64 at most`);
      }
    }
    for (const [name, port] of Object.entries<{ readonly isOptional: boolean }>(outputs)) {
      if (port.isOptional) {
        throw new TypeError(`agent ${id}: the output ${name} is optional, which only inputs and properties can be`);
      }
    }
    if (!SIDE_EFFECTS.includes(sideEffects)) {
      throw new TypeError(`agent ${id}: sideEffects is ${sideEffects}; say ${SIDE_EFFECTS.join(", ")}`);
    }
    if (timeoutMs !== undefined && !(timeoutMs > 0 && Number.isFinite(timeoutMs))) {
      throw new TypeError(`agent ${id}: timeoutMs is ${timeoutMs}; give milliseconds, more than 0`);
    }
    this.id = id;
    this.inputs = inputs;
    this.outputs = outputs;
    this.texts = Object.keys(outputs).filter((name) => outputs[name]?.schema.type === "string");
  }

  toWire(): WireAgent {
    const { id, name, description, inputs, outputs, sideEffects, timeoutMs } = this.options;
    const ports = Object.entries<Inputs[string]>;
    return {
      id,
      name,
      ...(description && { description }),
      inputs: Object.fromEntries(
        ports(inputs).map(([port, { schema, title, isOptional }]) => [
          port,
          { ...(title && { title }), schema, required: !isOptional },
        ]),
      ),
      outputs: Object.fromEntries(
        ports(outputs).map(([port, { schema, title }]) => [port, { ...(title && { title }), schema }]),
      ),
      side_effects: sideEffects,
      ...(timeoutMs !== undefined && { timeout_s: Math.ceil(timeoutMs / 1_000) }),
    };
  }
}
