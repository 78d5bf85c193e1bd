/**
 * The backups of a running node: one at a time, when somebody asks and when the schedule says so. What came of them is in
 * `backups.json` of the data directory, so that a restart forgets neither the schedule nor a failure.
 *
 *   resting ──run()──▶ making ──done or failed──▶ resting
 *      └─ due ────────────▲   └── node stops ──▶ ended, and due again
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { asPlatformError, messageOf, PlatformError } from "../base/errors.ts";
import { makeInChild } from "./backup-child.ts";
import { newBackupId, storedBytes } from "./backup-manifest.ts";
import { readManifest } from "./check-backup.ts";
import type { BackupDone, BackupJob, BackupProgress } from "./make-backup.ts";
import { type BackupHistory, backupHistory, dueAtMs, emptyHistory, isOverdue } from "./schedule.ts";
import { openStorage, type S3Access } from "./storage.ts";

/** What the node is told of backups. */
export interface BackupPlan {
  /** Where they go unless somebody says otherwise. */
  to?: string | undefined;
  everyMs?: number | undefined;
  at?: string | undefined;
  keep: number;
  passphrase?: string | undefined;
  logs: "none" | "all";
}

/** What one call may say otherwise. */
export interface BackupRequest {
  to?: string | undefined;
  access?: S3Access | undefined;
  passphrase?: string | undefined;
  withLogs?: boolean | undefined;
}

/** What is copied, kept from going away until it is let go. */
export interface HeldNode {
  job: Pick<
    BackupJob,
    "connection" | "masterKeyFile" | "givenKeyIds" | "levain" | "settings" | "counts"
  >;
  release(): void;
}

export interface BackupsOptions {
  dataDir: string;
  plan: BackupPlan;
  access: S3Access;
  env: Readonly<Record<string, string | undefined>>;
  /** @throws {PlatformError} when there is nothing that could be copied now */
  hold(): Promise<HeldNode>;
  clock: Pick<Clock, "wallMs">;
  /** A line for the node's log. */
  note(line: string): void;
}

export interface BackupsFacts {
  to: string | null;
  /** Id of the one that is being made. */
  running: string | null;
  nextAtMs: number | null;
  lastGood: BackupHistory["lastGood"];
  /** Of the last try, when that failed. */
  lastFailure: BackupHistory["lastFailure"];
  isOverdue: boolean;
}

/** One backup in its place. */
export interface ListedBackup {
  id: string;
  startedAtMs: number;
  finishedAtMs: number;
  bytes: number;
  trigger: "command" | "schedule";
  isEncrypted: boolean;
  hasMasterKey: boolean;
  levain: string;
  dataDir: string;
  counts: { apps: number; databases: number; artifacts: number };
}

/** The longest that a timer sleeps: clocks are set. Milliseconds. */
const lookMs = 60_000;

