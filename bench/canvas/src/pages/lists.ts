// Lists of runs, searches and charts over a long history, as a program asks for them: over HTTP, with a token, one after another.
// Must never ask for a run itself: those of the history have no log.

import { ADMIN } from "../../../../end2end/support/people.ts";
import { Weft } from "../../../../end2end/support/weft.ts";
import totals from "../../../day_totals.sql";
import { Rest } from "../person.ts";
import { AGENT, WRITER } from "../workflow.ts";
import type { Postgres } from "./database.ts";
import history from "./history.sql";
import type { Report } from "./report.ts";

export interface Amount {
  readonly runs: number;
  readonly asked: number;
}

const DATABASE = "weft_bench_lists";
const WARM_UP = 5;
const N_WORKFLOWS = 20;
/** Somebody with a two hundredth of what is not the admin's, in the group that one workflow is for. */
const PERSON = "person1@example.org";
/** As installed, without what would keep one person from asking this often. */
export const UNHINDERED = { WEFT_USER_RUNNING_RUNS: "off", WEFT_USER_REQUESTS_PER_SECOND: "off", WEFT_USER_BYTES_PER_DAY: "off" };

interface Asked {
  readonly name: string;
  readonly path: string;
  readonly by: Rest;
}

export async function lists(postgres: Postgres, amount: Amount, report: Report): Promise<void> {
  const database = await postgres.create(DATABASE);
  const weft = await Weft.start({ database, env: UNHINDERED, withoutModel: true });
  try {
    await weft.createUser(ADMIN);
    const admin = new Rest(weft.url, await weft.createToken(ADMIN));
    await admin.post("/api/agents", WRITER);
    const workflows: string[] = [];
    for (let n = 0; n < N_WORKFLOWS; n++) {
      const step = { agent_id: AGENT, depends_on: [] };
      workflows.push(await admin.publish(`Workflow ${n}`, { steps: { draft: step, check: { ...step, depends_on: ["draft"] } } }));
    }
    const began = performance.now();
    const runs = history.replaceAll(":runs", String(amount.runs)).replaceAll(":admin", `'${ADMIN.email}'`);
    await postgres.fill(DATABASE, runs + totals);
    console.error(`a history of ${amount.runs} runs was made in ${((performance.now() - began) / 1000).toFixed(0)} s`);
    const person = new Rest(weft.url, await weft.run(["token", "create", "--email", PERSON, "--scope", "read"]));
    report.selectMs = await postgres.selectMs(DATABASE);
    for (const asked of [...orders(admin, person), ...filters(admin, person, workflows), ...searches(admin, person), ...charts(admin, person, workflows)]) {
      await time(asked, amount.asked, report);
    }
  } finally {
    await weft.stop();
  }
}

async function time({ name, path, by }: Asked, n: number, report: Report): Promise<void> {
  const taken: number[] = [];
  try {
    for (let at = -WARM_UP; at < n; at++) {
      const asked = performance.now();
      await by.text(path);
      if (at >= 0) {
        taken.push(performance.now() - asked);
      }
    }
    report.addAnswers(name, taken);
  } catch (error) {
    report.fail(name, error);
  }
}

const LIST = "/api/workflows/runs?limit=50";
const TOTALS = "/api/workflows/runs/totals";
const daysAgo = (n: number) => encodeURIComponent(new Date(Date.now() - n * 86_400_000).toISOString());

function orders(admin: Rest, person: Rest): Asked[] {
  return (["newest", "oldest", "longest", "dearest"] as const).flatMap((sort) => [
    { name: `everybody's, ${sort}`, path: `${LIST}&all=true&sort=${sort}`, by: admin },
    { name: `an admin's own, ${sort}`, path: `${LIST}&sort=${sort}`, by: admin },
    { name: `a person's own, ${sort}`, path: `${LIST}&sort=${sort}`, by: person },
  ]);
}

function filters(admin: Rest, person: Rest, workflows: readonly string[]): Asked[] {
  const narrowed: [string, string][] = [
    ["from the middle on", `to=${daysAgo(45)}`],
    ["of a week", `from=${daysAgo(40)}&to=${daysAgo(33)}`],
    ["failed", "status=failed"],
    ["that wait for a review", "status=awaiting_review"],
    ["that run", "status=running"],
    ["of a workflow", `workflow=${workflows[3]}`],
    ["of a person", "person=person7%40example.org"],
    ["of a group", "group=readers"],
    ["with a tag", "tag=team3"],
    ["with a tag that none has", "tag=nowhere"],
    ["dear ones", "min_cost_micros=170000"],
    ["archived", "archived=true"],
    ["stale", "stale=true"],
    ["dearest of a workflow that failed", `sort=dearest&status=failed&workflow=${workflows[3]}`],
  ];
  return [
    ...narrowed.map(([name, query]) => ({ name: `everybody's ${name}`, path: `${LIST}&all=true&${query}`, by: admin })),
    { name: "what a group sees", path: `${LIST}&shared=true`, by: person },
    { name: "what is shared with a person", path: `${LIST}&with_me=true`, by: person },
  ];
}

function searches(admin: Rest, person: Rest): Asked[] {
  const words: [string, string][] = [
    ["a rare word", "needle"],
    ["a word of all", "report"],
    ["the beginning of many words", "word1"],
    ["a word of 200", "word777"],
    ["a rare word and one of all", "needle report"],
    ["no such word", "xylophone"],
    ["what stands in titles alone", "number 7770"],
  ];
  return words.flatMap(([name, search]) => {
    const query = `search=${encodeURIComponent(search)}`;
    return [
      { name: `search everybody's for ${name}`, path: `${LIST}&all=true&${query}`, by: admin },
      { name: `search a person's own for ${name}`, path: `${LIST}&${query}`, by: person },
    ];
  });
}

/** The four charts are drawn from one answer. */
function charts(admin: Rest, person: Rest, workflows: readonly string[]): Asked[] {
  return [
    ...[7, 30, 90, 366].map((days) => ({ name: `charts of everybody, ${days} days`, path: `${TOTALS}?all=true&days=${days}`, by: admin })),
    { name: "charts of everybody, a workflow", path: `${TOTALS}?all=true&days=90&workflow=${workflows[3]}`, by: admin },
    { name: "charts of everybody, a person", path: `${TOTALS}?all=true&days=90&person=person7%40example.org`, by: admin },
    { name: "charts of an admin's own, 90 days", path: `${TOTALS}?days=90`, by: admin },
    { name: "charts of a person's own, 90 days", path: `${TOTALS}?days=90`, by: person },
    { name: "charts of what a group sees, 90 days", path: `${TOTALS}?shared=true&days=90`, by: person },
  ];
}
