// How the browser tests run: real Chromium over the built product, which each worker starts for itself (support/server.ts).
// Two files of tests run side by side: most of the time a browser, a server or a lease is waited for. They share no server, no
// database and no browser. More workers than cores would only take time from each other.
// A test that passes only the second time is a failure to look into: the report names it as flaky, and `cargo xtask test` fails
// where there are more than a few (WEFT_E2E_RETRIES=0 is what to look with).

import { availableParallelism } from "node:os";
import { defineConfig } from "@playwright/test";
import { CHROMIUM } from "./support/chromium.ts";

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results/artifacts",
  // `cargo xtask test` runs the first and `cargo xtask test-long` the second; without a name both run. In `long` is what tries one thing
  // in many ways or waits for long; the way from a drawing to a reviewed run, its verbs, people and attacks are in the first.
  projects: [
    { name: "short", testIgnore: "long/**" },
    { name: "long", testMatch: "long/**/*.spec.ts" },
  ],
  fullyParallel: false,
  workers: Number(process.env.WEFT_E2E_WORKERS || Math.min(2, availableParallelism())),
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
