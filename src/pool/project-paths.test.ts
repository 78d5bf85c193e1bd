import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestPools } from "./pool-for-tests.ts";
import { ProjectPaths } from "./project-paths.ts";

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "levain-paths (1)+"));
  mkdirSync(join(root, "src"));
  writeFileSync(join(root, "src/index.tsx"), "");
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("positions and importers are called as in the project, other paths as the app printed them", () => {
  const paths = new ProjectPaths(root, "src/index.levain.js");

  expect(paths.shown(`  at cart (${root}/src/cart.ts:2:9)`)).toBe("  at cart (src/cart.ts:2:9)");
  expect(paths.shown(`  at ${root}/src/cart.ts:2`)).toBe("  at src/cart.ts:2");
  expect(paths.shown(`Cannot find module './x' from '${root}/src/index.levain.js'`)).toBe(
    "Cannot find module './x' from 'src/index.tsx'",
  );
  for (const own of [root, `${root}/data.db`, `"${root}/data.db": 5`, "src/cart.ts:2:9"]) {
    expect(paths.shown(own)).toBe(own);
  }
});

test("a bundled entry has the name of the file that it was made of", () => {
  expect(new ProjectPaths(root, "src/index.levain.js").entry()).toBe("src/index.tsx");
  expect(new ProjectPaths(root, "src/gone.levain.js").entry()).toBe("src/gone");
  expect(new ProjectPaths(root, "server.ts").entry()).toBe("server.ts");
});

test("what a process prints and why it did not start name no folder of the node's", async () => {
  await using t = new TestPools();
  const pool = t.pool("throws-at-boot");

  const error = (await pool.start().catch((thrown: unknown) => thrown)) as {
    detail: { lastLines: string[] };
  };

  const { lastLines } = error.detail;
  expect(lastLines.join("\n")).toMatch(/at .*\bthrows-at-boot\.ts:\d/);
  expect(lastLines.join("\n")).not.toContain(`${pool.spec.digest}/`);
  expect(t.records.map(({ message }) => message).join("\n")).not.toContain(`${pool.spec.digest}/`);
});
