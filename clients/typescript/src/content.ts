// Bytes that are read more than once: to hash them, to send them, and to send them again.
// Must never hold more of what comes in pieces than one piece.

import { Sha256 } from "./sha256.js";
import { sleep } from "./time.js";

/**
 * What a file is made from. Whatever does not lie in memory is given as a function that begins a new reading each time:
 * the hash is in the address that the bytes are sent to, so they are read twice.
 */
export type Content =
  | string
  | Uint8Array
  | Blob
  | (() => ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Promise<ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>>);

/** What is in memory is handed on in pieces of this size. */
const PIECE = 256 * 1024;

/** After so many bytes hashed, timers run: a beat must not wait for a gigabyte. */
const BREATH = 4 * 1024 * 1024;

/** The most that one blob may have. */
export const LARGEST = 2 ** 30;

export async function* pieces(content: Content): AsyncGenerator<Uint8Array, void, undefined> {
  if (typeof content === "string") {
    yield* inMemory(new TextEncoder().encode(content));
  } else if (content instanceof Uint8Array) {
    yield* inMemory(content);
  } else if (content instanceof Blob) {
    yield* chunks(content.stream());
  } else {
    const reading = await content();
    yield* reading instanceof ReadableStream ? chunks(reading) : reading;
  }
}

function* inMemory(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += PIECE) {
    yield bytes.subarray(at, at + PIECE);
  }
}

/** Not every place where fetch is can iterate a stream. */
export async function* chunks(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      yield value;
    }
  } finally {
    // Who stops in the middle wants no more of it; after the end this does nothing.
    await reader.cancel().catch(() => undefined);
  }
}

/** A stream that reads on only when it is asked to. */
export function streamOf(source: AsyncGenerator<Uint8Array, void, undefined>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await source.next();
        if (done) {
          controller.close();
        } else {
          controller.enqueue(value);
        }
      },
      async cancel() {
        await source.return();
      },
    },
    { highWaterMark: 0 },
  );
}

export interface Digest {
  readonly blob: string;
  readonly size: number;
}

export async function digest(content: Content, signal: AbortSignal): Promise<Digest> {
  const hash = new Sha256();
  let since = 0;
  for await (const piece of pieces(content)) {
    hash.update(piece);
    signal.throwIfAborted();
    if (hash.size > LARGEST) {
      throw new RangeError(`the content has more than ${LARGEST} bytes, the most that a file may have`);
    }
    since += piece.length;
    if (since >= BREATH) {
      since = 0;
      await sleep(0);
    }
  }
  return { size: hash.size, blob: hash.digest() };
}

/** All of it, in memory. */
export async function collect(source: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of source) {
    size += part.length;
    if (size > most) {
      throw new RangeError(`more than ${most} bytes`);
    }
    parts.push(part);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
