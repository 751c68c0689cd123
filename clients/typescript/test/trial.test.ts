// `worker.test`: an attempt without a server, judged as the server would.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Permanent, RawJson, Worker, file, integer, json, list, number, object, raw, string } from "weft-worker";

const worker = new Worker({ url: "http://127.0.0.1:9", token: "t", name: "trial", log: () => undefined });

test("a handler is run with its inputs, and what it tells is kept", async () => {
  const agent = worker.agent(
    { id: "all", name: "All", inputs: { text: string(), times: integer().optional() }, outputs: { text: string(), about: json() }, sideEffects: "none" },
    async ({ text, times = 2 }, ctx) => {
      ctx.progress(1, 2, "half");
      ctx.log("hello", "warning");
      ctx.stream("he", "text");
      ctx.stream("llo", "text");
      ctx.usage({ model: "m", prompt_tokens: 3 });
      await ctx.saveCheckpoint({ page: 2 });
      const previous = await ctx.previous();
      return { text: text.repeat(times), about: { attempt: ctx.attempt, feedback: ctx.feedback.length, before: previous.text ?? null, from: ctx.checkpoint as string } };
    },
  );
  const feedback = [{ round: 1, by: "ada@example.com", text: "Shorter." }];
  const made = await worker.test(agent, { text: "ab" }, { attempt: 3, feedback, previous: { text: "old" }, checkpoint: "there" });
  assert.deepEqual(made.outputs, { text: "abab", about: { attempt: 3, feedback: 1, before: "old", from: "there" } });
  assert.deepEqual(made.streamed, { text: "hello" });
  assert.deepEqual(made.progress, [{ done: 1, total: 2, note: "half" }]);
  assert.deepEqual(made.logs.map(({ level, text }) => [level, text]), [["warning", "hello"]]);
  assert.deepEqual([made.checkpoints, made.usage], [[{ page: 2 }], { model: "m", prompt_tokens: 3 }]);
});

test("a generator streams, and what it yielded is its output", async () => {
  worker.agent({ id: "words", name: "Words", inputs: { n: integer() }, outputs: { text: string() }, sideEffects: "none" }, async function* ({ n }) {
    for (let word = 0; word < n; word++) {
      yield `${word} `;
    }
  });
  const made = await worker.test("words", { n: 3 });
  assert.deepEqual([made.outputs, made.streamed], [{ text: "0 1 2 " }, { text: "0 1 2 " }]);
});

test("files are given as content, and read back", async () => {
  const agent = worker.agent(
    { id: "file", name: "File", inputs: { scan: file() }, outputs: { copy: file(), all: list(file()) }, sideEffects: "none" },
    async ({ scan }, ctx) => {
      const text = await new Response(ctx.open(scan)).text();
      const copy = await ctx.file(text.toUpperCase(), { name: "copy.txt", mediaType: "text/plain" });
      return { copy, all: [scan, copy] };
    },
  );
  const made = await worker.test(agent, { scan: "bytes" });
  assert.equal(new TextDecoder().decode(await made.content(made.outputs.copy)), "BYTES");
  assert.deepEqual(made.outputs.copy, { blob: made.outputs.copy.blob, media_type: "text/plain", name: "copy.txt", size: 5 });
  assert.equal(made.outputs.all.length, 2);
});

test("raw values keep their digits", async () => {
  const agent = worker.agent(
    { id: "raw", name: "Raw", inputs: { a: raw(number()), b: raw() }, outputs: { a: raw(), b: json() }, sideEffects: "none" },
    ({ a, b }) => ({ a: new RawJson(`[${a},${b}]`), b: [b] }),
  );
  const { outputs } = await worker.test(agent, { a: new RawJson("1.10"), b: new RawJson("100000000000000000001") });
  assert.equal(outputs.a.text, "[1.10,100000000000000000001]");
});

