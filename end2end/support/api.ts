// The REST API as a program uses it, for what a test needs but is not about.
// Must never be the thing under test, and never be used where a person would press something.

import { type APIRequestContext, type APIResponse, request } from "@playwright/test";
import type { Person } from "./people.ts";

export interface Definition {
  readonly inputs?: Record<string, unknown>;
  readonly limits?: Record<string, unknown>;
  readonly steps: Record<string, unknown>;
}

export interface Agent {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly inputs: readonly unknown[];
  readonly outputs: readonly unknown[];
  readonly config: Record<string, unknown>;
}

export interface Run {
  readonly id: string;
  readonly seq: number;
  readonly status: string;
  readonly steps: readonly { key: string; status: string; generation: number }[];
  readonly artifacts: readonly { id: string; producing_step_id: string; name: string; version: number }[];
}

export interface Session {
  readonly id: string;
  readonly is_current: boolean;
}

export class Api {
  private constructor(
    private readonly http: APIRequestContext,
    private readonly person: Person,
  ) {}

  static async signIn(baseURL: string, person: Person): Promise<Api> {
    // Programs that send a cookie have to say where they come from, as browsers do.
    const http = await request.newContext({ baseURL, extraHTTPHeaders: { origin: new URL(baseURL).origin } });
    await signIn(http, baseURL, person);
    return new Api(http, person);
  }

  async close(): Promise<void> {
    await this.http.dispose();
  }

  /** Creates the agent, or a new version of it. */
  async saveAgent(agent: Agent): Promise<void> {
    const known = (await this.get<{ id: string; version: number }[]>("/api/agents/list")).find(
      ({ id }) => id === agent.id,
    );
    await this.post("/api/agents", { ...agent, base_version: known?.version });
  }

  /** Creates and publishes a template; returns its id. */
  async publish(name: string, definition: Definition, description = ""): Promise<string> {
    const { id } = await this.post<{ id: string }>("/api/workflows/templates", { name, description, definition });
    await this.post(`/api/workflows/templates/${id}/publish`);
    return id;
  }

  async draft(name: string, definition: Definition): Promise<string> {
    const { id } = await this.post<{ id: string }>("/api/workflows/templates", { name, definition });
    return id;
  }

  /** The id of a published template. */
  async templateNamed(name: string): Promise<string> {
    const gallery = await this.get<{ id: string; name: string }[]>("/api/workflows/gallery");
    const found = gallery.find((template) => template.name === name);
    if (!found) {
      throw new Error(`no template is called ${name}`);
    }
    return found.id;
  }

  start(template: string, inputs: Record<string, unknown> = {}, isAutoRun = true): Promise<Run> {
    return this.post("/api/workflows/runs", { template_id: template, inputs, auto_run: isAutoRun });
  }

  run(id: string): Promise<Run> {
    return this.get(`/api/workflows/runs/${id}`);
  }

  /** Ends every other session of this person, as they would from another computer. */
  async endOtherSessions(): Promise<void> {
    const sessions = await this.post<{ items: Session[] }>("/_fn/list_sessions", {});
    for (const session of sessions.items.filter(({ is_current }) => !is_current)) {
      await this.post("/_fn/revoke_session", { id: session.id });
    }
  }

  /** Gives the password once more, for what is only done shortly after it was given. */
  async confirm(): Promise<void> {
    await this.post("/api/me/confirm", { password: this.person.password });
  }

  async get<T>(path: string): Promise<T> {
    return answer<T>(await this.http.get(path));
  }

  async post<T>(path: string, data?: unknown): Promise<T> {
    return answer<T>(await this.http.post(path, data === undefined ? {} : { data }));
  }

  /** For what is meant to be refused: the answer as it came. */
  raw(method: string, path: string, data?: unknown): Promise<APIResponse> {
    return this.http.fetch(path, data === undefined ? { method } : { method, data });
  }
}

/** Posts the sign-in form as a browser without script does; the cookie stays in the context of `http`. */
export async function signIn(http: APIRequestContext, baseURL: string, person: Person): Promise<void> {
  const answer = await http.post(`${baseURL}/_fn/login`, {
    form: { email: person.email, password: person.password },
    headers: { origin: new URL(baseURL).origin },
  });
  if (!answer.ok()) {
    throw new Error(`${person.email} cannot sign in: ${answer.status()} ${await answer.text()}`);
  }
}

async function answer<T>(response: APIResponse): Promise<T> {
  const text = await response.text();
  if (!response.ok()) {
    throw new Error(`${response.url()} answered ${response.status()}: ${text}`);
  }
  return (text ? JSON.parse(text) : undefined) as T;
}
