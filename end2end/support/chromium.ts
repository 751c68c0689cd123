// The browser that tests and the benchmark of the canvas start, and its flags.
// Must import nothing of Playwright: the benchmark has packages of its own.

import { existsSync } from "node:fs";

// The first draws no window around its pages, which is a third of what the tests cost. xtask/src/setup/browser.rs installs it.
const OF_DEBIAN = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];

// Absent means Playwright's own browser.
const executablePath = process.env.CHROMIUM_PATH || OF_DEBIAN.find((path) => existsSync(path));

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
