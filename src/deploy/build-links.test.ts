/** Goal: a build cannot make the node read or write elsewhere for it. Method: real builds that try by links. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestBuilds } from "./build-for-tests.ts";

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function setup(): TestBuilds {
  const builds = new TestBuilds();
  cleanups.push(() => builds[Symbol.dispose]());
  return builds;
}

/** A folder that is not the build's. */
function elsewhere(): string {
  const folder = mkdtempSync(join(tmpdir(), "levain-elsewhere-"));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("a manifest that a build has turned into a link or a pipe is not read", async () => {
  const secret = join(elsewhere(), "package.json");
  writeFileSync(secret, JSON.stringify({ main: "secret.ts" }));

  for (const command of [`ln -sf ${secret} package.json`, "rm package.json; mkfifo package.json"]) {
    const built = await setup().build({
      "package.json": JSON.stringify({ name: "app" }),
      "index.ts": "export default 1",
      "secret.ts": "export default 2",
      "levain.config.json": JSON.stringify({ build: command }),
    });
    expect(built.entry, command).toBe("index.levain.js");
  }
});

test("code that runs in the bundler cannot have the node write through a link", async () => {
  const target = elsewhere();

  const error = await setup().failure({
    "index.ts": 'import { plant } from "./plant.ts" with { type: "macro" }; console.log(plant());',
    "plant.ts": `import { mkdirSync, writeFileSync, symlinkSync } from "node:fs";
      export function plant() {
        mkdirSync("../out/escape", { recursive: true });
        writeFileSync("../out/escape/job", "mine");
        return 1;
      }`,
    "levain.config.json": JSON.stringify({ build: `ln -s ${target} escape` }),
  });

  expect(error.code).toBe("BUILD_FAILED");
  expect(error.message).toContain("escape is no folder");
  expect(readdirSync(target)).toEqual([]);
});

test("the result of the bundler's process is believed only about files that are there", async () => {
  const target = join(elsewhere(), "planted.js");
  writeFileSync(target, "export default 1");
  const result = {
    ok: true,
    task: "bundle",
    entry: `../../../../../../../..${target}`,
    warnings: [],
  };

  const error = await setup().failure({
    "index.ts": 'import { lie } from "./lie.ts" with { type: "macro" }; console.log(lie());',
    "lie.ts": `import { writeFileSync } from "node:fs";
      export function lie() { writeFileSync(process.argv.at(-1), ${JSON.stringify(JSON.stringify(result))}); process.exit(0); }`,
  });

  expect(error.code).toBe("BUILD_FAILED");
  expect(existsSync(target)).toBe(true);
});
