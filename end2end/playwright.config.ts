// How the browser tests run: real Chromium over the built product, which global-setup.ts starts.
// A test that passes only the second time is a failure to look into: the report names it as flaky, and `cargo xtask test` fails
// where there are more than a few (WEFT_E2E_RETRIES=0 is what to look with).

import { defineConfig } from "@playwright/test";
import { CHROMIUM } from "./support/chromium.ts";

export default defineConfig({
  testDir: "tests",
  globalSetup: "./global-setup.ts",
  outputDir: "test-results/artifacts",
  fullyParallel: false,
  workers: Number(process.env.WEFT_E2E_WORKERS || 1),
  retries: Number(process.env.WEFT_E2E_RETRIES ?? 1),
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"], ["json", { outputFile: "test-results/results.json" }]],
  use: {
    // Set by global-setup.ts before the workers start.
    baseURL: process.env.WEFT_E2E_URL,
    browserName: "chromium",
    actionTimeout: 15_000,
    navigationTimeout: 15_000,
    viewport: { width: 1280, height: 800 },
    launchOptions: CHROMIUM,
    // Tracing makes every test half as long again; look into a failure with `--trace on`.
    trace: "off",
    screenshot: "only-on-failure",
  },
});
