// The Postgres that xtask started, by its own programs: databases on it, what fills them, and how long its least query takes.
// A password must never stand in an argument, nor reach the server under measurement but in the URL of its database.

import { spawn } from "node:child_process";
import { join } from "node:path";

const LATENCY = /^latency average = ([\d.]+) ms$/m;
const VARIABLES = ["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD"] as const;

export class Postgres {
  private constructor(
    private readonly programs: string,
    private readonly access: Readonly<Record<(typeof VARIABLES)[number], string>>,
  ) {}

  /** Takes it out of the environment, which whatever is started from now on gets. */
  static fromEnvironment(): Postgres {
    const programs = process.env.WEFT_BENCH_PROGRAMS ?? "";
    const access = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name] ?? ""]));
    for (const name of VARIABLES) {
      delete process.env[name];
    }
    return new Postgres(programs, access as Record<(typeof VARIABLES)[number], string>);
  }

  async create(database: string): Promise<string> {
    await this.run("psql", ["-Xq", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", `CREATE DATABASE ${database}`]);
    const { PGUSER, PGPASSWORD, PGPORT, PGHOST } = this.access;
    return `postgres://${PGUSER}:${PGPASSWORD}@localhost:${PGPORT}/${database}?host=${PGHOST}`;
  }

  /** All of it or nothing. */
  async fill(database: string, sql: string): Promise<void> {
    const psql = ["-Xq", "-v", "ON_ERROR_STOP=1", "-d", database];
    await this.run("psql", [...psql, "--single-transaction", "--file=-"], sql);
    await this.run("psql", [...psql, "-c", "VACUUM ANALYZE"]);
  }

  /** The average of pgbench's own query, which finds one row by its key: prepared, one client, 5 s. */
  async selectMs(database: string): Promise<number> {
    await this.run("pgbench", ["--initialize", "--quiet", "--scale=1", database]);
    const told = await this.run("pgbench", ["--no-vacuum", "--select-only", "--protocol=prepared", "--client=1", "--time=5", database]);
    const latency = LATENCY.exec(told)?.[1];
    if (latency === undefined) {
      throw new Error(`pgbench told no latency:\n${told}`);
    }
    return Number(latency);
  }

  private run(program: string, args: readonly string[], input = ""): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(join(this.programs, program), args, {
        env: { ...process.env, ...this.access },
        stdio: ["pipe", "pipe", "pipe"],
      });
      let [output, errors] = ["", ""];
      child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
      child.once("error", reject);
      // It may have ended before it read all.
      child.stdin.on("error", () => undefined);
      child.once("close", (code) => (code === 0 ? resolve(output) : reject(new Error(`${program} ended with ${code}: ${errors}`))));
      child.stdin.end(input);
    });
  }
}