test("inputs and outputs that do not fit are told by their names", async () => {
  const agent = worker.agent(
    { id: "strict", name: "Strict", inputs: { n: integer(), point: object({ x: number() }).optional() }, outputs: { n: integer({ maximum: 9 }) }, sideEffects: "none" },
    ({ n }) => ({ n: n / 2 }),
  );
  await assert.rejects(worker.test("strict", { n: 1.5, point: {}, other: 1 } as never), /n: must be a whole number; point\/x: is required; other: there is no such input/);
  await assert.rejects(worker.test("strict", {}), /n: is missing/);
  await assert.rejects(worker.test(agent, { n: 3 }), { name: "InvalidOutput", message: /n: must be a whole number/ });
  await assert.rejects(worker.test(agent, { n: 20 }), { name: "InvalidOutput", message: /n: must be at most 9/ });
  await assert.rejects(worker.test("none", {}), /there is no agent none; there are/);
  worker.agent({ id: "wild", name: "Wild", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, () => ({ text: "", more: 1 }) as { text: string });
  await assert.rejects(worker.test("wild", {}), /more: the agent has no such output; it has text/);
});

test("what a handler throws is thrown", async () => {
  worker.agent({ id: "throws", name: "Throws", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, () => {
    throw new Permanent("no such page");
  });
  await assert.rejects(worker.test("throws", {}), { name: "Permanent", message: "no such page" });
});

test("whatever a handler throws is its failure, also what cannot be made a text", async () => {
  const bare: unknown = Object.assign(Object.create(null), { code: 7 });
  const listed = Object.assign(new Error(), { message: ["one", "two"], stack: [{}] });
  const silent = Object.defineProperty(new Error(), "message", {
    get: () => {
      throw new TypeError("there was no response");
    },
  });
  const nameless = Object.defineProperty(new Error("late"), "name", {
    get: () => {
      throw new TypeError("there is no name");
    },
  });
  for (const [n, thrown] of [bare, listed, silent, nameless, undefined, null, Symbol("s"), () => 1].entries()) {
    const id = `odd-${n}`;
    worker.agent({ id, name: id, inputs: {}, outputs: { text: string() }, sideEffects: "none" }, () => {
      throw thrown;
    });
    await assert.rejects(worker.test(id, {}), (error) => error === thrown);
  }
});

test("what is logged is a text, whatever it was", async () => {
  worker.agent({ id: "logs", name: "Logs", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, (_, ctx) => {
    for (const said of [Object.assign(Object.create(null), { page: 1 }), 7, undefined]) {
      ctx.log(said as string);
    }
    return { text: "" };
  });
  assert.deepEqual((await worker.test("logs", {})).logs.map(({ text }) => text), ['{"page":1}', "7", "undefined"]);
});

test("usage that cannot be is refused where it is told", async () => {
  worker.agent({ id: "costs", name: "Costs", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, (_, ctx) => {
    ctx.usage({ model: "m", cost_micros: Number.NaN });
    return { text: "" };
  });
  await assert.rejects(worker.test("costs", {}), /usage: cost_micros is NaN/);
});

test("a cancel reaches the signal, and what comes after it is no result", async () => {
  const controller = new AbortController();
  worker.agent({ id: "slow", name: "Slow", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, async (_, { signal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return { text: "late" };
  });
  const made = worker.test("slow", {}, { signal: controller.signal });
  controller.abort();
  assert.equal((await made).outcome, "cancelled");
});

test("waiting for somebody outside is an end of its own", async () => {
  const told: string[] = [];
  worker.agent({ id: "waits", name: "Waits", inputs: {}, outputs: { text: string() }, sideEffects: "idempotent" }, (_, ctx) =>
    ctx.waitForCallback({ withinMs: 60_000 }, ({ secret, url }) => void told.push(secret, url)),
  );
  assert.equal((await worker.test("waits", {})).outcome, "waiting");
  assert.equal(told.length, 2);
});
