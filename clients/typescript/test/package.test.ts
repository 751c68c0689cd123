// The package as it is published.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { VERSION } from "#internal/version.js";

const root = new URL("../../", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as Record<string, unknown>;

test("the version that a session tells is the package's", () => {
  assert.equal(VERSION, manifest["version"]);
});

test("nothing is needed at run time, and everything has its types", () => {
  assert.deepEqual([manifest["dependencies"], manifest["peerDependencies"]], [undefined, undefined]);
  const files = readdirSync(new URL("dist/", root));
  for (const name of ["index", "node"]) {
    assert.ok(files.includes(`${name}.js`) && files.includes(`${name}.d.ts`), name);
  }
});

test("only the entry for Node needs what only Node has", () => {
  const sources = readdirSync(new URL("src/", root)).filter((name) => name !== "node.ts");
  for (const name of sources) {
    const text = readFileSync(new URL(`src/${name}`, root), "utf8");
    assert.doesNotMatch(text, /from "node:|\bprocess\.|\bBuffer\b|from "\.\/node\.js"/, name);
  }
});
