/**
 * The log of one app: a bounded backlog in memory that goes to files, one write at a time.
 *
 *   idle ──write()──▶ writing ──backlog empty──▶ idle
 *                       └──error──▶ failing ──after retryMs──▶ writing
 *
 * The first record after a silence is written at once; the next ones of a busy app collect for `writeDelayMs`, since a
 * write costs the same for one as for many. Readers do not notice: they look at the backlog too.
 *
 * A full backlog drops records and counts them; a `throttle` record then stands where they would have been.
 *
 * Record numbers grow without a hole: `end` is behind the last record in a file and the backlog follows it directly. So a
 * reader needs only a number to go on exactly where it was, on disk or in memory.
 */
import { rm } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import { LogAppender } from "./log-appender.ts";
import type { LogPosition } from "./log-files.ts";
import { encodeRecord, gapRecord, type LogEntry } from "./log-line.ts";
import type { LogRecord } from "./log-record.ts";

/** Bounds of a log; `limits.ts` says why they have the values they have. */
export interface LogBounds {
  fileBytesMax: number;
  filesMax: number;
  backlogBytesMax: number;
  backlogTotalBytesMax: number;
  batchBytesMax: number;
  writeDelayMs: number;
  retryMs: number;
}

/** What the logs of all apps share. */
export interface LogContext {
  clock: Clock;
  bounds: LogBounds;
  /** In the backlogs of all apps. Bytes. */
  backlogTotalBytes: number;
  /** An app's log cannot be written. Called once, and again only after it could be. */
  onFailure: (app: string, error: Error) => void;
}

export class AppLog {
  readonly app: string;
  readonly folder: string;
  readonly #context: LogContext;
  readonly #appender: LogAppender;
  readonly #backlog: LogEntry[] = [];
  #backlogBytes = 0;
  /** Records that have left the backlog. */
  #forgottenRecords = 0;
  /** Records dropped since the last one that was accepted. */
  #dropped = 0;
  #writing: Promise<void> | null = null;
  #wroteAtMs = Number.NEGATIVE_INFINITY;
  /** Ends the delay before the next write. */
  #hurry: (() => void) | null = null;
  /** Calls of `flush` that wait. */
  #flushes = 0;
  #retryTimer: ReturnType<typeof setTimeout> | null = null;
  #hasFailed = false;
  #isClosed = false;
  #isRemoved = false;
  readonly #watchers = new Set<() => void>();

  constructor(app: string, folder: string, context: LogContext) {
    this.app = app;
    this.folder = folder;
    this.#context = context;
    this.#appender = new LogAppender(folder, context.bounds);
  }

  /** No record will follow. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Closed, and its records are gone. */
  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** Behind the last record that is in a file. Before `open`, the very beginning. */
  get end(): LogPosition {
    return this.#appender.end;
  }

  /** Records that are not in a file yet; the first has the number `end.ordinal`. */
  get backlog(): readonly LogEntry[] {
    return this.#backlog;
  }

  /** Looks at the files, once. @throws {Error} when they cannot be read; the next call tries again. */
  open(): Promise<void> {
    return this.#appender.open();
  }

