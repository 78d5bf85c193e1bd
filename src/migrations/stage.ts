/**
 * One run of migrations, on a copy or on the branch's database, with what was seen of its locks meanwhile.
 *
 *   look at the ledger ─▶ watch locks ─▶ apply files, or run the command ─▶ note it ─▶ report
 */
import type { Clock } from "../base/clock.ts";
import { messageOf, PlatformError } from "../base/errors.ts";
import { type DatabaseLogin, MigrationConnection } from "./connection.ts";
import { note, prepareLedger, readLedger, tryTurn } from "./ledger.ts";
import { migrationTurnPollMs, migrationTurnTimeoutMs } from "./limits.ts";
import type { LockOver } from "./lock-tally.ts";
import { type LocksFound, LockWatch } from "./lock-watch.ts";
import type { StageReport } from "./report.ts";
import type { SqlMigration } from "./sql-file.ts";
import {
  type AppliedFile,
  applySql,
  lockNotAvailable,
  queryCanceled,
  SqlFailure,
} from "./sql-run.ts";

/** A database that is about to be migrated. */
export interface MigrationTarget {
  /** For the node itself: past the relay, so that no rule for apps ends a migration. */
  login: DatabaseLogin;
  /** For the project's own code: where it reaches the database until `close`. */
  url(): Promise<string>;
  /** Null for what is no copy. */
  copy: { copyMs: number; pauseMs: number } | null;
  /** Somebody has said that nothing is to be changed in it. Default false. */
  isReadOnly?: boolean;
  /** Drops a copy; of the database itself, lets nobody in by that address any more. */
  close(): Promise<void>;
}

/** What is to be done. */
export type Work =
  | { way: "sql"; migrations: readonly SqlMigration[] }
  | {
      way: "module" | "command";
      /** To people. */
      name: string;
      /** In the ledger. */
      noted: string;
      /** Of what it depends on. */
      checksum: string;
      /** Runs it to its end. @returns its last lines, and how it failed or null. @throws {PlatformError} what ended it */
      run(url: string, timeoutMs: number): Promise<RunEnd>;
    };

export interface RunEnd {
  lines: string[];
  failure: string | null;
  /** Whether it was ended because its time was over. */
  isLate: boolean;
}

export interface StageOptions {
  stage: StageReport["stage"];
  target: MigrationTarget;
  work: Work;
  lockMs: number;
  timeoutMs: number;
  /** For messages. */
  branch: string;
  clock: Clock;
  signal: AbortSignal;
  /** Called before each file. */
  onFile?(name: string): void;
}

export interface StageEnd {
  report: StageReport;
  /** Null when all of it was applied. */
  failure: PlatformError | null;
}

/** @throws {PlatformError} `MIGRATION_IN_PROGRESS`, `MIGRATION_DATABASE_AWAY`; the signal's reason */
export async function runStage(options: StageOptions): Promise<StageEnd> {
  const { stage, target, clock, lockMs, signal } = options;
  const where = whereOf(options);
  await using own = await open(target.login, where);
  if (stage === "target") await takeTurn(own, options);
  await prepareLedger(own).catch((cause) => {
    throw new PlatformError("MIGRATION_FAILED", ["its own note", where, messageOf(cause)], {
      cause,
    });
  });
  const isEnforced = stage === "target";
  await using watch = await LockWatch.start({
    login: target.login,
    lockMs,
    isEnforced,
    clock,
  }).catch((cause) => {
    throw new PlatformError("MIGRATION_DATABASE_AWAY", [where], { cause });
  });
  const startedAtMs = clock.nowMs();
  const applied: AppliedFile[] = [];
  const lines: string[] = [];
  const onFile = (name: string) => {
    watch.current = name;
    options.onFile?.(name);
  };
  let thrown: unknown = null;
  try {
    const work = await stillPending(own, options.work);
    await perform({ ...options, work, onFile }, watch, own, applied, lines);
  } catch (error) {
    thrown = error;
  }
  const ms = Math.round(clock.nowMs() - startedAtMs);
  const locks = await watch.stop().catch((error): LocksFound => {
    thrown ??= error;
    return { held: null, waited: null, transactionMs: 0, over: null };
  });
  signal.throwIfAborted();
  const failure = failureOf(options, watch.current, thrown, locks);
  const { held, waited, transactionMs } = locks;
  return {
    failure,
    report: {
      stage,
      state: failure === null ? "succeeded" : "failed",
      applied,
      ms,
      copyMs: target.copy?.copyMs ?? null,
      pauseMs: target.copy?.pauseMs ?? null,
      held,
      waited,
      transactionMs,
      output: lines,
      error: failure === null ? null : { code: failure.code, message: failure.message },
    },
  };
}

/** With null when there is nothing left to do. */
type Pending = Omit<StageOptions, "work"> & { work: Work | null };

