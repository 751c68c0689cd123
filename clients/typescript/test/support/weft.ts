// A running `weft serve` over a fresh data folder, as people start it: the tests speak to nothing else.
// Must never touch a database or a folder that it did not make itself.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const READY_WITHIN_MS = 120_000;
const STOPPED_WITHIN_MS = 30_000;
const READY_LINE = /Weft is at (http:\/\/\S+)/;
const ADMIN = "admin@example.com";

export class Weft {
  private constructor(
    readonly url: string,
    private readonly folder: string,
    private readonly server: ChildProcess,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  static async start(): Promise<Weft> {
    const folder = mkdtempSync(join(tmpdir(), "weft-typescript-"));
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      WEFT_DATA_DIR: join(folder, "data"),
      WEFT_LISTEN: `127.0.0.1:${await freePort()}`,
      WEFT_USER_RUNNING_RUNS: "off",
      WEFT_USER_REQUESTS_PER_SECOND: "off",
    };
    // The server brings its own Postgres.
    delete env["DATABASE_URL"];
    const server = spawn(binary(), ["serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
    try {
      return new Weft(await readyUrl(server), folder, server, env);
    } catch (error) {
      await end(server);
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** An API token of an admin, who is made first. */
  async adminToken(): Promise<string> {
    await this.run(["user", "create", "--role", "admin", "--email", ADMIN, "--password-stdin"], "admin-password-1\n");
    return this.run(["token", "create", "--email", ADMIN, "--scope", "read,run,review,admin"]);
  }

  workerToken(name: string, agents: readonly string[]): Promise<string> {
    return this.run(["worker-token", "create", "--name", name, "--agents", agents.join(","), "--days", "1"]);
  }

  async stop(): Promise<void> {
    await end(this.server);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async run(args: readonly string[], input = ""): Promise<string> {
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
}

function binary(): string {
  const path = process.env["WEFT_BIN"];
  if (!path) {
    throw new Error("WEFT_BIN is not set: give the path of the weft program that the tests are to start");
  }
  return path;
}

/** Resolves with the address from the server's ready line; keeps reading its output afterwards. */
function readyUrl(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const fail = (why: string) => reject(new Error(`weft serve ${why}:\n${text}`));
    const timer = setTimeout(() => fail(`was not ready within ${READY_WITHIN_MS / 1_000} s`), READY_WITHIN_MS);
    server.once("error", (error) => fail(`could not start (${error.message})`));
    server.once("exit", (code) => fail(`ended with ${code} before it was ready`));
    for (const stream of [server.stdout, server.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        text = (text + chunk.toString()).slice(-20_000);
        const url = READY_LINE.exec(text)?.[1];
        if (url) {
          clearTimeout(timer);
          resolve(url);
        }
      });
    }
  });
}

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

function freePort(): Promise<number> {
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
