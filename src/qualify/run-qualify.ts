/**
 * Runs cases on runtimes, one after the other, and makes the report of it.
 *
 *   runtimes fetched ─▶ case 1 on each ─▶ case 2 on each ─▶ … ─▶ verdicts, compared
 *
 * A case takes turns with the runtimes, so that what disturbs the machine for a while disturbs all of them.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { didYouMean } from "../base/did-you-mean.ts";
import { asPlatformError, PlatformError } from "../base/errors.ts";
import { versionOf } from "../runtimes/runtime-name.ts";
import type { Runtime, RuntimeStore } from "../runtimes/runtime-store.ts";
import { thisQualifyMachine } from "../runtimes/verdict.ts";
import { allCases, requiredNames } from "./cases.ts";
import { type CaseFinding, notTried, type QualifyCase } from "./qualify-case.ts";
import type { CaseResult, QualifyReport } from "./report.ts";
import { type SqlServer, startSqlServer } from "./sql-server.ts";
import { compareVerdicts, verdictOf } from "./verdict.ts";

export interface QualifyOptions {
  /** Names, each once, at least one. */
  runtimes: readonly string[];
  /** Names of cases; null: all. */
  only: readonly string[] | null;
  isQuick: boolean;
  /** Folder of the project whose own cases run too. Absolute path. */
  folder: string;
  testCommand: string | null;
  /** Of each of the project's own. Milliseconds. */
  appTimeoutMs: number;
  store: RuntimeStore;
  /** Folder of that store. */
  runtimesDir: string;
  /** Version of Levain. */
  levain: string;
  signal: AbortSignal;
  /** Hears of each case before it begins on a runtime. */
  onCase(name: string, runtime: string): void;
}

/**
 * @throws {PlatformError} what `RuntimeStore.ensure` throws; `QUALIFY_CASE_UNKNOWN`; the signal's reason. Nothing of the run is
 *   left then.
 */
export async function runQualify(options: QualifyOptions): Promise<QualifyReport> {
  const { store, signal, isQuick } = options;
  for (const name of options.runtimes) versionOf(name);
  let server: Promise<SqlServer> | null = null;
  const cases = allCases({
    app: {
      folder: options.folder,
      testCommand: options.testCommand,
      timeoutMs: options.appTimeoutMs,
    },
    sqlServer: () => (server ??= startSqlServer()),
    runtimesDir: options.runtimesDir,
  });
  const chosen = choose(cases, options.only);
  const startedAt = new Date().toISOString();
  const startMs = performance.now();
  const runtimes: Runtime[] = [];
  for (const name of options.runtimes) runtimes.push(await store.ensure(name, signal));
  const results = new Map<string, CaseResult[]>(runtimes.map(({ name }) => [name, []]));
  try {
    for (const one of chosen) {
      for (const runtime of runtimes) {
        options.onCase(one.name, runtime.name);
        results.get(runtime.name)!.push(await resultOf(one, runtime, options));
      }
    }
  } finally {
    await (server as Promise<SqlServer> | null)
      ?.then((started) => started[Symbol.asyncDispose]())
      .catch(() => {});
  }
  const expected = requiredNames(cases);
  const verdicts = runtimes.map(({ name, revision, sha256 }) =>
    verdictOf({ runtime: name, revision, sha256 }, results.get(name)!, { expected, isQuick }),
  );
  return {
    format: 1,
    levain: options.levain,
    machine: thisQualifyMachine(),
    startedAt,
    ms: Math.round(performance.now() - startMs),
    isQuick,
    verdicts,
    comparison: compareVerdicts(verdicts),
    isPassed: verdicts.every(({ isPassed }) => isPassed),
    stored: null,
  };
}

/** What there is to run, for a list. */
export function listedCases(folder: string): Pick<QualifyCase, "name" | "group" | "catches">[] {
  const app = { folder, testCommand: null, timeoutMs: 1 };
  const sqlServer = () => Promise.reject(new Error("nothing runs"));
  return allCases({ app, sqlServer, runtimesDir: "" }).map(({ name, group, catches }) => ({
    ...{ name, group, catches },
  }));
}

/** @throws {PlatformError} `QUALIFY_CASE_UNKNOWN` */
function choose(cases: readonly QualifyCase[], only: readonly string[] | null): QualifyCase[] {
  if (only === null) return [...cases];
  for (const name of only) {
    if (cases.some((one) => one.name === name || one.group === name)) continue;
    const known = cases.map((one) => one.name);
    const near = didYouMean(name, known);
    throw new PlatformError("QUALIFY_CASE_UNKNOWN", [name, near ?? known.join(", ")]);
  }
  return cases.filter(({ name, group }) => only.includes(name) || only.includes(group));
}

async function resultOf(
  { name, group, isRequired, run }: QualifyCase,
  runtime: Runtime,
  { isQuick, signal }: QualifyOptions,
): Promise<CaseResult> {
  signal.throwIfAborted();
  const folder = await mkdtemp(join(tmpdir(), "levain-qualify-"));
  const startMs = performance.now();
  let found: CaseFinding;
  try {
    found = await run({ runtime, isQuick, folder, signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    found = notTried(asPlatformError(error));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { name, group, isRequired, ...found, ms: Math.round(performance.now() - startMs) };
}
