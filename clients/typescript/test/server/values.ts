// Values between steps: each type of port, each digit, and what breaks its promise.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { InvalidOutput, Permanent, RateLimited, Refused, Temporary, boolean, enumOf, integer, json, list, number, object, raw, RawJson, string } from "weft-worker";
import { constant, output, step, until, withWorker } from "../support/fixture.js";

export const values = () => describe("values", { concurrency: true }, () => {
  test("each type of port arrives as the handler's type, and goes on as what it returned", async () => {
    await withWorker("values", {}, async ({ worker, rest, begin }) => {
      let seen: unknown;
      const ports = {
        text: string(),
        n: number(),
        whole: integer(),
        yes: boolean(),
        level: enumOf(["low", "high"]),
        tags: list(string()),
        point: object({ x: number(), y: number().optional() }),
        any: json(),
      };
      worker.agent({ id: "values-all", name: "All", inputs: { ...ports, missing: string().optional() }, outputs: ports, sideEffects: "none" }, (inputs) => {
        seen = inputs;
        const { missing, ...rest } = inputs;
        assert.equal(missing, undefined);
        return rest;
      });
      await begin();
      const values = { text: "é\n\"quoted\"", n: 1.5, whole: 3, yes: true, level: "high", tags: ["a", "b"], point: { x: 1 }, any: [null, { a: 1 }] };
      const inputs = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, constant(value)]));
      const through = Object.fromEntries(Object.keys(values).map((name) => [name, output("one", name)]));
      const run = await rest.start("values", { one: step("values-all", inputs), two: step("values-all", through) });
      await rest.until(run, "two", "completed");
      assert.deepEqual(seen, values);
      assert.equal(await rest.content(run, "two", "text"), values.text);
      assert.deepEqual(JSON.parse(await rest.content(run, "two", "point")), values.point);
    });
  });

  test("raw values keep each digit and the order of keys, from step to step", async () => {
    await withWorker("raw", {}, async ({ worker, rest, begin }) => {
      const text = '{"z":1.10,"a":[100000000000000000001,-0,1E2],"s":"}\\"]"}';
      let seen = "";
      worker.agent({ id: "raw-make", name: "Make", inputs: {}, outputs: { value: json() }, sideEffects: "none" }, () => ({ value: new RawJson(text) }));
      worker.agent({ id: "raw-pass", name: "Pass", inputs: { value: raw() }, outputs: { value: raw() }, sideEffects: "none" }, ({ value }) => {
        seen = value.text;
        return { value };
      });
      await begin();
      const run = await rest.start("raw", { make: step("raw-make"), pass: step("raw-pass", { value: output("make", "value") }) });
      await rest.until(run, "pass", "completed");
      assert.equal(seen, text);
      assert.equal(await rest.content(run, "pass", "value"), text);
    });
  });

  test("a generator's pieces are streamed, and together they are the output", async () => {
    await withWorker("stream", {}, async ({ worker, rest, begin }) => {
      worker.agent({ id: "stream", name: "Stream", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, async function* (_, ctx) {
        for (let n = 0; n < 1_000; n++) {
          yield `${n} `;
          ctx.progress(n, 1_000);
        }
        ctx.log("done");
      });
      await begin();
      const run = await rest.start("stream", { one: step("stream") });
      await rest.until(run, "one", "completed");
      assert.equal((await rest.content(run, "one", "text")).split(" ").length, 1_001);
      assert.deepEqual(await rest.logs(run, "one", 1), ["done"]);
    });
  });

  test("what is thrown decides whether it is tried again", async () => {
    await withWorker("errors", {}, async ({ worker, rest, begin }) => {
      const attempts: Record<string, number> = {};
      const errors = {
        permanent: () => new Permanent("no such page"),
        refused: () => new Refused("not this"),
        invalid: () => new InvalidOutput("not a list"),
        limited: () => new RateLimited("slow down: caf\uDCE9.txt", { retryAfterMs: 100 }),
        temporary: () => new Temporary("hiccup"),
        unknown: () => new RangeError("a mistake"),
      };
      worker.agent({ id: "errors", name: "Errors", inputs: { kind: enumOf(Object.keys(errors) as ["permanent"]) }, outputs: { text: string() }, sideEffects: "none" }, ({ kind }, { attempt }) => {
        attempts[kind] = attempt;
        if (attempt === 1) {
          throw errors[kind]();
        }
        return { text: "at last" };
      });
      await begin();
      const classes: Record<string, unknown> = {};
      const logs: Record<string, string[]> = {};
      for (const kind of Object.keys(errors)) {
        const run = await rest.start(`errors ${kind}`, { one: step("errors", { kind: constant(kind) }, { retry: { max: 1, initial_ms: 100 } }) });
        await until(async () => ["completed", "failed"].includes((await rest.run(run)).steps[0]?.status ?? ""), `${kind} has ended`);
        classes[kind] = (await rest.run(run)).steps[0]?.attempts[0]?.error_class;
        logs[kind] = await rest.logs(run, "one", 1);
      }
      assert.deepEqual(classes, { permanent: "permanent", refused: "refused", invalid: "invalid_output", limited: "rate_limit", temporary: "server", unknown: "server" });
      assert.deepEqual([attempts["permanent"], attempts["refused"], attempts["limited"], attempts["temporary"], attempts["unknown"]], [1, 1, 2, 2, 2]);
      assert.match(logs["unknown"]?.join("\n") ?? "", /RangeError: a mistake\n\s+at /);
    });
  });

  test("outputs that break their promise fail the attempt, and the worker says how", async () => {
    await withWorker("broken", {}, async ({ worker, rest, begin, messages }) => {
      worker.agent({ id: "broken", name: "Broken", inputs: {}, outputs: { n: integer() }, sideEffects: "external" }, () => ({ n: "three" }) as unknown as { n: number });
      await begin();
      const run = await rest.start("broken", { one: step("broken", {}, { retry: { max: 0 } }) });
      await until(async () => (await rest.run(run)).steps[0]?.status === "failed", "the step has failed");
      assert.equal((await rest.run(run)).steps[0]?.attempts[0]?.error_class, "invalid_output");
      await until(() => messages.some((text) => /broken: its outputs are not what it promised: .*n/.test(text)), "the worker says so");
    });
  });
});
