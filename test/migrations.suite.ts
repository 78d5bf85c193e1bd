/**
 * Goal: docs/databases.md can be followed word for word, from a branch to production and back, with Drizzle. Method: a real
 * node with its relay, the page's own commands in a shell, packages from the registry. Without one the suite says so and
 * skips. Apart from the other tests: `.ci/run` runs it.
 */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestNode } from "./node-for-tests.ts";

const ROOT = join(import.meta.dir, "..");
/** Five deploys with an install each, on a busy machine. Milliseconds. */
const suiteTimeoutMs = 230_000;

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), "levain-page-"));
  folders.push(made);
  return made;
};

/** Commands of a section with what they are to print, in order. */
function stepsOf(page: string, heading: string): { commands: string; prints: string[] }[] {
  const [, from = ""] = page.split(`\n## ${heading}\n`);
  const [section = ""] = from.split("\n## ", 1);
  const blocks = [...section.matchAll(/```(sh)?\n([\s\S]*?)```/g)];
  return blocks.flatMap(([, kind, commands = ""], index) => {
    if (kind !== "sh") return [];
    const [, nextKind, printed = ""] = blocks[index + 1] ?? [];
    return [{ commands, prints: nextKind === "sh" ? [] : printed.trimEnd().split("\n") }];
  });
}

const registry = process.env["npm_config_registry"] ?? "https://registry.npmjs.org/";
const isOnline = await fetch(registry, { signal: AbortSignal.timeout(5_000) }).then(
  () => true,
  () => false,
);
if (!isOnline)
  console.log("the package registry does not answer: Drizzle's example is not deployed");
if (Bun.which("curl") === null) console.log("there is no curl: the page's commands are not run");

test.skipIf(!isOnline || Bun.which("curl") === null)(
  "docs/databases.md can be followed word for word, from a branch to production and back",
  async () => {
    await using node = await startTestNode();
    const [cwd, bin] = [folder(), folder()];
    symlinkSync(join(ROOT, "examples"), join(cwd, "examples"));
    writeFileSync(
      join(bin, "levain"),
      `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, "src/main.ts")}' "$@"\n`,
    );
    chmodSync(join(bin, "levain"), 0o755);
    const page = await Bun.file(join(ROOT, "docs/databases.md")).text();
    const steps = stepsOf(page, "From a branch to production");
    let at = cwd;

    expect(steps).toHaveLength(5);
    for (const { commands, prints } of steps) {
      // The port of the page is the default; `cd` lasts from one block to the next.
      const script = `set -e\n${commands.replaceAll(".localhost:4000", `.localhost:${node.port}`)}\npwd > '${bin}/pwd'`;
      const run = Bun.spawn(["/bin/sh", "-c", script], {
        cwd: at,
        env: {
          ...process.env,
          PATH: `${bin}:${process.env["PATH"]}`,
          LEVAIN_DATA_DIR: node.dataDir,
        },
        stdout: "pipe",
        stderr: "pipe",
      });
      const [out, error] = await Promise.all([run.stdout.text(), run.stderr.text()]);

      expect([await run.exited, out + error], commands).toEqual([0, out + error]);
      for (const line of prints) expect(out, commands).toContain(line);
      at = (await Bun.file(join(bin, "pwd")).text()).trim();
    }
  },
  suiteTimeoutMs,
);
