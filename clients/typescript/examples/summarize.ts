// A worker in 20 lines: its one agent streams the first sentences of a text. It must never need more than a URL and a token.
// WEFT_URL=http://127.0.0.1:3000 WEFT_WORKER_TOKEN=weftw_... node build/examples/summarize.js

import { Worker, integer, string } from "weft-worker";
import { serve } from "weft-worker/node";

const { WEFT_URL = "http://127.0.0.1:3000", WEFT_WORKER_TOKEN = "" } = process.env;
const worker = new Worker({ url: WEFT_URL, token: WEFT_WORKER_TOKEN, name: "example", slots: 4 });

const inputs = { text: string({ title: "Text" }), sentences: integer().optional() };
const outputs = { summary: string() };
worker.agent({ id: "first-sentences", name: "First sentences", inputs, outputs, sideEffects: "none" }, async function* ({ text, sentences = 2 }, ctx) {
  const found = text.split(/(?<=[.!?])\s+/).slice(0, sentences);
  for (const [n, sentence] of found.entries()) {
    ctx.progress(n + 1, found.length);
    yield `${sentence} `;
  }
});

await serve(worker);
