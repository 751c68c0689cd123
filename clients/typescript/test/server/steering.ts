// What people do to a step while a worker has it: cancel, send back, pause; and what a worker saves and hands out.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Temporary, string } from "weft-worker";
import { Gate, step, until, withWorker } from "../support/fixture.js";

export const steering = () => describe("steering", { concurrency: true }, () => {
  test("a cancel reaches a worker whose slots are all taken, before the next beat is due", async () => {
    await withWorker("cancel", { slots: 1 }, async ({ worker, rest, begin }) => {
      const begun = new Gate();
      let reason: unknown;
      let stoppedAt = 0;
      worker.agent({ id: "cancel", name: "Cancel", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, async (_, { signal }) => {
        begun.open();
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        stoppedAt = Date.now();
        ({ reason } = signal.reason as { reason: unknown });
        return { text: "nobody wants it" };
      });
      await begin();
      const run = await rest.start("cancel", { one: step("cancel") });
      await begun.opened;
      const cancelledAt = Date.now();
      await rest.cancel(run);
      await until(() => stoppedAt > 0, "the handler has heard of it");
      assert.equal(reason, "cancel");
      assert.ok(stoppedAt - cancelledAt < 4_000, `${stoppedAt - cancelledAt} ms`);
      await until(async () => (await rest.run(run)).steps[0]?.attempts[0]?.outcome === "cancelled", "it is completed as cancelled");
      assert.deepEqual(await rest.versions(run, "one", "text"), []);
    });
  });

  test("a step that was sent back knows what was asked, and what it had made", async () => {
    await withWorker("feedback", {}, async ({ worker, rest, begin }) => {
      worker.agent({ id: "feedback", name: "Feedback", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, async (_, ctx) => {
        const before = await ctx.previous();
        return { text: ctx.feedback.length === 0 ? "long" : `${before.text}, but ${ctx.feedback.map(({ text }) => text).join(" and ")}` };
      });
      await begin();
      const run = await rest.start("feedback", { one: step("feedback", {}, { review: { mode: "always" } }) });
      await rest.until(run, "one", "awaiting_review");
      await rest.verb(run, "one", "reject", { feedback: "shorter" });
      await until(async () => (await rest.versions(run, "one", "text")).length === 2, "there is a second version");
      assert.equal(await rest.content(run, "one", "text"), "long, but shorter");
    });
  });

  test("an attempt finds what the one before it saved", async () => {
    await withWorker("checkpoint", {}, async ({ worker, rest, begin }) => {
      const keys: string[] = [];
      worker.agent({ id: "checkpoint", name: "Checkpoint", inputs: {}, outputs: { text: string() }, sideEffects: "idempotent" }, async (_, ctx) => {
        keys.push(ctx.idempotencyKey);
        if (ctx.attempt === 1) {
          await ctx.saveCheckpoint({ page: 1 });
          await ctx.saveCheckpoint({ page: 7 });
          throw new Temporary("the page was torn");
        }
        return { text: JSON.stringify(ctx.checkpoint) };
      });
      await begin();
      const run = await rest.start("checkpoint", { one: step("checkpoint", {}, { retry: { max: 1, initial_ms: 100 }, side_effects: "idempotent" }) });
      await rest.until(run, "one", "completed");
      assert.equal(await rest.content(run, "one", "text"), '{"page":7}');
      assert.equal(new Set(keys).size, 1);
    });
  });

  test("somebody outside finishes an attempt with the secret, once, and it holds no slot until then", async () => {
    await withWorker("callback", { slots: 1 }, async ({ worker, rest, begin }) => {
      const handed: { url: string; secret: string }[] = [];
      worker.agent({ id: "callback", name: "Callback", inputs: {}, outputs: { text: string() }, sideEffects: "idempotent" }, (_, ctx) =>
        ctx.waitForCallback({ withinMs: 60_000 }, (callback) => handed.push(callback)),
      );
      await begin();
      const one = await rest.start("callback one", { one: step("callback") });
      const two = await rest.start("callback two", { one: step("callback") });
      await until(() => handed.length === 2, "both wait, over one slot");
      const send = ({ url, secret }: { url: string; secret: string }, text = "from outside") =>
        fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json", "weft-callback": secret },
          body: JSON.stringify({ outcome: "completed", outputs: { text: { media_type: "text/plain", text } } }),
        });
      for (const callback of handed) {
        // The secret may come back before the worker has said that it waits.
        await until(async () => (await send(callback)).ok, "the callback is taken");
      }
      await rest.until(one, "one", "completed");
      await rest.until(two, "one", "completed");
      assert.equal(await rest.content(one, "one", "text"), "from outside");
      const first = handed[0] as { url: string; secret: string };
      assert.equal((await send(first)).status, 200, "whoever lost the answer is answered alike");
      assert.equal((await send(first, "something else")).status, 409);
      assert.equal(await rest.content(one, "one", "text"), "from outside");
    });
  });

  test("an attempt that asks for more secrets than one may have fails with the server's words, and is not done for ever", async () => {
    await withWorker("secrets", {}, async ({ worker, rest, begin }) => {
      let n = 0;
      worker.agent({ id: "secrets", name: "Secrets", inputs: {}, outputs: { text: string() }, sideEffects: "idempotent" }, async (_, ctx) => {
        n += 1;
        for (let secret = 0; secret < 9; secret++) {
          await ctx.waitForCallback({ withinMs: 60_000 }, () => undefined);
        }
        return { text: "" };
      });
      await begin();
      const run = await rest.start("secrets", { one: step("secrets", {}, { retry: { max: 2, initial_ms: 100 } }) });
      await rest.until(run, "one", "failed");
      assert.equal(n, 1);
    });
  });

  test("a paused worker takes nothing, and goes on when it may", async () => {
    await withWorker("paused", {}, async ({ worker, rest, begin, messages }) => {
      let n = 0;
      worker.agent({ id: "paused", name: "Paused", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, () => ({ text: String((n += 1)) }));
      await begin();
      const [row] = await rest.sessions("paused");
      assert.ok(row);
      await rest.setState(row, "paused");
      await until(() => messages.some((text) => text.includes("paused: nothing is claimed")), "the worker has heard of it");
      const run = await rest.start("paused", { one: step("paused") });
      // What began later, and is done by another worker, is over before.
      await withWorker("unpaused", {}, async (other) => {
        other.worker.agent({ id: "unpaused", name: "Unpaused", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, () => ({ text: "done" }));
        await other.begin();
        await rest.until(await rest.start("unpaused", { one: step("unpaused") }), "one", "completed");
      });
      assert.equal(n, 0);
      await rest.setState(row, "working");
      await rest.until(run, "one", "completed");
    });
  });
});
