// A person who has as many runs under way as they may is told so where they start one, and gets on once one is over.

import { Api } from "../../support/api.ts";
import { ADMIN } from "../../support/people.ts";
import { expect, test, visit } from "../../support/test.ts";
import { Weft } from "../../support/weft.ts";
import { ECHO, input, saveAgents, step, TEXT_INPUT } from "../../support/workflows.ts";

test("the start form says that too many runs are under way, and keeps what was typed", async ({ open, watch }) => {
  const weft = await Weft.start({ withoutModel: true, env: { WEFT_USER_RUNNING_RUNS: "1" } });
  try {
    await weft.createUser(ADMIN);
    const api = await Api.signIn(weft.url, ADMIN);
    await saveAgents(api);
    const template = await api.publish("Waits", {
      inputs: TEXT_INPUT,
      steps: { echo: { ...step("Repeat it", ECHO, input("text")), review: { mode: "always" } } },
    });
    const run = await api.start(template, { text: "first" });

    watch.expectRefusal({ url: /\/_fn\/start_run/, status: 429 });
    const page = await open(ADMIN, { baseURL: weft.url });
    await visit(page, `/start/${template}`);
    await page.getByLabel("Your text").fill("second");
    await page.getByRole("button", { name: "Start run" }).click();
    await expect(page.getByRole("alert")).toContainText("You have 1 run under way");
    await expect(page.getByLabel("Your text")).toHaveValue("second");

    await api.post(`/api/workflows/runs/${run.id}/cancel`);
    await page.getByRole("button", { name: "Start run" }).click();
    await expect(page).toHaveURL(/\/runs\//);
    await page.close();
    await api.close();
  } finally {
    await weft.stop();
  }
});
