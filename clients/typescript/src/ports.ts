// The typed ports of an agent: each builder makes a schema for the server and a type for the compiler, from one line.
// Must know nothing of the network, and offer no schema that the server's subset of JSON Schema does not have.

import type { RawJson } from "./raw.js";

/** The subset of JSON Schema that all agents use. */
export interface Schema {
  readonly type?: "string" | "number" | "integer" | "boolean" | "object" | "array" | "null";
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
  readonly format?: string;
}

/** Content that the server keeps, as it travels: what it holds is read with `ctx.open`. */
export interface FileRef {
  /** SHA-256 of the bytes, in hex. */
  readonly blob: string;
  readonly media_type: string;
  readonly name: string;
  readonly size: number;
}

/** Whatever JSON can say. A `bigint` is written with all its digits; reading makes numbers, see `raw`. */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | RawJson
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

export interface PortOptions {
  /** What forms and the canvas call it; the port's own name if left out. */
  readonly title?: string;
  readonly description?: string;
  /** A hint for forms and viewers, such as `multiline` or `markdown`. */
  readonly format?: string;
}

export interface NumberOptions extends PortOptions {
  /** The least that it may be. Of whole numbers it is whole. */
  readonly minimum?: number;
  /** The greatest. */
  readonly maximum?: number;
}

/** One input or output: `T` is what a handler gets or gives. Made by the builders below. */
export class Port<out T, Optional extends boolean = false> {
  /** Only for the compiler: there is no such value. */
  declare readonly of: T;

  constructor(
    readonly schema: Schema,
    readonly title: string | undefined,
    readonly isOptional: Optional,
    readonly isRaw: boolean,
  ) {}

  /** As an input, or a property of an object: it may be left out. */
  optional(): Port<T, true> {
    return new Port<T, true>(this.schema, this.title, true, this.isRaw);
  }
}

export type Inputs = Readonly<Record<string, Port<unknown, boolean>>>;
/** An output is always there: `.optional()` is for inputs and for properties. */
export type Outputs = Readonly<Record<string, Port<unknown, false>>>;

type OptionalNames<P extends Inputs> = { [K in keyof P]: P[K] extends Port<unknown, false> ? never : K }[keyof P];

/** The values of ports, by name. */
export type ValuesOf<P extends Inputs> = Flat<
  { readonly [K in Exclude<keyof P, OptionalNames<P>>]: P[K]["of"] } & {
    readonly [K in OptionalNames<P>]?: P[K]["of"] | undefined;
  }
>;
type Flat<T> = { [K in keyof T]: T[K] };

export const string = (options: PortOptions = {}): Port<string> => port({ type: "string" }, options);
/** A double: reading loses digits past the 17th. `raw(number())` keeps them. */
export const number = (options: NumberOptions = {}): Port<number> => port({ type: "number", ...bounds(options) }, options);
/** Exact up to 2^53. `raw(integer())` keeps every digit. */
export const integer = (options: NumberOptions = {}): Port<number> => port({ type: "integer", ...bounds(options) }, options);
export const boolean = (options: PortOptions = {}): Port<boolean> => port({ type: "boolean" }, options);
/** Any JSON. `T` is what you say it is: nobody checks. */
export const json = <T = Json>(options: PortOptions = {}): Port<T> => port({}, options);

/** One of these texts. */
export function enumOf<const T extends string>(choices: readonly [T, ...T[]], options: PortOptions = {}): Port<T> {
  if (choices.length === 0) {
    throw new TypeError("enumOf: give at least one choice");
  }
  return port({ type: "string", enum: choices }, options);
}

export function list<T>(items: Port<T>, options: PortOptions = {}): Port<readonly T[]> {
  return port({ type: "array", items: plain(items, "list") }, options);
}

export function object<P extends Inputs>(properties: P, options: PortOptions = {}): Port<ValuesOf<P>> {
  const entries = Object.entries(properties);
  const schemas = Object.fromEntries(entries.map(([name, property]) => [name, plain(property, `object: ${name}`)]));
  const required = entries.filter(([, property]) => !property.isOptional).map(([name]) => name);
  return port({ type: "object", properties: schemas, ...(required.length > 0 && { required }) }, options);
}

/** Content by reference, however large: read with `ctx.open`, made with `ctx.file`. */
export const file = (options: Omit<PortOptions, "format"> = {}): Port<FileRef> =>
  port({ type: "object" }, { ...options, format: "file" });

/** The same value as its JSON text, digit for digit: `raw()` for anything, `raw(number())` for a number. */
export function raw(of: Port<unknown> = json()): Port<RawJson> {
  return new Port<RawJson>(of.schema, of.title, false, true);
}

function bounds({ minimum, maximum }: NumberOptions): Schema {
  return { ...(minimum !== undefined && { minimum }), ...(maximum !== undefined && { maximum }) };
}

function port<T>(schema: Schema, { title, description, format }: PortOptions): Port<T> {
  const described = { ...schema, ...(description && { description }), ...(format && { format }) };
  return new Port<T>(described, title, false, false);
}

function plain(part: Port<unknown, boolean>, where: string): Schema {
  if (part.isRaw) {
    throw new TypeError(`${where}: raw() is for a whole port; put it around the outermost`);
  }
  return part.schema;
}
