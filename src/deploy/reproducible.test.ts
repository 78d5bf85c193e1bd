/**
 * Goal: a source gives the same artifact wherever and whenever it is built. Method: built twice on nodes with other folders,
 * its files written in another order with other dates and modes.
 */
import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ArtifactStore } from "./artifact-store.ts";
import { TestBuilds } from "./build-for-tests.ts";
import { TestFolder } from "./folder-for-tests.ts";
import { differences } from "./verify.ts";

const timeoutMs = 60_000;

const source: Record<string, string> = {
  "package.json": JSON.stringify({
    name: "shop",
    dependencies: { greet: "file:./vendor/greet", "@s/other": "file:./vendor/other" },
  }),
  "vendor/greet/package.json": JSON.stringify({
    name: "greet",
    version: "1.0.0",
    bin: { greet: "cli.js" },
  }),
  "vendor/greet/cli.js": "#!/usr/bin/env node\nconsole.log(1);\n",
  "vendor/greet/index.js": 'export const hello = "hello";\nexport default import.meta.url;\n',
  "vendor/other/package.json": JSON.stringify({ name: "@s/other", version: "2.0.0" }),
  "vendor/other/index.js": "export const other = __dirname;\n",
  "src/a.ts": "export const a = new Error('a').stack;\n",
  "src/b.ts": "export const b = import.meta.dir;\n",
  "data/text.txt": "text\n",
  "index.ts": [
    'import greet, { hello } from "greet";',
    'import { other } from "@s/other";',
    'import { a } from "./src/a.ts";',
    'import { b } from "./src/b.ts";',
    'import text from "./data/text.txt";',
    "export default { fetch: () => Response.json([greet, hello, other, a, b, text]) };",
  ].join("\n"),
};

async function entriesOf(
  config: object,
  paths: readonly string[],
  change: (folder: TestFolder, paths: readonly string[]) => void,
) {
  using folder = new TestFolder({});
  const files = { ...source, "levain.config.json": JSON.stringify(config) };
  for (const path of paths) {
    mkdirSync(dirname(folder.at(path)), { recursive: true });
    writeFileSync(folder.at(path), files[path as keyof typeof files] ?? "");
  }
  change(folder, paths);
  using builds = new TestBuilds();
  const built = await builds.build(folder.path);
  const store = new ArtifactStore({ dir: join(builds.data.path, "artifacts") });
  return await store.describe(built.folder);
}

test.each<[string, object]>([
  ["bundled", {}],
  ["with its packages", { bundle: false }],
  ["with a build command that lists files", { bundle: false, build: "ls -R src > out.txt" }],
])(
  "%s, it is the same artifact",
  async (_, config) => {
    const paths = [...Object.keys(source), "levain.config.json"];

    const first = await entriesOf(config, paths, () => {});
    const second = await entriesOf(config, paths.toReversed(), (folder, all) => {
      for (const path of all) {
        utimesSync(folder.at(path), 1_000_000_000, 1_000_000_000);
        chmodSync(folder.at(path), 0o664);
      }
    });

    expect(differences(first.entries, second.entries)).toEqual([]);
    expect(second.digest).toBe(first.digest);
  },
  timeoutMs,
);

test("what differs is named with how: added, removed, changed, another mode", () => {
  const file = (path: string, bytes: number, sha256 = "a", executable = false) => ({
    path,
    bytes,
    sha256,
    executable,
  });

  const found = differences(
    [file("a", 1), file("b", 2), file("c", 3), { path: "d", link: "a" }, file("same", 1)],
    [file("b", 4, "b"), file("c", 3, "a", true), file("d", 1), file("e", 5), file("same", 1)],
  );

  expect(found).toEqual([
    { path: "a", change: "removed", bytes: [1, null] },
    { path: "b", change: "changed", bytes: [2, 4] },
    { path: "c", change: "changed", bytes: [3, 3] },
    { path: "d", change: "changed", bytes: [null, 1] },
    { path: "e", change: "added", bytes: [null, 5] },
  ]);
});
