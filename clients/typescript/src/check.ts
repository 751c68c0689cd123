// Whether a value fits a port, in the words of the server: for `worker.test`, which has no server to say it.
// Must never stand in a real worker's way: there the server alone decides.

import type { Schema } from "./ports.js";
import { RawJson } from "./raw.js";

const NAMES = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  object: "an object",
  array: "a list",
  null: "null",
} as const;

/** What does not fit, as `path: reason`; nothing when all fits. */
export function faults(schema: Schema, value: unknown, path: string): string[] {
  if (value instanceof RawJson) {
    return faults(schema, value.parse(), path);
  }
  if (schema.type && !admits(schema.type, value)) {
    return [`${path}: must be ${NAMES[schema.type]}`];
  }
  const found: string[] = [];
  if (schema.enum && !schema.enum.includes(value)) {
    found.push(`${path}: must be one of ${schema.enum.map((choice) => JSON.stringify(choice)).join(", ")}`);
  }
  if (typeof value === "number" || typeof value === "bigint") {
    if (schema.minimum !== undefined && value < schema.minimum) {
      found.push(`${path}: must be at least ${schema.minimum}`);
    } else if (schema.maximum !== undefined && value > schema.maximum) {
      found.push(`${path}: must be at most ${schema.maximum}`);
    }
  }
  if (isObject(value)) {
    for (const name of schema.required ?? []) {
      if (value[name] === undefined) {
        found.push(`${path}/${name}: is required`);
      }
    }
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      if (value[name] !== undefined) {
        found.push(...faults(property, value[name], `${path}/${name}`));
      }
    }
  }
  if (Array.isArray(value) && schema.items) {
    const { items } = schema;
    value.forEach((item: unknown, n) => found.push(...faults(items, item, `${path}/${n}`)));
  }
  return found;
}

function admits(type: NonNullable<Schema["type"]>, value: unknown): boolean {
  switch (type) {
    case "integer":
      return typeof value === "bigint" || Number.isInteger(value);
    case "number":
      return typeof value === "bigint" || Number.isFinite(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "null":
      return value === null;
    default:
      return typeof value === type;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
