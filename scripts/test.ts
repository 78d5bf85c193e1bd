/**
 * `levain test`: lint, types and tests, with their own output, closed by one line that sums them up:
 *
 *   N passed, N failed
 *
 * Lint and types count as one each. Exit 1 when anything failed. Arguments go to `bun test` as they are; a run that they
 * narrow (`./levain test src/pool`, `-t "flow control"`) is of tests only.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");

interface Outcome {
  passed: number;
  failed: number;
}

/** Counts what `bun test` printed at its end; a run that ended badly without a failed test counts as one failure. */
export function readTestOutcome(output: string, exitCode: number): Outcome {
  // The last: a test may have printed such a line itself.
  const count = (word: string) =>
    Number([...output.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))].at(-1)?.[1] ?? 0);
  const passed = count("pass");
  // A file that cannot be loaded is an error outside of any test.
  const failed = count("fail");
  return { passed, failed: exitCode !== 0 && failed === 0 ? 1 : failed };
}

/** Runs one of the checks by its package's own script, under this Bun: there may be no Node for its `#!` line. */
async function check(name: string, script: string, args: string[]): Promise<Outcome> {
  console.log(`\n— ${name}`);
  const child = Bun.spawn([process.execPath, join(ROOT, "node_modules", script), ...args], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return (await child.exited) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function tests(args: string[]): Promise<Outcome> {
  console.log("\n— tests");
  const flags = [
    `--timeout=${testTimeoutMs}`,
    `--parallel=${processesFor(availableParallelism())}`,
  ];
  const child = Bun.spawn([process.execPath, "test", ...flags, ...args], {
    cwd: ROOT,
    // bun test prints its report to stderr.
    stdio: ["ignore", "inherit", "pipe"],
  });
  let output = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stderr) {
    process.stdout.write(bytes);
    output = (output + decoder.decode(bytes, { stream: true })).slice(-SUMMARY_CHARS);
  }
  return readTestOutcome(Bun.stripANSI(output), await child.exited);
}

/** Whether `bun test` is told which tests to run: everything that is no flag of its own is a pattern or a name. */
export function isNarrowed(args: readonly string[]): boolean {
  return args.some((arg) => !arg.startsWith("-"));
}

/**
 * How many files of tests run at the same time. They wait more than they compute, so there is one more than the machine has
 * cores; with many, each would still start nodes, databases and load of its own. Count.
 */
export function processesFor(cores: number): number {
  return Math.min(cores + 1, testProcessesMax);
}

const testProcessesMax = 4;

/**
 * For a test that names no time of its own. The usual five seconds are too few on a machine that has other work to do:
 * starting Bun, deploying and asking takes one when it has none. Milliseconds.
 */
const testTimeoutMs = 30_000;

/** The summary stands at the end and is far shorter than this. Characters. */
const SUMMARY_CHARS = 16_384;

if (import.meta.main) {
  const args = process.argv.slice(2);
  const outcomes: Outcome[] = [];
  if (!isNarrowed(args)) {
    outcomes.push(
      await check("lint", "@biomejs/biome/bin/biome", ["check", "--error-on-warnings"]),
      await check("types", "typescript/bin/tsc", ["-p", "."]),
    );
  }
  outcomes.push(await tests(args));
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
