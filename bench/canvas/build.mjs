// Bundles the page of @xyflow/react as for production, and the driver for the Node of this machine, whichever release it is.
// What it writes lies among the packages, where Git looks at nothing.

import { build } from "esbuild";

const folder = new URL(".", import.meta.url).pathname;
const outdir = `${folder}node_modules/.built`;

await build({
  entryPoints: [`${folder}page/main.tsx`],
  outfile: `${outdir}/page.js`,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  // React and xyflow leave their checks out by it.
  define: { "process.env.NODE_ENV": '"production"' },
});
await build({
  entryPoints: [`${folder}src/main.ts`],
  outfile: `${outdir}/main.mjs`,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node18",
  packages: "external",
});
