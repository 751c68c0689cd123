// The hash of what comes in pieces, and reading it piece by piece.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type Content, collect, digest, pieces, streamOf } from "#internal/content.js";
import { Sha256 } from "#internal/sha256.js";

const signal = new AbortController().signal;

test("the hash is SHA-256, however the bytes are cut", () => {
  const bytes = Uint8Array.from({ length: 1_000 }, (_, n) => (n * 31 + (n >> 3)) % 256);
  for (let length = 0; length < 300; length++) {
    const part = bytes.subarray(0, length);
    const wanted = createHash("sha256").update(part).digest("hex");
    const cut = (length * 7) % (length + 1);
    assert.equal(new Sha256().update(part).digest(), wanted, `${length}`);
    assert.equal(new Sha256().update(part.subarray(0, cut)).update(part.subarray(cut)).digest(), wanted, `${length}, cut at ${cut}`);
  }
  const many = new Sha256();
  const wanted = createHash("sha256");
  for (let n = 0; n < 999; n++) {
    many.update(bytes.subarray(0, n));
    wanted.update(bytes.subarray(0, n));
  }
  assert.equal(many.digest(), wanted.digest("hex"));
});

test("each kind of content is read alike, and as often as needed", async () => {
  const bytes = new TextEncoder().encode("é".repeat(200_000));
  const wanted = { blob: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
  async function* halves() {
    yield bytes.subarray(0, 100_001);
    yield bytes.subarray(100_001);
  }
  const contents: Content[] = ["é".repeat(200_000), bytes, new Blob([bytes]), halves, () => streamOf(halves()), async () => halves()];
  for (const content of contents) {
    for (const _ of [1, 2]) {
      assert.deepEqual(await digest(content, signal), wanted);
    }
    assert.deepEqual(await collect(pieces(content), bytes.length), bytes);
    await assert.rejects(collect(pieces(content), bytes.length - 1), /more than/);
  }
});

test("timers run while a lot is hashed", async () => {
  let n = 0;
  const timer = setInterval(() => (n += 1), 1);
  await digest(new Uint8Array(64 * 1024 * 1024), signal);
  clearInterval(timer);
  assert.ok(n >= 8, `${n} times`);
});