  /** Never throws, never waits. */
  write(record: LogRecord): void {
    if (this.#isClosed) return;
    if (this.#dropped > 0) this.#acceptGap();
    // While the gap is not noted nothing may follow it, or its place would be lost.
    if (this.#dropped > 0 || !this.#accept(encodeRecord(record))) this.#dropped += 1;
    this.#startWriting();
  }

  /** Resolves when what was accepted so far is in files, or could not be written just now. */
  async flush(): Promise<void> {
    if (this.#retryTimer !== null) this.#retry();
    const target = this.#forgottenRecords + this.#backlog.length;
    this.#flushes += 1;
    this.#hurry?.();
    while (this.#writing !== null && this.#forgottenRecords < target) await this.#writing;
    this.#flushes -= 1;
  }

  /** Resolves at the next record, when the log is closed, or at the signal. */
  changed(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        this.#watchers.delete(finish);
        signal?.removeEventListener("abort", finish);
        resolve();
      };
      this.#watchers.add(finish);
      signal?.addEventListener("abort", finish);
      if (signal?.aborted || this.#isClosed) finish();
    });
  }

  /** Writes what can be written, then ends the readers and ignores further records. Twice is safe. */
  async close(): Promise<void> {
    await this.flush();
    await this.#shut();
  }

  /** Closes the log without writing and removes its files. @throws {Error} when they cannot be removed. */
  async remove(): Promise<void> {
    this.#isRemoved = true;
    await this.#shut();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #shut(): Promise<void> {
    this.#isClosed = true;
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    this.#hurry?.();
    await this.#writing;
    this.#forget(this.#backlog.length, this.#backlogBytes);
    this.#wake();
  }

  // --- the backlog ---

  #accept(entry: LogEntry): boolean {
    const { bounds, backlogTotalBytes } = this.#context;
    const hasRoom =
      this.#backlogBytes + entry.bytes <= bounds.backlogBytesMax &&
      backlogTotalBytes + entry.bytes <= bounds.backlogTotalBytesMax;
    if (!hasRoom) return false;
    this.#backlog.push(entry);
    this.#backlogBytes += entry.bytes;
    this.#context.backlogTotalBytes += entry.bytes;
    if (this.#backlogBytes >= bounds.batchBytesMax) this.#hurry?.();
    this.#wake();
    return true;
  }

  #acceptGap(): void {
    const wallMs = this.#context.clock.wallMs();
    const why = "they came faster than they could be written";
    if (this.#accept(encodeRecord(gapRecord(this.app, wallMs, this.#dropped, why))))
      this.#dropped = 0;
  }

  #forget(records: number, bytes: number): void {
    this.#backlog.splice(0, records);
    this.#forgottenRecords += records;
    this.#backlogBytes -= bytes;
    this.#context.backlogTotalBytes -= bytes;
  }

  #wake(): void {
    if (this.#watchers.size === 0) return;
    for (const watcher of [...this.#watchers]) watcher();
  }

  // --- writing ---

  #startWriting(): void {
    if (this.#writing !== null || this.#retryTimer !== null || this.#isClosed) return;
    this.#writing = this.#write().finally(() => {
      this.#writing = null;
      // A record can have come after the last look at the backlog.
      if (this.#backlog.length > 0) this.#startWriting();
    });
  }

  async #write(): Promise<void> {
    try {
      await this.#appender.open();
      while (this.#backlog.length > 0) {
        await this.#delay();
        if (this.#isClosed) return;
        await this.#writeBatch();
        if (this.#backlog.length === 0 && this.#dropped > 0) this.#acceptGap();
      }
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) this.#context.onFailure(this.app, error as Error);
      this.#hasFailed = true;
      if (this.#isClosed) return;
      this.#retryTimer = setTimeout(() => this.#retry(), this.#context.bounds.retryMs);
      this.#retryTimer.unref();
    }
  }

  /** Waits for the end of the turn, so that its records leave together; longer when the last write was just before. */
  async #delay(): Promise<void> {
    const { bounds, clock } = this.#context;
    const isUrgent = this.#flushes > 0 || this.#backlogBytes >= bounds.batchBytesMax;
    const waitMs = isUrgent ? 0 : this.#wroteAtMs + bounds.writeDelayMs - clock.nowMs();
    await new Promise<void>((resolve) => {
      if (waitMs <= 0) {
        setImmediate(resolve);
        return;
      }
      const timer = setTimeout(resolve, waitMs);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#hurry = null;
  }

  async #writeBatch(): Promise<void> {
    const first = this.#backlog[0]!.bytes;
    const bytesMax = Math.min(this.#appender.room(first), this.#context.bounds.batchBytesMax);
    const lines: string[] = [];
    let bytes = 0;
    for (const entry of this.#backlog) {
      if (lines.length > 0 && bytes + entry.bytes > bytesMax) break;
      lines.push(entry.line);
      bytes += entry.bytes;
    }
    // Leaves the backlog as the end moves: a reader sees each record in exactly one of the two places.
    await this.#appender.append(Buffer.from(lines.join("")), lines.length, () =>
      this.#forget(lines.length, bytes),
    );
    this.#wroteAtMs = this.#context.clock.nowMs();
  }

  #retry(): void {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    this.#startWriting();
  }
}
