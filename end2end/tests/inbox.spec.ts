// The inbox: what waits for somebody is found, walked through by keyboard, and gone at once when somebody else decides it.

import { setTimeout } from "node:timers/promises";
import { InboxPage } from "../support/inbox_page.ts";
import { ADMIN, OTHER_USER, USER } from "../support/people.ts";
import { expect, test, unique } from "../support/test.ts";
import { ECHO, input, saveAgents, step, TEXT_INPUT } from "../support/workflows.ts";

const NAME = unique("Asked of two");
/** In the order in which they wait. */
const ABOUT = ["blue paper", "green paper", "red paper"] as const;
const runs: string[] = [];

test.beforeAll(async ({ adminApi, userApi }) => {
  await saveAgents(adminApi);
  const review = { mode: "always", assignees: { users: [OTHER_USER.email, ADMIN.email] }, timeout_s: 200_000 };
  const template = await adminApi.publish(NAME, {
    inputs: TEXT_INPUT,
    steps: { echo: { ...step("Echo it", ECHO, input("text")), review } },
  });
  for (const text of ABOUT) {
    const { id } = await userApi.start(template, { text });
    await expect.poll(async () => (await userApi.run(id)).status).toBe("paused");
    runs.push(id);
  }
});

test("what waits is read row by row, gone when somebody else decides it, and told in the history", async ({ open, adminApi, watch }) => {
  // What is read is asked for once more when it has left the list.
  watch.allowRefusal({ url: /\/_fn\/gate_reading/, status: 404 });
  const [mine, theirs] = [await open(OTHER_USER), await open(ADMIN)];
  const [anna, ben] = [new InboxPage(mine), new InboxPage(theirs)];
  await mine.setViewportSize({ width: 1440, height: 900 });
  await anna.visit(NAME);
  await ben.visit(NAME);

  await test.step("a row says what it is, who started it, and what happens in the end", async () => {
    const row = anna.rows("blue paper");
    for (const words of ["Echo it", NAME, USER.email, "in 2 d, then fails"]) {
      await expect(row).toContainText(words);
    }
    await anna.expectCount("3 reviews that wait match");
    await expect(ben.rows("blue paper")).toBeVisible();
  });

  await test.step("keys walk from one to the next, and the address keeps what is read", async () => {
    await mine.keyboard.press("j");
    await anna.expectRead("blue paper");
    await mine.keyboard.press("j");
    await anna.expectRead("green paper");
    await expect(anna.link("green paper")).toBeFocused();
    await mine.keyboard.press("ArrowDown");
    await anna.expectRead("red paper");
    await mine.keyboard.press("k");
    await anna.expectRead("green paper");
    await mine.keyboard.press("x");
    await expect(anna.tick("green paper")).toBeChecked();
    await mine.keyboard.press("Escape");
    await expect(anna.tick("green paper")).not.toBeChecked();
    await mine.reload();
    await anna.expectRead("green paper");
  });

  await test.step("what is decided elsewhere goes, and what is read stays", async () => {
    await adminApi.post(`/api/workflows/runs/${runs[0]}/steps/echo/continue`, {});
    for (const inbox of [anna, ben]) {
      await expect(inbox.rows("blue paper")).toHaveCount(0);
    }
    await anna.expectRead("green paper");
    await anna.expectCount("2 reviews that wait match");
  });

  await test.step("what was read is told to be gone, and the next one is a press away", async () => {
    await adminApi.post(`/api/workflows/runs/${runs[1]}/steps/echo/continue`, {});
    await expect(anna.rows("green paper")).toHaveCount(0);
    await expect(anna.reader.getByRole("heading", { name: /does not wait for you any more$/ })).toBeVisible();
    await anna.reader.getByRole("button", { name: "Read the next one" }).click();
    await anna.expectRead("red paper");
  });

  await test.step("a search leaves out what does not match, and says so", async () => {
    await anna.search.fill(`${NAME} yellow`);
    await expect(mine.getByRole("heading", { name: "Nothing matches" })).toBeVisible();
    await expect(mine).toHaveURL(/q=.*yellow/);
    await mine.keyboard.press("j");
    await expect(anna.search).toHaveValue(`${NAME} yellowj`);
    await anna.search.fill(`${NAME} red`);
    await expect(anna.rows("red paper")).toBeVisible();
    await anna.expectCount("1 review that waits matches");
  });

  await test.step("the history says who decided what", async () => {
    await theirs.getByRole("tab", { name: "History" }).click();
    await ben.search.fill(NAME);
    await expect(ben.past("paper")).toHaveCount(2);
    await expect(ben.past("green paper")).toContainText("Approved");
    await expect(ben.past("green paper")).toContainText(ADMIN.email);
    await theirs.getByLabel("Outcome").selectOption({ label: "Sent back" });
    await expect(theirs.getByRole("heading", { name: "Nothing matches" })).toBeVisible();
    await theirs.getByRole("button", { name: "Clear filters" }).click();
    await expect(ben.search).toHaveValue("");
    // The page that the link leads to comes later than what is typed is looked for.
    await theirs.route(/\/parts-[0-9a-f]+\/.*\.wasm$/, async (route) => {
      await setTimeout(600);
      await route.continue();
    });
    await ben.search.fill(NAME);
    await ben.past("blue paper").getByRole("link").click();
    await expect(theirs).toHaveURL(new RegExp(`/runs/${runs[0]}\\?step=echo`));
  });
});

test("on a phone the list and what is read take turns", async ({ open }) => {
  const page = await open(OTHER_USER, { viewport: { width: 390, height: 844 }, hasTouch: true });
  const inbox = new InboxPage(page);
  await inbox.visit(`${NAME} red`);
  await inbox.link("red paper").tap();
  await expect(page.getByRole("button", { name: "Back to the list" })).toBeVisible();
  await expect(inbox.search).toBeHidden();
  await page.getByRole("button", { name: "Back to the list" }).tap();
  await expect(inbox.link("red paper")).toBeFocused();
  await inbox.link("red paper").tap();
  await page.goBack();
  await expect(inbox.search).toBeVisible();
});
