// Content by its hash: sent in one stream, read in one stream, each resumed or repeated where the network breaks it off.
// Must never hold a blob in memory, and never hand on bytes as whole that have another hash.

import { type Content, type Digest, chunks, digest, pieces, streamOf } from "./content.js";
import { NoAnswer, Permanent, ServerRefused, Temporary } from "./errors.js";
import { type Http, isLater } from "./http.js";
import { Sha256 } from "./sha256.js";
import { joined, pause, sleep } from "./time.js";

/** A transfer in which nothing moves for so long is broken off and tried again. */
const STALL_MS = 30_000;
/** Content that breaks off at the same place so often is given up. */
const TRIES_WITHOUT_PROGRESS = 8;

export async function put(http: Http, path: string, content: Content, signal: AbortSignal): Promise<Digest> {
  const found = await digest(content, signal);
  // What fails in the reading is no answer that did not come: it ends the call.
  const broken = new AbortController();
  const both = joined(signal, broken.signal);
  try {
    await http.repeat({
      method: "PUT",
      path: `${path}/${found.blob}`,
      headers: { "content-type": "application/octet-stream" },
      body: (alive) => (found.size === 0 ? "" : streamOf(again(content, found, alive, broken))),
      timeoutMs: STALL_MS,
      signal: both.signal,
    });
  } finally {
    both.release();
  }
  return found;
}

/** The second reading: one that gives other bytes than the first is found here. */
async function* again(
  content: Content,
  first: Digest,
  alive: () => void,
  broken: AbortController,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = new Sha256();
  try {
    for await (const piece of pieces(content)) {
      hash.update(piece);
      alive();
      yield piece;
    }
    if (hash.size !== first.size || hash.digest() !== first.blob) {
      throw new Permanent("the content changed between its two readings: a function has to give the same bytes each time");
    }
  } catch (error) {
    broken.abort(error);
    throw error;
  }
}

export async function* read(
  http: Http,
  path: string,
  blob: string,
  size: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = new Sha256();
  for (let failures = 0; hash.size < size; ) {
    try {
      for await (const piece of rest(http, `${path}/${blob}`, hash.size, signal)) {
        failures = 0;
        hash.update(piece);
        yield piece;
      }
      break;
    } catch (error) {
      failures += 1;
      if (!(error instanceof NoAnswer || isLater(error)) || signal.aborted || failures >= TRIES_WITHOUT_PROGRESS) {
        throw error;
      }
      await sleep(pause(failures, error instanceof ServerRefused ? error.retryAfterMs : 0), signal);
    }
  }
  const { size: length } = hash;
  if (length !== size || hash.digest() !== blob) {
    throw new Temporary(`the content ${blob} came with other bytes, ${length} of ${size}`);
  }
}

/** From a place on; a server or proxy that does not know ranges sends all of it again. */
async function* rest(http: Http, path: string, from: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const headers = from > 0 ? { range: `bytes=${from}-` } : {};
  const { status, response, alive, close } = await http.open({ method: "GET", path, headers, timeoutMs: STALL_MS, signal });
  let before = status === 206 ? 0 : from;
  try {
    if (response.body) {
      const reading = chunks(response.body);
      for (;;) {
        const { done, value } = await reading.next().catch((cause: unknown) => {
          throw signal.aborted ? signal.reason : new NoAnswer(`${path}: the content was cut off`, { cause });
        });
        if (done) {
          return;
        }
        alive();
        const piece = value.subarray(Math.min(before, value.length));
        before -= value.length - piece.length;
        if (piece.length > 0) {
          yield piece;
        }
      }
    }
  } finally {
    close();
  }
}
