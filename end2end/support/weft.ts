// One running `weft serve` over a fresh data folder, and its command line.
// It must never touch a folder that it did not make itself, nor a database but one that was made for it.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Person } from "./people.ts";

const READY_WITHIN_MS = 120_000;
const STOPPED_WITHIN_MS = 40_000;
const READY_LINE = /Weft is at (http:\/\/\S+)/;

export interface Options {
  /** More settings, as `WEFT_*` variables. */
  readonly env?: Record<string, string>;
  /** The URL of an empty database that was made for it, in place of a Postgres of its own: for benchmarks. */
  readonly database?: string;
  /** Start without a language model, for specs that need none. */
  readonly withoutModel?: boolean;
}

export class Weft {
  private constructor(
    readonly url: string,
    readonly dataDir: string,
    private readonly server: ChildProcess,
    private readonly env: NodeJS.ProcessEnv,
    private readonly log: string[],
  ) {}

  /** Starts a server on a free port and waits until it says where it is. */
  static async start(options: Options = {}): Promise<Weft> {
    const dataDir = mkdtempSync(join(tmpdir(), "weft-e2e-"));
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      WEFT_DATA_DIR: dataDir,
      WEFT_LISTEN: `127.0.0.1:${await freePort()}`,
      ...options.env,
    };
    // The tests are about the product as a newcomer starts it: with its own Postgres.
    delete env.DATABASE_URL;
    if (options.database) {
      env.DATABASE_URL = options.database;
      // Started by root it goes on as somebody else, and hands no folder over that it has no Postgres in.
      chmodSync(dataDir, 0o755);
    }
    if (options.withoutModel) {
      delete env.WEFT_LOCAL_LLM_BIN;
      delete env.WEFT_LOCAL_LLM_MODEL;
    }
    const log: string[] = [];
    const server = spawn(binary(), ["serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
    try {
      const url = await readyUrl(server, log);
      return new Weft(url, dataDir, server, env, log);
    } catch (error) {
      await end(server);
      rmSync(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  /** Runs `weft ARGS` against this server's data and returns what it printed. */
  async run(args: readonly string[], input = ""): Promise<string> {
    const child = spawn(binary(), [...args], { env: this.env, stdio: ["pipe", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.stdin.end(input);
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) {
      throw new Error(`weft ${args.join(" ")} ended with ${code}:\n${errors}${output}`);
    }
    return output.trim();
  }

  async createUser(person: Person): Promise<void> {
    const args = ["user", "create", "--role", person.role, "--email", person.email, "--password-stdin"];
    await this.run(args, `${person.password}\n`);
  }

  /** A bearer token for the REST API. */
  createToken(person: Person): Promise<string> {
    const scopes = person.role === "admin" ? "read,run,review,admin" : "read,run,review";
    return this.run(["token", "create", "--email", person.email, "--scope", scopes]);
  }

  /** What the server has printed so far, for a failure's message. */
  output(): string {
    return this.log.join("");
  }

  async stop(): Promise<void> {
    await end(this.server);
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

function binary(): string {
  const built = join(dirname(fileURLToPath(import.meta.url)), "../../target/ci/weft");
  const path = process.env.WEFT_BIN || built;
  if (!existsSync(path)) {
    throw new Error(`${path} does not exist; build it with \`cargo xtask build\`, or set WEFT_BIN`);
  }
  return path;
}

/** Resolves with the address from the server's ready line; keeps reading its output afterwards. */
function readyUrl(server: ChildProcess, log: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`weft serve ${why}:\n${log.join("")}`));
    const timer = setTimeout(() => fail(`was not ready within ${READY_WITHIN_MS / 1000} s`), READY_WITHIN_MS);
    const settle = () => clearTimeout(timer);
    server.once("error", (error) => (settle(), fail(`could not start (${error.message})`)));
    server.once("exit", (code) => (settle(), fail(`ended with ${code} before it was ready`)));
    let text = "";
    for (const stream of [server.stdout, server.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        log.push(chunk.toString());
        text += chunk.toString();
        const url = READY_LINE.exec(text)?.[1];
        if (url) {
          settle();
          resolve(url);
          text = "";
        }
      });
    }
  });
}

/** Asks the server to drain and waits; a server that does not end by itself is killed. */
async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) {
    return;
  }
  const ended = once(server, "exit");
  const timer = setTimeout(() => server.kill("SIGKILL"), STOPPED_WITHIN_MS);
  server.kill("SIGTERM");
  await ended;
  clearTimeout(timer);
}

/** A port of this machine that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
