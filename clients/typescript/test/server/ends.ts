// How sessions and workers end: drained, gone, revoked, refused, by a signal.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ServerRefused, Worker, string } from "weft-worker";
import { Gate, server, step, until, withWorker } from "../support/fixture.js";

const simple = (worker: Worker, id: string) => worker.agent({ id, name: id, inputs: {}, outputs: { text: string() }, sideEffects: "none" }, () => ({ text: "done" }));

export const ends = () => describe("ends", { concurrency: true }, () => {
  test("a drained worker finishes what it has, takes nothing more, and its session is over", async () => {
    await withWorker("drain", { slots: 2 }, async ({ worker, rest, begin }) => {
      const begun = new Gate();
      const finish = new Gate();
      worker.agent({ id: "drain", name: "Drain", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, async () => {
        begun.open();
        await finish.opened;
        return { text: "finished" };
      });
      await begin();
      const run = await rest.start("drain", { one: step("drain") });
      await begun.opened;
      const drained = worker.drain();
      const later = await rest.start("drain later", { one: step("drain") });
      finish.open();
      await drained;
      await rest.until(run, "one", "completed");
      assert.equal((await rest.run(later)).steps[0]?.status, "ready");
      assert.deepEqual(await rest.sessions("drain"), []);
    });
  });

  test("what has no time to finish is given back at no cost, and done by another", async () => {
    await withWorker("release", {}, async ({ worker, rest, begin, token }) => {
      const begun = new Gate();
      worker.agent({ id: "release", name: "release", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, async (_, { signal }) => {
        begun.open();
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        throw new Error("was stopped");
      });
      await begin();
      const run = await rest.start("release", { one: step("release", {}, { retry: { max: 0 } }) });
      await begun.opened;
      await worker.drain({ withinMs: 0 });
      const other = new Worker({ url: rest.url, token: token.token, name: "release two", log: () => undefined });
      simple(other, "release");
      const running = other.run();
      await rest.until(run, "one", "completed");
      await other.drain();
      await running;
    });
  });

  test("a session that an admin ended: its tasks are stopped, and the worker comes back with a new one", async () => {
    await withWorker("gone", {}, async ({ worker, rest, begin }) => {
      const begun = new Gate();
      let reason: unknown;
      worker.agent({ id: "gone", name: "Gone", inputs: {}, outputs: { text: string() }, sideEffects: "none" }, async (_, { signal }) => {
        if (begun.isOpen) {
          return { text: "by the next session" };
        }
        begun.open();
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        ({ reason } = signal.reason as { reason: unknown });
        return { text: "by the one that is over" };
      });
      await begin();
      const run = await rest.start("gone", { one: step("gone") });
      await begun.opened;
      const [row] = await rest.sessions("gone");
      assert.ok(row);
      await rest.setState(row, "gone");
      await rest.until(run, "one", "completed");
      assert.equal(await rest.content(run, "one", "text"), "by the next session");
      assert.match(String(reason), /gone|fenced/);
      assert.notEqual((await rest.sessions("gone"))[0]?.id, row.id);
    });
  });

  test("the server drains a worker: run() comes to its end", async () => {
    const { rest } = await server();
    const { token } = await rest.workerToken("drained");
    const worker = new Worker({ url: rest.url, token, name: "drained", log: () => undefined });
    simple(worker, "drained");
    const running = worker.run();
    await until(async () => (await rest.sessions("drained")).length === 1, "it is connected");
    for (const row of await rest.sessions("drained")) {
      await rest.setState(row, "draining");
    }
    await running;
  });

  test("a revoked token ends the worker, with the server's sentence", async () => {
    const { rest } = await server();
    const token = await rest.workerToken("revoked");
    const worker = new Worker({ url: rest.url, token: token.token, name: "revoked", log: () => undefined });
    simple(worker, "revoked");
    const ended = assert.rejects(worker.run(), (error) => error instanceof ServerRefused && error.message.length > 10);
    await until(async () => (await rest.sessions("revoked")).length === 1, "it is connected");
    await rest.revoke(token);
    await ended;
  });

  test("a token that is none, a server that is none, and a protocol that is another one end it at once", async () => {
    const { rest } = await server();
    const { token } = await rest.workerToken("wrong");
    const other: typeof fetch = (input, init) => fetch(input, { ...init, body: String(init?.body).replace('"protocol":1', '"protocol":99') });
    const table: [Partial<ConstructorParameters<typeof Worker>[0]>, (error: ServerRefused) => boolean][] = [
      [{ token: "weftw_of-nobody" }, ({ status }) => status === 401],
      [{ url: `${rest.url}/elsewhere` }, ({ status }) => status >= 400],
      [{ fetch: other }, ({ code, message }) => code === "protocol_unsupported" && message !== ""],
    ];
    for (const [options, isRight] of table) {
      const worker = new Worker({ url: rest.url, token, name: "wrong", log: () => undefined, ...options });
      simple(worker, "wrong");
      await assert.rejects(worker.run(), (error) => error instanceof ServerRefused && isRight(error));
    }
  });

  test("an agent that the token may not offer is refused, and the worker says why", async () => {
    const { rest } = await server();
    const { token } = await rest.workerToken("narrow", ["narrow-*"]);
    const messages: string[] = [];
    const worker = new Worker({ url: rest.url, token, name: "narrow", log: (level, text) => messages.push(`${level}: ${text}`) });
    simple(worker, "narrow-one");
    simple(worker, "wide");
    const running = worker.run();
    await until(() => worker.offers.size === 2, "it is connected");
    assert.deepEqual([worker.offers.get("narrow-one")?.state, worker.offers.get("wide")?.state], ["offered", "refused"]);
    assert.ok(messages.some((text) => /error: wide is refused: .+/.test(text)));
    await worker.drain();
    await running;
  });

  test("SIGTERM drains the example's process, which ends well", async () => {
    const { rest } = await server();
    const { token } = await rest.workerToken("example");
    const program = fileURLToPath(new URL("../../examples/summarize.js", import.meta.url));
    const child = spawn(process.execPath, [program], { env: { ...process.env, WEFT_URL: rest.url, WEFT_WORKER_TOKEN: token }, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await until(() => said.includes("is offered"), "it is connected");
    child.kill("SIGTERM");
    const [code] = (await once(child, "close")) as [number | null];
    assert.equal(code, 0, said);
    assert.deepEqual(await rest.sessions("example"), []);
  });
});
