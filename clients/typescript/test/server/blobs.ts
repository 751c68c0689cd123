// Content that is too large to travel along: texts between steps, and files.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { file, integer, string } from "weft-worker";
import { output, step, until, withWorker } from "../support/fixture.js";

/** The largest file there may be, in the long form. */
const FILE_BYTES = process.env["WEFT_LONG"] === "1" ? 2 ** 30 : 8 * 1024 * 1024 + 1;

export const blobs = () => describe("blobs", { concurrency: true }, () => {
  test("a text of 4 MiB goes by reference, and arrives as a text", async () => {
    await withWorker("large", {}, async ({ worker, rest, begin }) => {
      const text = "é😀 ".repeat(4 * 1024 * 128);
      worker.agent({ id: "large-make", name: "Make", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, () => ({ text }));
      worker.agent({ id: "large-read", name: "Read", inputs: { text: string() }, outputs: { n: integer() }, sideEffects: "none" }, (inputs) => {
        assert.ok(inputs.text === text);
        return { n: inputs.text.length };
      });
      await begin();
      const run = await rest.start("large", { make: step("large-make"), read: step("large-read", { text: output("make", "text") }) });
      await rest.until(run, "read", "completed");
      assert.equal(await rest.content(run, "read", "n"), String(text.length));
    });
  });

  test("a file is streamed there and back in little memory", async () => {
    await withWorker("file", {}, async ({ worker, rest, begin }) => {
      const piece = Uint8Array.from({ length: 64 * 1024 }, (_, n) => (n * 7) % 251);
      async function* content() {
        for (let left = FILE_BYTES; left > 0; left -= piece.length) {
          yield piece.subarray(0, Math.min(left, piece.length));
        }
      }
      let most = 0;
      const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20).unref();
      const before = process.memoryUsage().rss;
      worker.agent({ id: "file-make", name: "Make", inputs: {}, outputs: { scan: file() }, sideEffects: "none" }, async (_, ctx) => ({
        scan: await ctx.file(content, { name: "scan.bin" }),
      }));
      worker.agent({ id: "file-read", name: "Read", inputs: { scan: file() }, outputs: { hash: string(), name: string() }, sideEffects: "none" }, async ({ scan }, ctx) => {
        const hash = createHash("sha256");
        const reader = ctx.open(scan).getReader();
        for (let read = await reader.read(); !read.done; read = await reader.read()) {
          hash.update(read.value);
        }
        return { hash: hash.digest("hex"), name: `${scan.name}, ${scan.size}` };
      });
      await begin();
      const run = await rest.start("file", { make: step("file-make"), read: step("file-read", { scan: output("make", "scan") }) });
      await rest.until(run, "read", "completed");
      clearInterval(watch);
      const wanted = createHash("sha256");
      for await (const part of content()) {
        wanted.update(part);
      }
      assert.equal(await rest.content(run, "read", "hash"), wanted.digest("hex"));
      assert.equal(await rest.content(run, "read", "name"), `scan.bin, ${FILE_BYTES}`);
      assert.ok(most - before < 200 * 1024 * 1024, `${(most - before) / 1024 / 1024} MiB`);
    });
  });

  test("content that is another one the second time fails the task, and is not sent for ever", async () => {
    await withWorker("changing", {}, async ({ worker, rest, begin }) => {
      let n = 0;
      worker.agent({ id: "changing", name: "Changing", inputs: {}, outputs: { scan: file() }, sideEffects: "none" }, async (_, ctx) => ({
        scan: await ctx.file(
          async function* () {
            yield new TextEncoder().encode(`reading ${(n += 1)}`);
          },
          { name: "scan" },
        ),
      }));
      await begin();
      const run = await rest.start("changing", { one: step("changing") });
      await until(async () => (await rest.run(run)).steps[0]?.status === "failed", "the step has failed");
      assert.match((await rest.run(run)).steps[0]?.attempts[0]?.error ?? "", /changed between its two readings/);
    });
  });

  test("content that nobody gave is not to be had", async () => {
    await withWorker("foreign", {}, async ({ worker, rest, begin }) => {
      worker.agent({ id: "foreign", name: "Foreign", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, async (_, ctx) => ({
        text: await new Response(ctx.open({ blob: "a".repeat(64), media_type: "text/plain", name: "x", size: 3 })).text(),
      }));
      await begin();
      const run = await rest.start("foreign", { one: step("foreign", {}, { retry: { max: 0 } }) });
      await until(async () => (await rest.run(run)).steps[0]?.status === "failed", "the step has failed");
      assert.deepEqual(await rest.versions(run, "one", "text"), []);
    });
  });
});
