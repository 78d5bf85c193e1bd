import { expect, test } from "bun:test";
import { join } from "node:path";
import { runCli } from "./cli.ts";
import type { CliIo, OutputStream } from "./cli-io.ts";
import { referenceFiles } from "./reference.ts";
import { loadVerbs, VERBS } from "./verbs.ts";

/** Runs the command line in this process, for verbs that touch nothing. */
async function words(...argv: string[]): Promise<{ code: number; stdout: string }> {
  const written: string[] = [];
  const out: OutputStream = {
    write: (text) => void written.push(text),
    drained: async () => {},
    isTerminal: false,
    columns: 80,
    closed: new AbortController().signal,
  };
  const io: CliIo = {
    stdout: out,
    stderr: out,
    env: {},
    cwd: "/",
    selfCommand: [],
    interrupt: () => out.closed,
    secret: async () => "",
    value: async () => "",
    confirm: async () => null,
  };
  const runNode = () => Promise.reject(new Error("no node in this test"));
  const runDev = runNode;
  return { code: await runCli(argv, { ...io, runNode, runDev }), stdout: written.join("") };
}

test("docs/cli.md and docs/schemas/ are what the program says", async () => {
  const root = join(import.meta.dir, "../..");
  const files = await referenceFiles();
  const stale: string[] = [];

  for (const [path, text] of Object.entries(files)) {
    const file = Bun.file(join(root, path));
    if (!(await file.exists()) || (await file.text()) !== text) stale.push(path);
  }
  const schemas = [...new Bun.Glob("docs/schemas/*").scanSync(root)];

  expect(stale, "run `bun src/cli/reference.ts`").toEqual([]);
  expect(schemas.filter((path) => !(path in files))).toEqual([]);
});

test("every verb explains itself in 80 columns, with examples that are commands", async () => {
  const verbs = await loadVerbs();

  expect(verbs.map(({ name }) => name)).toEqual(Object.keys(VERBS));
  for (const { name, examples } of verbs) {
    const { code, stdout } = await words(name, "--help");
    expect(code).toBe(0);
    expect(stdout).toStartWith(`Usage: levain ${name}`);
    for (const title of ["Examples", "Exit codes", "Environment", "Global options"]) {
      expect(stdout, name).toMatch(new RegExp(`^${title}:\\n  \\S`, "m"));
    }
    for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(
      examples.some(([command]) => command.includes(`levain ${name}`)),
      name,
    ).toBe(true);
    expect((await words("help", name)).stdout).toBe(stdout);
  }
});

test("every example is read by the program as it stands", async () => {
  const { readWords } = await import("./program.ts");
  const verbs = await loadVerbs();

  for (const verb of verbs) {
    for (const [command] of verb.examples) {
      const own = /levain ([^|)]*)/.exec(command)?.[1]?.trim() ?? "";
      const argv = [...own.matchAll(/"([^"]*)"|(\S+)/g)].map(
        ([, quoted, bare]) => quoted ?? bare ?? "",
      );
      if (argv[0]?.startsWith("--")) continue;
      expect(readWords(argv, verbs)?.verb.name, command).toBe(verb.name);
    }
  }
});

test("the help lists every verb once", async () => {
  const { stdout } = await words();

  for (const name of Object.keys(VERBS)) {
    expect(stdout.match(new RegExp(`^  ${name}\\b.*`, "gm")), name).toHaveLength(1);
  }
});
