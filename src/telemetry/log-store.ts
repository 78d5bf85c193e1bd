/**
 * The logs of all apps of a node: a folder with a folder per app. Writing never throws and never waits; see `AppLog` for
 * what happens when the disk does not keep up, and `log-reader.ts` for what a reader gets.
 */
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { asPlatformError, invariant, isDiskFull } from "../base/errors.ts";
import { AppLog, type LogBounds, type LogContext } from "./app-log.ts";
import {
  logBacklogBytesMax,
  logBacklogTotalBytesMax,
  logBatchBytesMax,
  logFileBytesMax,
  logFilesMax,
  logRetryMs,
  logWriteDelayMs,
} from "./limits.ts";
import { followRecords, type LogQuery, readRecords } from "./log-reader.ts";
import type { LogRecord, LogSink } from "./log-record.ts";

export interface LogStoreOptions {
  /** Holds `<app>/<number>.jsonl`. Made when the first record is written. One store at a time may write there. */
  dir: string;
  clock: Clock;
  /** Other bounds than those of `limits.ts`. */
  bounds?: Partial<LogBounds>;
  /** An app's log cannot be written. Called once, and again only after it could be. Default: says so on stderr. */
  onFailure?: (app: string, error: Error) => void;
}

export class LogStore implements LogSink {
  readonly #dir: string;
  readonly #context: LogContext;
  readonly #logs = new Map<string, AppLog>();
  #isClosed = false;

  constructor({ dir, clock, bounds, onFailure = reportFailure }: LogStoreOptions) {
    this.#dir = dir;
    this.#context = {
      clock,
      onFailure,
      backlogTotalBytes: 0,
      bounds: {
        fileBytesMax: logFileBytesMax,
        filesMax: logFilesMax,
        backlogBytesMax: logBacklogBytesMax,
        backlogTotalBytesMax: logBacklogTotalBytesMax,
        batchBytesMax: logBatchBytesMax,
        writeDelayMs: logWriteDelayMs,
        retryMs: logRetryMs,
        ...bounds,
      },
    };
  }

  /** Takes a record for the log of `record.app`. What cannot be kept is dropped and counted. */
  write(record: LogRecord): void {
    if (!this.#isClosed) this.#log(record.app).write(record);
  }

  /**
   * The records an app's log has now, oldest first, also those that are not in a file yet.
   *
   * @throws {Error} of the file system, when the files cannot be read.
   */
  read(app: string, query: LogQuery = {}): AsyncIterable<LogRecord> {
    return readRecords(this.#log(app), query, this.#context.clock);
  }

  /**
   * What `read` gives, and then each matching record as it comes, without a gap or a duplicate. Ends, without throwing,
   * at the signal and when the log is removed or the store closed. Memory does not depend on how slow the reader is.
   *
   * @throws {Error} of the file system, when the files cannot be read.
   */
  follow(app: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogRecord> {
    if (this.#isClosed) return this.read(app, query);
    return followRecords(this.#log(app), query, this.#context.clock, signal);
  }

  /** Resolves when every record so far is in a file, or could not be written just now. Never rejects. */
  async flush(): Promise<void> {
    await Promise.all([...this.#logs.values()].map((log) => log.flush()));
  }

  /**
   * Removes an app's log and ends its readers. Records that come later begin a new one, so stop the app's processes first.
   *
   * @throws {Error} of the file system.
   */
  async remove(app: string): Promise<void> {
    const log = this.#log(app);
    try {
      await log.remove();
    } finally {
      this.#logs.delete(app);
    }
  }

  /** Writes what can be written and ends all readers; ignores what comes later. Twice is safe. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#logs.values()].map((log) => log.close()));
  }

  #log(app: string): AppLog {
    let log = this.#logs.get(app);
    if (log === undefined) {
      // Names are checked where they enter. This one becomes a path, so a mistake there must not become a hole here.
      invariant(
        /^[^/\0]{1,255}$/.test(app) && app !== "." && app !== "..",
        "an app's name is a file name",
      );
      log = new AppLog(app, join(this.#dir, app), this.#context);
      this.#logs.set(app, log);
    }
    return log;
  }
}

function reportFailure(app: string, error: Error): void {
  const why = isDiskFull(error) ? asPlatformError(error).message : error.message;
  console.error(`levain: cannot write the log of app "${app}": ${why}`);
}
