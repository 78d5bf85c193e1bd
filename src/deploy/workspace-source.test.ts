import { expect, test } from "bun:test";
import { TestFolder } from "./folder-for-tests.ts";
import { findDeploySource } from "./workspace-source.ts";

const manifest = (name: string, dependencies: Record<string, string> = {}) =>
  JSON.stringify({ name, dependencies });
const FILES = {
  "apps/web/package.json": manifest("web", { ui: "workspace:*" }),
  "apps/web/index.ts": "",
  "apps/other/package.json": manifest("other"),
  "apps/other/index.ts": "",
  "packages/ui/package.json": manifest("ui"),
  "packages/ui/index.ts": "",
  "docs/package.json": manifest("docs"),
};

test.each([
  ["npm, Yarn and Bun", { "package.json": '{"workspaces":["apps/*","packages/*"]}' }],
  ["pnpm", { "pnpm-workspace.yaml": 'packages:\n  - "apps/*"\n  - packages/*\n' }],
])("of a monorepo of %s what the workspace needs is packed, from the root", async (_, root) => {
  using folder = new TestFolder({ ...FILES, ...root });

  const source = await findDeploySource(folder.at("apps/web"));

  expect(source).toMatchObject({
    root: folder.path,
    workspace: "apps/web",
    dependsOn: ["packages/ui"],
  });
  const wanted = Object.keys({ ...FILES, ...root, "tsconfig.json": "" }).filter(source.isWanted);
  expect(wanted).not.toContain("apps/other/index.ts");
  expect(wanted.sort()).toEqual(
    [...Object.keys({ ...FILES, ...root }), "tsconfig.json"]
      .filter((path) => path !== "apps/other/index.ts")
      .sort(),
  );
});

test("a folder that is no workspace of what is above it is deployed alone", async () => {
  using folder = new TestFolder({ ...FILES, "package.json": '{"workspaces":["apps/*"]}' });

  expect(await findDeploySource(folder.at("docs"))).toMatchObject({
    root: folder.at("docs"),
    workspace: null,
  });
  expect((await findDeploySource(folder.path)).workspace).toBeNull();
});
