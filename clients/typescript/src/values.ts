// Values of ports: from the wire to what a handler gets, and from what it gives to the wire.
// Must never hold more than `largest` bytes of one value: what is larger belongs into a `file` port.

import { type Content, type Digest, collect } from "./content.js";
import { InvalidOutput, Permanent } from "./errors.js";
import type { FileRef, Inputs, Port } from "./ports.js";
import { RawJson, members, stringify } from "./raw.js";
import type { WireValue, WireValues } from "./wire.js";

/** How many values of the largest size one result carries along; more go by reference, so that no result is too large to be sent. */
const INLINE_VALUES = 4;

/** Where content is kept: a session's server, or a test's memory. */
export interface Store {
  /** Larger values go by reference. */
  readonly inlineMax: number;
  put(content: Content, signal: AbortSignal): Promise<Digest>;
  read(blob: string, size: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined>;
}

/** `text` is the JSON of `values`, for the digits that parsing lost. */
export async function decode(
  ports: Inputs,
  values: WireValues,
  text: string,
  store: Store,
  largest: number,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const decoded: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const port = ports[name];
    if (value.blob !== undefined && !isText(value.media_type)) {
      // Other bytes, such as an image that an agent of another kind made.
      decoded[name] = { blob: value.blob, media_type: value.media_type, name, size: value.size ?? 0 } satisfies FileRef;
      continue;
    }
    const bytes = value.blob === undefined ? undefined : await fetched(name, value, store, largest, signal);
    if (port?.isRaw) {
      decoded[name] = new RawJson(rawText(name, value, text, bytes));
    } else if (bytes === undefined) {
      decoded[name] = value.text ?? value.value;
    } else {
      decoded[name] = isJson(value.media_type) ? JSON.parse(bytes) : bytes;
    }
    // Null is nothing given.
    if (port?.isOptional && decoded[name] === null) {
      delete decoded[name];
    }
  }
  return decoded;
}

async function fetched(name: string, value: WireValue, store: Store, largest: number, signal: AbortSignal): Promise<string> {
  const size = value.size ?? 0;
  if (size > largest) {
    throw new Permanent(`${name} has ${size} bytes, more than this worker takes into memory (largestValue: ${largest}): make it a file port`);
  }
  return new TextDecoder().decode(await collect(store.read(value.blob ?? "", size, signal), largest));
}

function rawText(name: string, value: WireValue, text: string, bytes: string | undefined): string {
  const content = bytes ?? value.text;
  if (content !== undefined) {
    return isJson(value.media_type) ? content : JSON.stringify(content);
  }
  return members(members(text).get(name) ?? "").get("value") ?? "null";
}

function isText(mediaType: string): boolean {
  return isJson(mediaType) || /^text\//i.test(mediaType);
}

function isJson(mediaType: string): boolean {
  return /[/+]json\s*(;|$)/i.test(mediaType);
}

/** What a handler returned, as the wire has it; what is large is sent ahead. */
export async function encode(
  ports: Inputs,
  values: Readonly<Record<string, unknown>>,
  store: Store,
  signal: AbortSignal,
): Promise<WireValues> {
  const unknown = Object.keys(values).find((name) => !Object.hasOwn(ports, name));
  if (unknown !== undefined) {
    throw new InvalidOutput(`${unknown}: the agent has no such output; it has ${Object.keys(ports).join(", ")}`);
  }
  const encoded: Record<string, WireValue> = {};
  let room = store.inlineMax * INLINE_VALUES;
  for (const [name, port] of Object.entries(ports)) {
    if (values[name] === undefined) {
      continue;
    }
    const { media_type, text, isText } = written(name, port, values[name]);
    const size = new TextEncoder().encode(text).length;
    if (size <= store.inlineMax && size <= room) {
      room -= size;
      encoded[name] = isText ? { media_type, text } : { media_type, value: new RawJson(text) };
    } else {
      encoded[name] = { media_type, ...(await store.put(text, signal)) };
    }
  }
  return encoded;
}

function written(name: string, port: Port<unknown, boolean>, value: unknown): { media_type: string; text: string; isText: boolean } {
  if (typeof value === "string" && port.schema.type === "string" && !port.isRaw) {
    return { media_type: port.schema.format === "markdown" ? "text/markdown" : "text/plain", text: value, isText: true };
  }
  try {
    return { media_type: "application/json", text: stringify(value), isText: false };
  } catch (cause) {
    throw new InvalidOutput(`${name}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
