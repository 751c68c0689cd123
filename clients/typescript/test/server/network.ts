// Answers that are lost, requests that never arrive, and a server that is away: each result is committed once.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { string } from "weft-worker";
import { Gate, step, until, withWorker } from "../support/fixture.js";
import { Network } from "../support/network.js";

export const network = () => describe("network", { concurrency: true }, () => {
  test("lost and cut calls of each kind leave one result", async () => {
    const network = new Network();
    await withWorker("lost", { fetch: network.fetch }, async ({ worker, rest, begin }) => {
      let attempts = 0;
      worker.agent({ id: "lost", name: "Lost", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, async (_, ctx) => {
        attempts += 1;
        ctx.log("told");
        await ctx.saveCheckpoint(attempts);
        return { text: "once" };
      });
      for (const route of ["sessions", "beat", "complete"]) {
        network.fault(route, "cut");
        network.fault(route, "lose");
      }
      await begin();
      const run = await rest.start("lost", { one: step("lost") });
      await rest.until(run, "one", "completed");
      assert.equal(attempts, 1);
      assert.equal((await rest.versions(run, "one", "text")).length, 1);
      await until(() => network.seen.filter(({ route }) => route === "complete").length >= 3, "the result is told until it is answered");
    });
  });

  test("a task whose claim was lost comes again, to the same worker or another", async () => {
    const network = new Network();
    await withWorker("unheard", { fetch: network.fetch }, async ({ worker, rest, begin }) => {
      worker.agent({ id: "unheard", name: "Unheard", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, () => ({ text: "done" }));
      await begin();
      await until(() => network.seen.some(({ route }) => route === "claim"), "a claim is under way");
      const once = await rest.start("unheard first", { one: step("unheard") });
      await rest.until(once, "one", "completed");
      network.fault("claim", "lose");
      network.fault("complete", "cut");
      const run = await rest.start("unheard", { one: step("unheard") });
      await rest.until(run, "one", "completed");
      assert.equal((await rest.versions(run, "one", "text")).length, 1);
    });
  });

  test("a server that is away for most of a lease: the tasks are stopped, and done anew when it is back", async () => {
    const network = new Network();
    await withWorker("away", { fetch: network.fetch }, async ({ worker, rest, begin, messages }) => {
      const begun = new Gate();
      const reasons: unknown[] = [];
      worker.agent({ id: "away", name: "Away", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, async (_, { signal }) => {
        if (begun.isOpen) {
          return { text: "the second time" };
        }
        begun.open();
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        reasons.push((signal.reason as { reason: unknown }).reason);
        return { text: "too late" };
      });
      await begin();
      const run = await rest.start("away", { one: step("away") });
      await begun.opened;
      network.isDown = true;
      await until(() => reasons.length > 0, "the worker stops by itself");
      network.isDown = false;
      await rest.until(run, "one", "completed");
      assert.deepEqual(reasons, ["gone"]);
      assert.equal(await rest.content(run, "one", "text"), "the second time");
      assert.ok(messages.some((text) => /no beat was answered for \d\d s/.test(text)));
    });
  });
});
