/** `levain qualify`: whether a version of Bun is fit to run apps on this machine. */
import { existsSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { asPlatformError, PlatformError } from "../base/errors.ts";
import { platformVersion } from "../control/platform-version.ts";
import { appCaseTimeoutMsDefault, caseTimeoutMsLargest, runtimesMax } from "../qualify/limits.ts";
import type { QualifyReport } from "../qualify/report.ts";
import { ownRuntime } from "../runtimes/runtime-name.ts";
import { RuntimeStore } from "../runtimes/runtime-store.ts";
import { usageError } from "./failure.ts";
import { renderCaseList, renderQualify } from "./qualify-table.ts";
import type { Call, Outcome, Verb } from "./verb.ts";

export const qualify: Verb = {
  name: "qualify",
  group: "Observe",
  summary: "Find out whether a version of Bun is fit to run apps",
  description:
    "Runs a suite of cases on each runtime, in processes of their own within bounds: memory, behaviour, SQL pools after a " +
    "pause, load through the lane, and the app's own tests and the modules in its `qualify/` folder. Runtimes come from npm's " +
    "registry and are kept. docs/qualify.md says what each case means.",
  arguments: [["[dir]", "project whose own tests and cases run too; default: this folder"]],
  flags: [
    ["--runtime <name>", "such as bun@1.4.5; may be repeated (default: the node's own)"],
    ["--case <names>", "only these cases or groups, with commas; may be repeated"],
    ["--quick", "less of everything; does not count for production"],
    ["--test <command>", "the project's test command (default: scripts.test of package.json)"],
    [
      "--case-timeout-ms <ms>",
      `until a case of the project's own is ended (default ${appCaseTimeoutMsDefault})`,
    ],
    ["--list", "say what each case finds, and run nothing"],
  ],
  repeatable: ["--runtime", "--case"],
  exits: [[1, "a required case failed on a runtime, or something went wrong"]],
  environment: [["XDG_CACHE_HOME", "runtimes are kept in its folder levain (default ~/.cache)"]],
  examples: [
    ["levain qualify --list", "what there is to run"],
    ["levain qualify", "the Bun that the node runs on, with this project's own cases"],
    ["levain qualify --runtime bun@1.3.14 --runtime bun@1.4.5", "two, side by side"],
    ["levain qualify --runtime bun@1.4.3 --case memory,timers --quick", "a first look"],
  ],
  async run(call) {
    const folder = projectOf(call);
    const { listedCases, runQualify } = await import("../qualify/run-qualify.ts");
    if (call.flags.list === true) return listOutcome(call, listedCases(folder));
    const { io, flags, isJson, paint } = call;
    const runtimesDir = runtimesDirOf(io.env);
    const say = (line: string) => {
      if (!isJson) io.stderr.write(`${paint.dim(line)}\n`);
    };
    const report = await runQualify({
      runtimes: runtimesOf(flags.runtime),
      only: listOf(flags.case),
      isQuick: flags.quick === true,
      folder,
      testCommand: typeof flags.test === "string" ? flags.test : null,
      appTimeoutMs: timeoutOf(flags.caseTimeoutMs),
      store: new RuntimeStore({ dir: runtimesDir, note: say }),
      runtimesDir,
      levain: platformVersion(),
      signal: interruption(call),
      onCase: (name, runtime) => say(`${name}  ${runtime}`),
    });
    report.stored = await store(report, call);
    if (!isJson) io.stdout.write(`${renderQualify(report, io.stdout.columns, paint)}\n`);
    failUnlessPassed(report, call);
    return { data: report, next: nextOf(call), ...(isJson ? {} : { isPrinted: true }) };
  },
};

/** Lets the node of this machine keep verdicts of the whole suite. @returns what became of it, in words */
async function store(report: QualifyReport, call: Call): Promise<string> {
  const { levain, machine } = report;
  const whole = report.verdicts.filter(({ isComplete }) => isComplete);
  if (whole.length === 0) return "not kept: it was not the whole suite";
  const verdicts = whole.map(({ cases, ...verdict }) => ({
    ...verdict,
    ...{ levain, machine },
    cases: cases.map(({ name, status, isRequired, reason }) => ({
      ...{ name, status, isRequired, reason },
    })),
  }));
  try {
    await call.client.call("verdictAdd", { input: { verdicts } });
    return `kept by the node of ${call.dataDir}`;
  } catch (error) {
    return `not kept by a node: ${asPlatformError(error).message}`;
  }
}

/** @throws {PlatformError} `QUALIFY_FAILED` */
function failUnlessPassed(report: QualifyReport, call: Call): void {
  if (report.isPassed) return;
  const bad = report.verdicts.filter(({ isPassed }) => !isPassed);
  const failures = bad.flatMap(({ runtime, cases }) =>
    cases
      .filter(({ status, isRequired }) => isRequired && status === "fail")
      .map(({ name, reason }) => `${runtime}: ${name}: ${reason}`),
  );
  const names = bad.map(({ runtime }) => runtime).join(", ");
  // A program gets one object: this one, so the verdicts have to be in it.
  const detail = { failures, ...(call.isJson ? { report } : {}) };
  throw new PlatformError("QUALIFY_FAILED", [names, failures.length], { detail });
}

function listOutcome(
  call: Call,
  cases: readonly { name: string; group: string; catches: string }[],
): Outcome {
  return {
    data: { cases },
    next: nextOf(call),
    text: () => renderCaseList(cases, call.io.stdout.columns, call.paint),
  };
}

function nextOf(call: Call): string[] {
  return [call.command("levain qualify --quick")];
}

/** @throws {PlatformError} `INPUT_INVALID` */
function projectOf({ args, io }: Call): string {
  const [dir = "."] = args;
  const folder = resolve(io.cwd, dir);
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw usageError(`there is no folder ${dir}`);
  return folder;
}

/** `1.4.5` is as good as `bun@1.4.5`. @throws {PlatformError} `INPUT_INVALID` */
function runtimesOf(flag: unknown): string[] {
  const names = listOf(flag) ?? [ownRuntime];
  if (names.length > runtimesMax)
    throw usageError(`--runtime: ${names.length} runtimes, at most ${runtimesMax}`);
  return [...new Set(names.map((name) => (/^\d/.test(name) ? `bun@${name}` : name)))];
}

function listOf(flag: unknown): string[] | null {
  if (typeof flag !== "string") return null;
  const words = flag.split(",").map((word) => word.trim());
  return words.filter((word) => word !== "");
}

/** @throws {PlatformError} `INPUT_INVALID` */
function timeoutOf(flag: unknown): number {
  if (flag === undefined) return appCaseTimeoutMsDefault;
  const ms = Number(flag);
  if (Number.isInteger(ms) && ms >= 1 && ms <= caseTimeoutMsLargest) return ms;
  throw usageError(
    `--case-timeout-ms is "${flag}", must be a whole number from 1 to ${caseTimeoutMsLargest}`,
  );
}

/** Kept from run to run, and apart from what a node keeps for its versions. */
function runtimesDirOf(env: Readonly<Record<string, string | undefined>>): string {
  const home = env["HOME"] || homedir();
  const cache = env["XDG_CACHE_HOME"] || (home === "" ? tmpdir() : join(home, ".cache"));
  return join(resolve(cache), "levain", "runtimes");
}

/** Ctrl-C and SIGTERM end what was started first: a PostgreSQL would go on without us. */
function interruption(call: Call): AbortSignal {
  const pressed = call.io.interrupt();
  const ending = new AbortController();
  const end = () => ending.abort(new PlatformError("INTERRUPTED", []));
  pressed.addEventListener("abort", end);
  process.once("SIGTERM", end);
  return ending.signal;
}
