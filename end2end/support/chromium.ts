// The browser that tests and the benchmark of the canvas start, and its flags.
// Must import nothing of Playwright: the benchmark has packages of its own.

import { existsSync } from "node:fs";

const DEBIAN_CHROMIUM = "/usr/bin/chromium";

// Absent means Playwright's own browser.
const executablePath =
  process.env.CHROMIUM_PATH || (existsSync(DEBIAN_CHROMIUM) ? DEBIAN_CHROMIUM : undefined);

// Chromium refuses its sandbox as root. The rest keeps it from calling home, which would show up
// as console errors on a machine without a network.
const args = [
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const CHROMIUM = { executablePath, args };
