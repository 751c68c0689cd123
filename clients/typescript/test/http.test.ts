// One call: what counts as an answer, what is repeated, and what ends it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NoAnswer, ServerRefused } from "#internal/errors.js";
import { Http } from "#internal/http.js";

const call = (signal = new AbortController().signal) => ({ method: "POST", path: "/sessions/s/claim", json: "{}", timeoutMs: 60, signal }) as const;

/** A client whose requests are answered by these, one after the other. */
function http(...answers: readonly (() => Response | Promise<Response>)[]): { http: Http; sent: Request[] } {
  const sent: Request[] = [];
  const left = [...answers];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    sent.push(new Request(input, init));
    return (left.length > 1 ? left.shift() : left[0])?.() ?? Response.error();
  };
  return { http: new Http("http://weft.example/base/", "weftw_secret", fetch, () => undefined), sent };
}

const json = (value: unknown, status = 200, headers: Record<string, string> = {}) => () => new Response(JSON.stringify(value), { status, headers });
const never = () => new Promise<Response>((_, reject) => setTimeout(() => reject(new DOMException("", "AbortError")), 80));

test("a call goes below the server's address, with the token", async () => {
  const { http: client, sent } = http(json({ tasks: [] }));
  assert.deepEqual((await client.once(call())).json, { tasks: [] });
  assert.equal(sent[0]?.url, "http://weft.example/base/api/worker/v1/sessions/s/claim");
  assert.equal(sent[0]?.headers.get("authorization"), "Bearer weftw_secret");
  assert.equal(sent[0]?.redirect, "manual");
});

test("what nobody knows the end of is repeated: no answer, a page of a proxy, 429, 503", async () => {
  const page = () => new Response("<html>Welcome to our hotel</html>");
  const lost = () => Promise.reject<Response>(new TypeError("fetch failed"));
  const { http: client, sent } = http(lost, never, page, json({}, 503), json({ detail: "slowly" }, 429, { "retry-after": "0" }), json({ ok: true }));
  assert.deepEqual((await client.repeat(call())).json, { ok: true });
  assert.equal(sent.length, 6);
});

test("what the server refuses is not repeated, and its sentence is told with the field", async () => {
  for (const status of [400, 401, 403, 404, 409, 410, 413, 422]) {
    const { http: client, sent } = http(json({ title: "No", detail: "Give at least one output", code: "invalid", field: "outputs" }, status));
    await assert.rejects(client.repeat(call()), (error) => {
      assert.ok(error instanceof ServerRefused);
      assert.deepEqual([error.status, error.code, error.message], [status, "invalid", "outputs: Give at least one output"]);
      return true;
    });
    assert.equal(sent.length, 1);
  }
});

test("a redirect is told, not followed: the token stays here", async () => {
  const { http: client, sent } = http(() => new Response(null, { status: 302, headers: { location: "https://elsewhere.example/" } }));
  await assert.rejects(client.repeat(call()), { code: "redirected", message: /redirects to https:\/\/elsewhere.example\/: give the address/ });
  assert.equal(sent.length, 1);
});

test("no message has the token in it", async () => {
  for (const answer of [json({}, 500), json({}, 404), never, () => Promise.reject<Response>(new TypeError("fetch failed"))]) {
    await assert.rejects(http(answer).http.once(call()), (error) => error instanceof Error && !String(error.stack).includes("weftw_secret"));
  }
});

test("a call ends with its signal, while it is under way and while it waits to be repeated", async () => {
  for (const answer of [never, json({}, 503, { "retry-after": "60" })]) {
    const controller = new AbortController();
    const ended = assert.rejects(http(answer).http.repeat(call(controller.signal)));
    setTimeout(() => controller.abort(new Error("enough")), 20);
    await ended;
  }
});

test("a slow answer is given up after the time limit", async () => {
  await assert.rejects(http(never).http.once(call()), (error) => error instanceof NoAnswer);
});