export class Backups {
  readonly #options: BackupsOptions;
  readonly #stop = new AbortController();
  #history: BackupHistory;
  #running: { id: string; ended: Promise<unknown> } | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: BackupsOptions) {
    this.#options = options;
    this.#history = this.#readHistory();
  }

  /** Begins with the schedule. Call it when the store can be used. */
  start(): void {
    const { to, everyMs, at } = this.#options.plan;
    if (to === undefined || (everyMs === undefined && at === undefined)) return;
    this.#arm();
  }

  /**
   * Makes a backup now.
   *
   * @throws {PlatformError} `BACKUP_DESTINATION_MISSING`, `BACKUP_RUNNING`, `BACKUP_FAILED`, `BACKUP_STORAGE_FAILED`, `INPUT_INVALID`
   */
  run(
    request: BackupRequest,
    onProgress: (progress: BackupProgress) => void,
    signal?: AbortSignal,
  ): Promise<BackupDone> {
    return this.#run("command", request, onProgress, signal);
  }

  facts(): BackupsFacts {
    const { plan, clock } = this.#options;
    const { lastGood, lastFailure, failures } = this.#history;
    return {
      to: plan.to ?? null,
      running: this.#running?.id ?? null,
      nextAtMs: plan.to === undefined ? null : dueAtMs(plan, this.#history),
      lastGood,
      lastFailure: failures === 0 ? null : lastFailure,
      isOverdue: plan.to !== undefined && isOverdue(plan, this.#history, clock.wallMs()),
    };
  }

  /** What there is where this node's go, newest first. @throws {PlatformError} as `run` */
  list(): Promise<ListedBackup[]> {
    const { plan, access } = this.#options;
    if (plan.to === undefined) throw new PlatformError("BACKUP_DESTINATION_MISSING", []);
    return listBackups(plan.to, access);
  }

  /** One that is being made is given up. Resolves when its process is gone. Twice is safe. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#stop.abort(new PlatformError("NODE_DRAINING", []));
    await this.#running?.ended.catch(() => {});
  }

  async #run(
    trigger: BackupJob["trigger"],
    request: BackupRequest,
    onProgress: (progress: BackupProgress) => void,
    signal?: AbortSignal,
  ): Promise<BackupDone> {
    const { plan, clock } = this.#options;
    const to = request.to ?? plan.to;
    if (to === undefined) throw new PlatformError("BACKUP_DESTINATION_MISSING", []);
    if (this.#running !== null) throw new PlatformError("BACKUP_RUNNING", [this.#running.id]);
    const access = request.access ?? this.#options.access;
    const id = newBackupId(clock.wallMs(), crypto.getRandomValues(new Uint8Array(3)));
    const own = { id, to, access, trigger };
    const ended = this.#make(own, request, onProgress, signal);
    this.#running = { id, ended };
    try {
      return await ended;
    } finally {
      this.#running = null;
      if (this.#timer !== null) this.#arm();
    }
  }

  async #make(
    own: Pick<BackupJob, "id" | "to" | "access" | "trigger">,
    request: BackupRequest,
    onProgress: (progress: BackupProgress) => void,
    signal: AbortSignal | undefined,
  ): Promise<BackupDone> {
    const { plan, clock, dataDir, env, hold } = this.#options;
    const startedAtMs = clock.wallMs();
    // What goes elsewhere says nothing of the place that is relied on.
    const isOwn = plan.to === undefined || own.to === plan.to;
    const ended = AbortSignal.any([this.#stop.signal, ...(signal === undefined ? [] : [signal])]);
    try {
      // Says what is wrong with the address before anything begins.
      openStorage(own.to, own.access);
      const held = await hold();
      try {
        const job: BackupJob = {
          ...own,
          ...held.job,
          passphrase: request.passphrase ?? plan.passphrase ?? null,
          keep: own.trigger === "schedule" ? plan.keep : null,
          withLogs: request.withLogs ?? plan.logs === "all",
          dataDir,
          startedAtMs,
        };
        const done = await makeInChild(job, env, onProgress, ended);
        const { id, where, bytes } = done;
        const lastGood = { id, where, startedAtMs, finishedAtMs: clock.wallMs(), bytes };
        if (isOwn) this.#keep({ ...this.#history, lastGood, failures: 0 });
        return done;
      } finally {
        held.release();
      }
    } catch (error) {
      const { code, message } = asPlatformError(error);
      // Whoever gave it up knows.
      if (isOwn && !ended.aborted) {
        const lastFailure = { atMs: clock.wallMs(), code, message };
        this.#keep({ ...this.#history, lastFailure, failures: this.#history.failures + 1 });
      }
      throw error;
    }
  }

  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#stop.signal.aborted) return;
    const { plan, clock } = this.#options;
    const inMs = (dueAtMs(plan, this.#history) ?? Number.POSITIVE_INFINITY) - clock.wallMs();
    this.#timer = setTimeout(() => void this.#look(), Math.min(Math.max(inMs, 0), lookMs));
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const { plan, clock, note } = this.#options;
    const dueMs = dueAtMs(plan, this.#history);
    if (dueMs === null) return;
    // Afterwards the end of the one that runs arms the timer again.
    if (this.#running !== null) return;
    if (clock.wallMs() < dueMs) return this.#arm();
    try {
      const { id, removed, stayedFor } = await this.#run("schedule", {}, () => {});
      const gone = removed.length === 0 ? "" : `; ${removed.length} older ones made way`;
      note(`Backup ${id} is in ${plan.to}${gone}`);
      if (stayedFor !== null) note(`Older backups could not be removed: ${stayedFor}`);
    } catch (error) {
      if (!this.#stop.signal.aborted) note(`The backup failed: ${messageOf(error)}`);
    }
  }

  get #path(): string {
    return join(this.#options.dataDir, "backups.json");
  }

  #readHistory(): BackupHistory {
    try {
      return backupHistory.parse(JSON.parse(readFileSync(this.#path, "utf8")));
    } catch {
      const history = emptyHistory(this.#options.clock.wallMs());
      this.#keep(history);
      return history;
    }
  }

  #keep(history: BackupHistory): void {
    this.#history = history;
    const unfinished = `${this.#path}.unfinished`;
    try {
      const fd = openSync(unfinished, "w", 0o600);
      try {
        writeSync(fd, `${JSON.stringify(history, null, 2)}\n`);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(unfinished, this.#path);
    } catch (error) {
      this.#options.note(`Cannot write ${this.#path}: ${messageOf(error)}`);
    }
  }
}

/** @throws {PlatformError} `BACKUP_STORAGE_FAILED`, `INPUT_INVALID` */
export async function listBackups(to: string, access: S3Access): Promise<ListedBackup[]> {
  const storage = openStorage(to, access);
  const listed: ListedBackup[] = [];
  for (const id of await storage.ids()) {
    try {
      const manifest = await readManifest({ storage, id });
      const { startedAtMs, finishedAtMs, trigger, levain, counts, encryption } = manifest;
      const { isIncluded: hasMasterKey } = manifest.masterKey;
      const { dataDir } = manifest.node;
      const facts = {
        id,
        startedAtMs,
        finishedAtMs,
        trigger,
        levain,
        counts,
        hasMasterKey,
        dataDir,
      };
      listed.push({ ...facts, bytes: storedBytes(manifest), isEncrypted: encryption !== null });
    } catch (error) {
      // One that cannot be read must not hide the others; `verify` says what is wrong with it.
      if (asPlatformError(error).code === "BACKUP_STORAGE_FAILED") throw error;
    }
  }
  return listed;
}
