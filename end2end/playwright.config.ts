// How the browser tests run: real Chromium over the built product, which each worker starts for itself (support/server.ts).
// Two files of tests run side by side: most of the time a browser or a server is waited for. They share no server, no database and no
// browser. More of these than cores would only take time from each other; but a third worker has the files whose time is that of the
// product itself, a lease or a connection that is given up, and takes next to nothing.
// A test that passes only the second time is a failure to look into: the report names it as flaky, and `cargo xtask test` fails
// where there are more than a few (WEFT_E2E_RETRIES=0 is what to look with).

import { availableParallelism } from "node:os";
import { defineConfig } from "@playwright/test";
import { CHROMIUM } from "./support/chromium.ts";

/** Most of what these take is waiting for what the product promises in seconds. */
const WAITING = ["agents_outside", "charts", "connection", "presence", "runs_deleted"].map((file) => `**/${file}.spec.ts`);

const workers = Number(process.env.WEFT_E2E_WORKERS || Math.min(2, availableParallelism()));

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results/artifacts",
  fullyParallel: false,
  // One worker is one: nothing runs beside anything.
  workers: workers > 1 ? workers + 1 : 1,
  projects: [
    // First, since each of them takes long by itself.
    { name: "waiting", testMatch: WAITING, workers: 1 },
    { name: "working", testIgnore: WAITING, workers },
  ],
  retries: Number(process.env.WEFT_E2E_RETRIES ?? 1),
  forbidOnly: true,
  // Long enough for a machine that is four times slower, with a neighbour: what passes does not wait for them.
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [["list"], ["json", { outputFile: "test-results/results.json" }]],
  use: {
    browserName: "chromium",
    actionTimeout: 30_000,
    navigationTimeout: 30_000,
    viewport: { width: 1280, height: 800 },
    launchOptions: CHROMIUM,
    // Tracing makes every test half as long again; look into a failure with `--trace on`.
    trace: "off",
    screenshot: "only-on-failure",
  },
});
