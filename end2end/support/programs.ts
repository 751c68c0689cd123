// What people run beside Weft: workers of the Python client, Celery workers, a Redis. Real ones, as processes of their own.
// Must never touch a program that it did not start, and leaves none running.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "./weft.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
/** The agents that the repository shows to newcomers. */
const EXAMPLES = join(ROOT, "clients/python/examples");
const SAYS_WITHIN_MS = 40_000;

/** Whatever becomes of the tests. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) {
    killGroup(child);
  }
});

export class Program {
  private readonly lines: string[] = [];
  private readonly ended: Promise<void>;

  private constructor(
    private readonly name: string,
    private readonly child: ChildProcess,
  ) {
    running.add(child);
    this.ended = new Promise((resolve) => {
      child.once("close", () => (running.delete(child), resolve()));
      child.once("error", (error) => (this.lines.push(`${name} cannot be started: ${error.message}`), resolve()));
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => this.lines.push(chunk.toString()));
    }
  }

  /** In a process group of its own: what it starts in turn ends with it. */
  static start(program: string, args: readonly string[], cwd: string, env: Record<string, string> = {}): Program {
    // All of it is on this machine, whatever proxy leads elsewhere.
    const own = Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name));
    const child = spawn(join(programs(), program), [...args], {
      cwd,
      env: { ...Object.fromEntries(own), PYTHONUNBUFFERED: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    return new Program(`${program} ${args.join(" ")}`, child);
  }

  get output(): string {
    return this.lines.join("");
  }

  /** Waits until it prints this. */
  async says(text: string): Promise<void> {
    const until = Date.now() + SAYS_WITHIN_MS;
    while (!this.output.includes(text)) {
      if (Date.now() > until || this.child.exitCode !== null) {
        throw new Error(`${this.name} does not say “${text}”:\n${this.output}`);
      }
      await pause(50);
    }
  }

  /** SIGKILL, to it and all that it started: nothing of it says a word more. */
  async kill(): Promise<void> {
    killGroup(this.child);
    await this.ended;
  }
}

/** `weft-worker run TARGET`, on a module of the examples. */
export function startWorker(url: string, token: string, target: string, name: string, env: Record<string, string> = {}): Program {
  const args = ["-m", "weft_worker", "run", target, "--name", name, "--build-id", name, "--slots", "4"];
  return Program.start("python", args, EXAMPLES, { ...env, WEFT_URL: url, WEFT_WORKER_TOKEN: token });
}

/** A worker of the Celery app of an example: one process that waits for tasks, and one that does them. */
export function startCelery(module: string, name: string, env: Record<string, string>): Program {
  const args = ["-m", "celery", "-A", module, "worker", "-l", "info", "-P", "prefork", "-c", "1", "-n", `${name}@%h`];
  return Program.start("python", [...args, "--without-gossip", "--without-mingle"], EXAMPLES, env);
}

/** One that keeps nothing, for one test. */
export class Redis {
  private constructor(
    readonly url: string,
    private readonly folder: string,
    private readonly server: Program,
  ) {}

  static async start(): Promise<Redis> {
    const folder = mkdtempSync(join(tmpdir(), "weft-e2e-redis-"));
    const port = await freePort();
    const args = ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no", "--dir", folder];
    const redis = new Redis(`redis://127.0.0.1:${port}/0`, folder, Program.start("redis-server", args, folder));
    try {
      await redis.server.says("Ready to accept connections");
      return redis;
    } catch (error) {
      await redis.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.server.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null && signalCode === null) {
    process.kill(-pid, "SIGKILL");
  }
}

/** The Python of the client's own tests, with Celery, and `redis-server` beside it. */
function programs(): string {
  const folder = process.env.WEFT_E2E_PYTHON || join(ROOT, "target/clients/python/venv/bin");
  for (const program of ["python", "redis-server"]) {
    if (!existsSync(join(folder, program))) {
      throw new Error(
        `${join(folder, program)} does not exist; \`cargo xtask setup --tests\` makes it, or set WEFT_E2E_PYTHON to the folder of a Python that has clients/python and its requirements-dev.txt installed, with redis-server beside it`,
      );
    }
  }
  return folder;
}
