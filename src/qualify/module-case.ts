/** Cases that are a module each: run by the runtime that is tested, with another process as their other side. */
import { mkdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { type CaseProcessEnd, runCaseProcess } from "./case-process.ts";
import { caseMemoryBytesMax, outcomeBytesMax, reasonCharactersMax } from "./limits.ts";
import { startPeer } from "./peers/peer.ts";
import { type CaseFinding, type CaseRun, failed } from "./qualify-case.ts";
import { caseOutcome } from "./report.ts";

const entry = join(import.meta.dir, "run-case.ts");

export interface ModuleCaseOptions {
  /** Absolute path. */
  module: string;
  /** Default: the folder of the case. */
  cwd?: string;
  /** Beside what every case has, which wins. */
  env?: Readonly<Record<string, string>>;
  hasPeer: boolean;
  timeoutMs: number;
  /** Default `caseMemoryBytesMax`. */
  memoryBytesMax?: number;
}

export async function runModuleCase(
  {
    module,
    cwd,
    env = {},
    hasPeer,
    timeoutMs,
    memoryBytesMax = caseMemoryBytesMax,
  }: ModuleCaseOptions,
  { runtime, isQuick, folder, signal }: CaseRun,
): Promise<CaseFinding> {
  await using peer = hasPeer ? await startPeer() : null;
  const outcomePath = join(folder, "outcome.json");
  const ended = await runCaseProcess({
    program: runtime.program,
    argv: [
      "bun",
      ...["--no-install", "--no-env-file", "--no-orphans"],
      ...[entry, module, outcomePath, isQuick ? "1" : "0", peer?.url ?? ""],
    ],
    env: { ...env, ...caseEnvironment(runtime.program, folder) },
    cwd: cwd ?? folder,
    folder,
    timeoutMs,
    memoryBytesMax,
    signal,
  });
  return findingOf(ended, outcomePath);
}

/** A home of its own, and a PATH on which `bun` is the runtime. */
export function caseEnvironment(program: string, folder: string): Record<string, string> {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  for (const name of ["bun", "bunx"]) symlinkSync(program, join(bin, name));
  const path = process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin";
  return {
    PATH: `${bin}:${path}`,
    HOME: folder,
    TMPDIR: folder,
    LANG: process.env["LANG"] ?? "C.UTF-8",
    NO_COLOR: "1",
  };
}

/** An outcome counts only when the process ended by itself. */
function findingOf(ended: CaseProcessEnd, outcomePath: string): CaseFinding {
  const { passed, lastLines } = ended;
  if (passed !== null) return failed(passed, { lastLines });
  try {
    if (statSync(outcomePath).size > outcomeBytesMax)
      return failed(`its outcome has more than ${outcomeBytesMax} bytes`, { lastLines });
    const outcome = caseOutcome.parse(JSON.parse(readFileSync(outcomePath, "utf8")));
    const isPassed = outcome.status === "pass";
    return {
      ...outcome,
      reason: isPassed ? null : (outcome.reason ?? "it gave no reason"),
      lastLines: outcome.status === "fail" ? lastLines : [],
    };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const left = isMissing ? "no outcome" : `an outcome that cannot be read (${messageOf(error)})`;
    const reason = `it ended with ${endInWords(ended)} and left ${left}`;
    return failed(reason.slice(0, reasonCharactersMax), { lastLines });
  }
}

export function endInWords({ exitCode, endSignal }: CaseProcessEnd): string {
  return endSignal === null ? `exit code ${exitCode}` : `signal ${endSignal}`;
}

/** A module beside this one. */
export function builtIn(name: string): string {
  return join(dirname(entry), "cases", `${name}.ts`);
}
