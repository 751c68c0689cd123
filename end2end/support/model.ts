// A language model that does as it is told: it answers at once, or holds an answer until the test lets it go.
// Speaks the OpenAI protocol on a port of this machine, and must never be reached by anything but the server under test.

import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A prompt that begins with "hold" is not answered before it is let go. */
const HOLD = /^hold /;
/** Such a one gets the first words of its answer at once. */
const HALFWAY = /^hold halfway /;
/** An answer to a prompt that begins with "break off" ends at the limit of tokens. */
const BREAK_OFF = /^break off /;
/** A prompt that begins with "refuse" is none that it takes. */
const REFUSE = /^refuse /;
/** Such a one gets the first words of it in Markdown, more of them than fit on a screen. */
const IN_MARKDOWN = /^hold halfway in Markdown/;
/** A prompt that begins with "busy" is to be asked again much later. */
const BUSY = /^busy /;
/** What each answer is said to have taken. */
export const TOKENS_PER_ANSWER = 30;

const LONG = `# Half of it\n\n${"A **bold** line.\n\n".repeat(80)}`;

export class Model {
  private readonly held = new Map<string, ServerResponse>();
  /** Prompts whose caller hung up before there was an answer. */
  readonly givenUp: string[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Model> {
    const server = createServer();
    const model = new Model(server);
    server.on("request", (request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => model.hear(body, response));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return model;
  }

  /** The settings by which a server finds it. */
  get env(): Record<string, string> {
    const { port } = this.server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/v1/`;
    return { WEFT_PROVIDER_DEFAULT_URL: url, WEFT_PROVIDER_DEFAULT_MODEL: "told", WEFT_PROVIDER_DEFAULT_KEY: "none" };
  }

  /** Answers a prompt that is held. */
  letGo(prompt: string): void {
    const response = this.held.get(prompt);
    if (!response) {
      throw new Error(`nobody has asked “${prompt}”`);
    }
    this.held.delete(prompt);
    answer(response, prompt);
  }

  isAsked(prompt: string): boolean {
    return this.held.has(prompt);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }

  private hear(body: string, response: ServerResponse): void {
    const { messages } = JSON.parse(body) as { messages: { content: string }[] };
    const prompt = messages.at(-1)?.content ?? "";
    if (REFUSE.test(prompt)) {
      response.writeHead(400, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message: "That is no request of mine", type: "invalid_request_error" } }));
      return;
    }
    if (BUSY.test(prompt)) {
      response.writeHead(429, { "content-type": "application/json", "retry-after": "300" });
      response.end(JSON.stringify({ error: { message: "Too many ask me", type: "rate_limit_error" } }));
      return;
    }
    if (!HOLD.test(prompt)) {
      answer(response, prompt);
      return;
    }
    if (HALFWAY.test(prompt)) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      chunk(response, { choices: [{ index: 0, delta: { content: IN_MARKDOWN.test(prompt) ? LONG : "Half of the answer" } }] });
    }
    this.held.set(prompt, response);
    response.on("close", () => {
      if (this.held.get(prompt) === response) {
        this.held.delete(prompt);
        this.givenUp.push(prompt);
      }
    });
  }
}

function chunk(response: ServerResponse, fields: object): void {
  const whole = { id: "1", object: "chat.completion.chunk", model: "told", ...fields };
  response.write(`data: ${JSON.stringify(whole)}\n\n`);
}

/** Streams the prompt back, and says what that took. */
function answer(response: ServerResponse, prompt: string): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  chunk(response, { choices: [{ index: 0, delta: { role: "assistant", content: `Heard: ${prompt}` } }] });
  chunk(response, { choices: [{ index: 0, delta: {}, finish_reason: BREAK_OFF.test(prompt) ? "length" : "stop" }] });
  const [asked, answered] = [TOKENS_PER_ANSWER / 2, TOKENS_PER_ANSWER / 2];
  chunk(response, { choices: [], usage: { prompt_tokens: asked, completion_tokens: answered, total_tokens: asked + answered } });
  response.end("data: [DONE]\n\n");
}