/** Without what somebody else has done since it was looked at. */
async function stillPending(own: MigrationConnection, work: Work): Promise<Work | null> {
  const noted = await readLedger(own);
  const isDone = (name: string, checksum: string) =>
    noted.some((row) => row.name === name && row.checksum === checksum && row.state === "applied");
  if (work.way !== "sql") return isDone(work.noted, work.checksum) ? null : work;
  const migrations = work.migrations.filter(({ name, checksum }) => !isDone(name, checksum));
  return { way: "sql", migrations };
}

async function perform(
  { work, target, lockMs, timeoutMs, clock, signal, onFile, stage }: Pending,
  watch: LockWatch,
  own: MigrationConnection,
  applied: AppliedFile[],
  lines: string[],
): Promise<void> {
  if (work === null) return;
  if (work.way === "sql") {
    const connection = await MigrationConnection.open(target.login, "levain migrate");
    await using _connection = connection;
    watch.pid = connection.pid;
    const running = applySql(
      {
        connection,
        migrations: work.migrations,
        lockMs,
        timeoutMs,
        clock,
        signal,
        ...(onFile === undefined ? {} : { onFile }),
        // Nobody else is on a copy: what cannot be locked there never can.
        ...(stage === "trial" ? { lockTriesMax: 1 } : {}),
      },
      applied,
    );
    await Promise.race([running, watch.failed]);
    return;
  }
  onFile?.(work.name);
  const startedAtMs = clock.nowMs();
  try {
    const ended = await work.run(await target.url(), timeoutMs);
    lines.push(...ended.lines);
    if (ended.isLate) throw new TooLate();
    if (ended.failure !== null) throw new RunFailure(work.name, ended.failure);
  } finally {
    // Whatever is left of it must not go on in the database.
    await watch.endSessions().catch(() => {});
  }
  await note(own, { name: work.noted, checksum: work.checksum, state: "applied" });
  applied.push({ name: work.name, ms: Math.round(clock.nowMs() - startedAtMs) });
}

class TooLate extends Error {}

/** A command or module ended badly. */
class RunFailure extends Error {
  readonly file: string;

  constructor(file: string, message: string) {
    super(message);
    this.file = file;
  }
}

function failureOf(
  options: StageOptions,
  what: string,
  thrown: unknown,
  { held, waited, over }: LocksFound,
): PlatformError | null {
  const { lockMs, timeoutMs, stage } = options;
  const where = whereOf(options);
  const exceeded = (lock: Omit<LockOver, "isWaiting">, isWaiting: boolean) =>
    new PlatformError("MIGRATION_LOCK_EXCEEDED", [
      lock.during,
      where,
      `${isWaiting ? "waited for" : "held"} ${lock.mode} on ${lock.relation}, which blocks ${lock.blocks},`,
      Math.round(lock.ms),
      lockMs,
    ]);
  // What the watch has ended says no more than that it was ended.
  if (over !== null && thrown !== null) return exceeded(over, over.isWaiting);
  if (thrown instanceof SqlFailure && thrown.code === lockNotAvailable) {
    const lock = waited ?? {
      mode: "a lock",
      relation: "a table",
      blocks: "writes" as const,
      during: what,
    };
    return exceeded({ statement: "", ...lock, ms: lockMs }, true);
  }
  if (thrown instanceof TooLate || (thrown instanceof SqlFailure && isTimeout(thrown))) {
    return new PlatformError("MIGRATION_TIMEOUT", [what, where, timeoutMs], { cause: thrown });
  }
  if (thrown instanceof PlatformError) return thrown;
  if (thrown !== null) {
    return new PlatformError("MIGRATION_FAILED", [what, where, messageOf(thrown)], {
      cause: thrown,
    });
  }
  // On a copy it may take its time, so that the figure is the whole one.
  if (stage === "trial" && held !== null && held.ms > lockMs) return exceeded(held, false);
  return null;
}

/** A statement's or a transaction's. */
function isTimeout({ code, message }: SqlFailure): boolean {
  return code === "25P04" || (code === queryCanceled && /timeout/.test(message));
}

function whereOf({ stage, branch }: StageOptions): string {
  return stage === "trial"
    ? `a copy of the database of branch "${branch}", which is unharmed`
    : `the database of branch "${branch}"`;
}

async function open(login: DatabaseLogin, where: string): Promise<MigrationConnection> {
  try {
    return await MigrationConnection.open(login, "levain migrate");
  } catch (cause) {
    throw new PlatformError("MIGRATION_DATABASE_AWAY", [where], { cause });
  }
}

/** Another node with the same store may be migrating it. */
async function takeTurn(
  own: MigrationConnection,
  { clock, signal, branch }: StageOptions,
): Promise<void> {
  const deadlineMs = clock.nowMs() + migrationTurnTimeoutMs;
  while (!(await tryTurn(own))) {
    signal.throwIfAborted();
    if (clock.nowMs() > deadlineMs) throw new PlatformError("MIGRATION_IN_PROGRESS", [branch]);
    await Bun.sleep(migrationTurnPollMs);
  }
}
