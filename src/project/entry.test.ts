import { describe, expect, test } from "bun:test";
import type { PlatformError } from "../base/errors.ts";
import { findEntry } from "./entry.ts";
import type { Manifest } from "./framework.ts";

const find = (files: string[], manifest: Manifest = {}, configured: string | null = null) =>
  findEntry(configured, manifest, new Set(files)).entry;
const failure = (call: () => unknown): PlatformError => {
  try {
    call();
  } catch (error) {
    return error as PlatformError;
  }
  throw new Error("nothing was thrown");
};

describe("findEntry()", () => {
  test("takes what the config names and nothing instead of it", () => {
    expect(find(["index.ts", "a/b.ts"], {}, "./a/b.ts")).toBe("a/b.ts");
    expect(failure(() => find(["index.ts"], {}, "missing.ts")).message).toContain(
      "missing.ts (entry in the config)",
    );
  });

  test.each([
    ["bun src/x.ts", "src/x.ts"],
    ["bun run src/x.ts", "src/x.ts"],
    ["bun --hot run ./src/x.ts --port 1", "src/x.ts"],
    ["NODE_ENV=production A=b node src/x.ts", "src/x.ts"],
    ["bun run build && bun src/x.ts", "src/x.ts"],
    ["bun run serve", "src/x.ts"],
    ["npm run serve", "src/x.ts"],
    ["next start", "index.ts"],
    ["bun run start", "index.ts"],
    ["bun run missing.ts", "index.ts"],
    ["bun", "index.ts"],
  ])("start script %p leads to %p", (start, entry) => {
    expect(find(["index.ts", "src/x.ts"], { scripts: { start, serve: "bun src/x.ts" } })).toBe(
      entry,
    );
  });

  test("takes module before exports before main before the usual names", () => {
    const files = ["module.ts", "exports.ts", "main.ts", "index.ts"];
    const all = {
      module: "module.ts",
      exports: { ".": { import: "./exports.ts" } },
      main: "main.ts",
    };

    expect(find(files, all)).toBe("module.ts");
    expect(find(files, { ...all, module: undefined })).toBe("exports.ts");
    expect(find(files, { main: "./main.ts" })).toBe("main.ts");
    expect(find(files)).toBe("index.ts");
  });

  test("a script that is named by its built name is found by its source", () => {
    expect(find(["src/index.ts"], { module: "src/index.js" })).toBe("src/index.ts");
    expect(find(["lib/index.tsx"], { main: "lib" })).toBe("lib/index.tsx");
    expect(find(["dist/index.js", "src/index.ts"], { main: "dist/index.js" })).toBe(
      "dist/index.js",
    );
  });

  test.each([
    [["server.js", "src/index.ts"], "src/index.ts"],
    [["src/server.tsx", "app.ts"], "src/server.tsx"],
    [["app.mjs"], "app.mjs"],
    [[".output/server/index.mjs", "readme.md"], ".output/server/index.mjs"],
  ])("of %p without a package.json it is %p", (files, entry) => {
    expect(find(files)).toBe(entry);
  });

  test("what is not there is told with all that was tried, and how to build it", () => {
    const error = failure(() =>
      find(["readme.md"], { main: "dist/x.js", scripts: { "build:app": "tsc" } }),
    );

    expect(error.code).toBe("ENTRY_NOT_FOUND");
    expect(error.message).toContain("dist/x.js (main in package.json), index, server");
    expect(error.detail?.hint).toContain("bun run build:app");
  });

  test.each([
    [["package.json", "apps/web/package.json"], { workspaces: ["apps/*"] }, "deploy apps/web`"],
    [["pnpm-workspace.yaml", "readme.md"], {}, "deploy <its folder>`"],
  ])("at the root of a monorepo, %p, it is told to deploy a workspace", (files, manifest, hint) => {
    expect(failure(() => find(files, manifest)).detail?.hint).toContain(hint);
  });

  test("odd values in package.json are ignored", () => {
    const odd = { module: 5, main: {}, exports: [null], scripts: "no" };

    expect(find(["index.ts"], odd)).toBe("index.ts");
    expect(find(["index.ts"], { scripts: null, exports: { "./x": "./y.js" } })).toBe("index.ts");
  });
});
