/**
 * Runs a program of a case within its bounds, and ends it for good with everything that it has started, also what has
 * left its session or its parents. Every way to end has words.
 *
 *   launch ──▶ running ──exit──▶ kill what is left ──▶ output read ──▶ ended
 *                └──too long, too large, too many, abort──▶ kill ──▶ …
 */
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { BUILD_MARK, killBuild, noteRunning, ProcessTree } from "../deploy/process-tree.ts";
import { launch, RLIMIT } from "../sandbox/launch.ts";
import { OutputPipes } from "../sandbox/output-pipes.ts";
import { LineReader, readLines } from "../telemetry/line-reader.ts";
import {
  caseLookMs,
  caseProcessesMax,
  evidenceLineBytesMax,
  evidenceLinesMax,
  outputGraceMs,
} from "./limits.ts";

export interface CaseProcessOptions {
  /** Absolute path. */
  program: string;
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Working directory. */
  cwd: string;
  /** Of this case alone; also the mark of its processes. */
  folder: string;
  timeoutMs: number;
  /** Private memory of its processes together. Bytes. */
  memoryBytesMax: number;
  signal: AbortSignal;
}

export interface CaseProcessEnd {
  exitCode: number | null;
  endSignal: string | null;
  /** Which bound it passed, in words; null: it ended by itself. */
  passed: string | null;
  lastLines: string[];
}

/** @throws the signal's reason; nothing of the case is left then. {Error} when it cannot be started */
export async function runCaseProcess(options: CaseProcessOptions): Promise<CaseProcessEnd> {
  const { folder, signal } = options;
  signal.throwIfAborted();
  // Who looks for leftovers of builds sees by it that this is none of theirs.
  mkdirSync(join(folder, "out"), { recursive: true });
  const child = start(options);
  const tree = new ProcessTree(child.pid);
  using _running = noteRunning(tree, folder);
  const lines = new Evidence();
  const closing = new AbortController();
  const outputRead = Promise.all([
    lines.read(child.pipes.stdout, closing.signal),
    lines.read(child.pipes.stderr, closing.signal),
  ]);
  child.pipes.close();
  let passed: string | null = null;
  try {
    passed = await watch(options, child.exited, tree);
  } finally {
    await killBuild(folder, tree, null);
    await child.exited;
    const grace = setTimeout(() => closing.abort(), outputGraceMs);
    await outputRead;
    clearTimeout(grace);
  }
  signal.throwIfAborted();
  const { exitCode, signal: endSignal } = await child.exited;
  return { exitCode, endSignal, passed, lastLines: lines.last };
}

function start({ program, argv, env, cwd, folder }: CaseProcessOptions) {
  const pipes = new OutputPipes();
  let nothing: number | null = null;
  try {
    nothing = openSync("/dev/null", "r");
    const launched = launch({
      program,
      argv,
      env: { ...env, [BUILD_MARK]: folder },
      directory: cwd,
      descriptors: [nothing, ...pipes.ends],
      user: null,
      rlimits: [
        { resource: RLIMIT.CORE, max: 0 },
        // By it a process that has shed its mark is still known; see `process-tree.ts`.
        { resource: RLIMIT.MSGQUEUE, max: 0 },
      ],
      confinement: { noNewPrivs: true, ruleset: null, filter: null },
    });
    pipes.closeEnds();
    return { ...launched, pipes };
  } catch (error) {
    pipes.close();
    throw error;
  } finally {
    if (nothing !== null) closeSync(nothing);
  }
}

/** Resolves at its end, or with the bound that it passed. Rejects with the signal's reason. */
async function watch(
  { timeoutMs, memoryBytesMax, signal }: CaseProcessOptions,
  exited: Promise<unknown>,
  tree: ProcessTree,
): Promise<string | null> {
  const ended = Promise.withResolvers<string | null>();
  void exited.then(() => ended.resolve(null));
  const timer = setTimeout(
    () => ended.resolve(`it was not done within ${timeoutMs} ms`),
    timeoutMs,
  );
  const look = setInterval(() => {
    const bytes = tree.memoryBytes();
    if (tree.processes > caseProcessesMax)
      ended.resolve(`it had ${tree.processes} processes, at most ${caseProcessesMax}`);
    else if (bytes > memoryBytesMax)
      ended.resolve(
        `it took ${mebibytes(bytes)} MiB of memory, at most ${mebibytes(memoryBytesMax)}`,
      );
  }, caseLookMs);
  const abort = () => ended.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await ended.promise;
  } finally {
    clearTimeout(timer);
    clearInterval(look);
    signal.removeEventListener("abort", abort);
  }
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / (1024 * 1024));
}

/** What it printed last, whatever that is: as text of one line each, without what a terminal would obey. */
class Evidence {
  readonly last: string[] = [];

  async read(pipe: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<void> {
    const lines = new LineReader(evidenceLineBytesMax, ({ text }) => {
      const plain = Bun.stripANSI(text)
        .replaceAll(/\p{Cc}/gu, "")
        .trimEnd();
      if (plain === "") return;
      this.last.push(plain);
      if (this.last.length > evidenceLinesMax) this.last.shift();
    });
    await readLines(pipe, lines, signal);
  }
}
