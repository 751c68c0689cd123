// Bundles the page of @xyflow/react as for production, and the drivers for the Node of this machine, whichever release it is.
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
  entryPoints: { main: `${folder}src/main.ts`, pages: `${folder}src/pages/main.ts`, light: `${folder}src/light/main.ts` },
  outdir,
  outExtension: { ".js": ".mjs" },
  loader: { ".sql": "text" },
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node18",
  packages: "external",
});
