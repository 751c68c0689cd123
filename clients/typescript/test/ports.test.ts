// What the builders say to the server and to the compiler.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type FileRef, type Port, type ValuesOf, RawJson, Worker, boolean, enumOf, file, integer, json, list, number, object, raw, string } from "weft-worker";

const worker = () => new Worker({ url: "http://127.0.0.1:9", token: "t", name: "ports", log: () => undefined });

test("a port has the schema that the server knows", () => {
  const schemas: [Port<unknown, boolean>, unknown][] = [
    [string(), { type: "string" }],
    [string({ description: "What to read", format: "markdown" }), { type: "string", description: "What to read", format: "markdown" }],
    [number().optional(), { type: "number" }],
    [integer(), { type: "integer" }],
    [integer({ minimum: 0, maximum: 9, title: "Size" }), { type: "integer", minimum: 0, maximum: 9 }],
    [boolean(), { type: "boolean" }],
    [json(), {}],
    [raw(), {}],
    [raw(number()), { type: "number" }],
    [file(), { type: "object", format: "file" }],
    [enumOf(["low", "high"]), { type: "string", enum: ["low", "high"] }],
    [list(integer()), { type: "array", items: { type: "integer" } }],
    [
      object({ a: string(), b: list(number()).optional() }),
      { type: "object", properties: { a: { type: "string" }, b: { type: "array", items: { type: "number" } } }, required: ["a"] },
    ],
  ];
  for (const [port, schema] of schemas) {
    assert.deepEqual(JSON.parse(JSON.stringify(port.schema)), schema);
  }
});

test("the compiler knows the values from the ports", () => {
  const ports = {
    text: string(),
    level: enumOf(["low", "high"]),
    tags: list(string()).optional(),
    point: object({ x: number(), note: string().optional() }),
    scan: file(),
    exact: raw(),
  };
  type Wanted = {
    readonly text: string;
    readonly level: "low" | "high";
    readonly tags?: readonly string[] | undefined;
    readonly point: { readonly x: number; readonly note?: string | undefined };
    readonly scan: FileRef;
    readonly exact: RawJson;
  };
  type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
  const isSame: Same<ValuesOf<typeof ports>, Wanted> = true;
  assert.ok(isSame);

  worker().agent({ id: "a", name: "A", inputs: ports, outputs: { n: number() }, sideEffects: "none" }, ({ text, tags }) => {
    // @ts-expect-error: an optional input may be missing
    void (() => tags.length);
    return { n: text.length + (tags?.length ?? 0) };
  });
  // @ts-expect-error: the output is a number
  worker().agent({ id: "b", name: "B", inputs: {}, outputs: { n: number() }, sideEffects: "none" }, () => ({ n: "1" }));
  // @ts-expect-error: the output is missing
  worker().agent({ id: "c", name: "C", inputs: {}, outputs: { n: number() }, sideEffects: "none" }, () => ({}));
});

test("a mistake in a definition is told where it was made", () => {
  const agent = (more: object) => () =>
    worker().agent({ id: "a", name: "A", inputs: {}, outputs: { n: number() }, sideEffects: "none", ...more }, () => ({ n: 1 }));
  assert.throws(agent({ id: "" }), /id is missing/);
  assert.throws(agent({ inputs: { "a-b": string() } }), /a-b is no name of a port/);
  assert.throws(agent({ outputs: { n: number().optional() } }), /output n is optional/);
  assert.throws(agent({ sideEffects: "some" }), /sideEffects is some; say none, idempotent, external/);
  assert.throws(agent({ timeoutMs: -1 }), /timeoutMs is -1/);
  assert.throws(() => object({ a: raw() }), /object: a: raw\(\) is for a whole port/);
  assert.throws(() => enumOf([] as unknown as ["x"]), /at least one choice/);
  const twice = worker();
  const define = () => twice.agent({ id: "a", name: "A", inputs: {}, outputs: { n: number() }, sideEffects: "none" }, () => ({ n: 1 }));
  define();
  assert.throws(define, /there is one with this id/);
});

test("a worker that cannot work says what is missing", () => {
  const options = { url: "http://127.0.0.1:9", token: "t", name: "n" };
  assert.throws(() => new Worker({ ...options, token: "" }), /token is missing/);
  assert.throws(() => new Worker({ ...options, slots: 0 }), /slots is 0/);
  assert.throws(() => new Worker({ ...options, url: "ftp://x" }), /url: give the http/);
  assert.throws(() => new Worker({ ...options, url: "http://me:secret@x" }), /without a name or password/);
  assert.throws(() => new Worker(options).run(), /has no agents/);
});
