// JSON as text: what the server sent digit for digit, and what it must be able to read.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RawJson, items, members, stringify } from "#internal/raw.js";

test("members and items are cut out as they were written", () => {
  const text = ' {"a" : 1.10, "b\\"}":[{"x": "]}\\\\"}, 100000000000000000001 ],"c":{},"d":"{\\"a\\":[", "e": []} ';
  assert.deepEqual([...members(text)], [
    ["a", "1.10"],
    ['b"}', '[{"x": "]}\\\\"}, 100000000000000000001 ]'],
    ["c", "{}"],
    ["d", '"{\\"a\\":["'],
    ["e", "[]"],
  ]);
  assert.deepEqual(items(members(text).get('b"}') ?? ""), ['{"x": "]}\\\\"}', "100000000000000000001"]);
  assert.deepEqual(items("[]"), []);
  assert.deepEqual(items("[ ]"), []);
  assert.deepEqual([...members("3")], []);
});

test("what was cut out and put together again is the same JSON", () => {
  const value = { s: 'a"b\\', n: [1, [2, { deep: "}]," }], null], "key:with,{": { u: "é\u2028😀" }, t: true };
  const text = JSON.stringify(value);
  const again = `{${[...members(text)].map(([name, part]) => `${JSON.stringify(name)}:${part}`).join(",")}}`;
  assert.deepEqual(JSON.parse(again), value);
});

test("digits are written as they are", () => {
  const text = stringify({ a: new RawJson("1.10"), b: [2n ** 70n, 0.1], c: undefined, d: [undefined] });
  assert.equal(text, '{"a":1.10,"b":[1180591620717411303424,0.1],"d":[null]}');
});

test("half a pair of surrogates becomes a sign that UTF-8 has", () => {
  assert.equal(stringify("a\uD83D"), '"a\uFFFD"');
  assert.equal(stringify({ "\uDE00": "😀" }), '{"\uFFFD":"😀"}');
});

test("what JSON cannot say is refused with its place", () => {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const table: [unknown, RegExp][] = [
    [undefined, /it is undefined/],
    [{ a: [Number.NaN] }, /\/a\/0 is NaN/],
    [{ a: new Map() }, /\/a is a Map/],
    [new Uint8Array(3), /it is a Uint8Array/],
    [circle, /nested more than 500 deep/],
  ];
  for (const [value, message] of table) {
    assert.throws(() => stringify(value), message);
  }
  assert.throws(() => new RawJson("1.1.1"), /this is no JSON/);
});
