import { expect, test } from "bun:test";
import { dependenciesOf, isWorkspace, workspacePatterns } from "./workspaces.ts";

const workspace = (path: string, dependencies: string[] = [], devDependencies: string[] = []) => ({
  path,
  manifest: {
    name: `@m/${path.split("/").at(-1)}`,
    dependencies: Object.fromEntries(dependencies.map((name) => [`@m/${name}`, "workspace:*"])),
    devDependencies: Object.fromEntries(devDependencies.map((name) => [`@m/${name}`, "*"])),
  },
});

test("patterns are those of package.json, in both of its forms, or of pnpm", () => {
  expect(workspacePatterns({ workspaces: ["apps/*", 5] }, null)).toEqual(["apps/*"]);
  expect(workspacePatterns({ workspaces: { packages: ["a"] } }, null)).toEqual(["a"]);
  expect(workspacePatterns({}, { packages: ["b/*"] })).toEqual(["b/*"]);
  expect(workspacePatterns({ workspaces: "no" }, null)).toBeNull();
});

test("patterns name folders, and take some back", () => {
  const patterns = ["./apps/*", "packages/**", "!**/test"];

  expect(isWorkspace("apps/web", patterns)).toBe(true);
  expect(isWorkspace("packages/a/b", patterns)).toBe(true);
  expect(isWorkspace("packages/a/test", patterns)).toBe(false);
  expect(isWorkspace("apps/web/src", patterns)).toBe(false);
});

test("dependencies come in the order of their builds, each once, without those of others", () => {
  const all = [
    workspace("apps/web", ["ui", "core"]),
    workspace("apps/other", ["unused"]),
    workspace("packages/ui", ["core"], ["config"]),
    workspace("packages/core"),
    workspace("packages/config"),
    workspace("packages/unused"),
  ];

  expect(dependenciesOf("apps/web", all)).toEqual([
    "packages/core",
    "packages/config",
    "packages/ui",
  ]);
});

test("workspaces that depend on each other are built once", () => {
  const all = [workspace("a", ["b"]), workspace("b", ["c"]), workspace("c", ["a", "b"])];

  expect(dependenciesOf("a", all)).toEqual(["c", "b"]);
});
