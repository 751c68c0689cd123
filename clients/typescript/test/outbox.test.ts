// What a task tells while it runs is bounded, whatever it does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox } from "#internal/outbox.js";
import { RawJson } from "#internal/raw.js";

const outbox = () => new Outbox(() => undefined, () => "2026-11-28T10:00:00Z");

test("a million deltas are as many as may be shown, joined", () => {
  const box = outbox();
  for (let n = 0; n < 1_000_000; n++) {
    box.addDelta("text", "word ");
  }
  const { deltas = [] } = box.take();
  assert.equal(deltas.length, 1);
  assert.ok((deltas[0]?.text.length ?? 0) > 10_000);
  assert.ok((deltas[0]?.text.length ?? 0) <= 64 * 1024);
});

test("one delta of a megabyte is shown as far as it fits", () => {
  const box = outbox();
  box.addDelta("text", "x".repeat(1_000_000));
  assert.equal(box.take().deltas?.[0]?.text.length, Math.floor((64 * 1024) / 3));
});

test("of too many lines the last are kept, and it is said how many were not", () => {
  const box = outbox();
  for (let n = 0; n < 5_000; n++) {
    box.addLog("info", `line ${n}`);
  }
  const logs = box.take().logs ?? [];
  assert.deepEqual([logs.length, logs[0]?.text, logs.at(-1)?.text], [1_001, "4000 lines before this were dropped", "line 4999"]);
});

test("logs of a gigabyte take no more than their share", () => {
  const box = outbox();
  const line = "é".repeat(1_000_000);
  for (let n = 0; n < 500; n++) {
    box.addLog("info", line);
  }
  const bytes = (box.take().logs ?? []).reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  assert.ok(bytes <= 300 * 1024, `${bytes}`);
});

test("what did not arrive goes again, in its order, and deltas do not", () => {
  const box = outbox();
  box.addLog("info", "one");
  box.addDelta("text", "a");
  box.setProgress(1, 3);
  box.take();
  box.addLog("info", "two");
  box.lost();
  const again = box.take();
  assert.deepEqual(again.logs?.map(({ text }) => text), ["one", "two"]);
  assert.deepEqual([again.progress, again.deltas], [{ done: 1, total: 3 }, undefined]);
  box.arrived();
  assert.ok(box.isEmpty);
});

test("a checkpoint is there once it arrived, and of several the last is sent", async () => {
  const box = outbox();
  const first = box.addCheckpoint({ page: 1 });
  const second = box.addCheckpoint({ page: 2, exact: new RawJson("1.10") });
  assert.equal(String(box.take().checkpoint), '{"page":2,"exact":1.10}');
  box.lost();
  assert.equal(String(box.take().checkpoint), '{"page":2,"exact":1.10}');
  box.arrived();
  await Promise.all([first, second]);
  const refused = box.addCheckpoint(1);
  box.take();
  box.refused(new Error("too deep"));
  await assert.rejects(refused, /too deep/);
  const waiting = box.addCheckpoint(2);
  box.close(new Error("the task is over"));
  await assert.rejects(waiting, /is over/);
  await assert.rejects(box.addCheckpoint(3), /is over/);
  assert.throws(() => void box.addCheckpoint("x".repeat(17_000)), /at most 16384 are kept/);
});

test("progress and levels that cannot be are refused by the name of their field", () => {
  const box = outbox();
  assert.throws(() => box.setProgress(-1), /done is -1/);
  assert.throws(() => box.setProgress(0.5, 1), /done is 0.5/);
  assert.throws(() => box.setProgress(3, 2), /total is 2/);
  assert.throws(() => box.addLog("warn" as "warning", "x"), /the level is warn; say debug, info, warning, error/);
  box.setProgress(1, 2, "😀".repeat(500));
  assert.equal(Array.from(box.take().progress?.note ?? "").length, 200);
});
