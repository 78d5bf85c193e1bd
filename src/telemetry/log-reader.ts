/**
 * Reads one app's log: what there is, and then what comes. A reader keeps the number of its next record and fetches it
 * from where it is by then, a file or the backlog. So there is neither a gap nor a duplicate between old and new, and a
 * slow reader holds one piece of a file and nothing else. One that is so slow that rotation overtakes it gets a
 * `throttle` record with the number of records it missed.
 */
import type { Clock } from "../base/clock.ts";
import type { AppLog } from "./app-log.ts";
import { type LogPosition, listFiles, readPieces } from "./log-files.ts";
import { decodeRecord, gapRecord, isOpen, type LogFilter, matches } from "./log-line.ts";
import type { LogRecord } from "./log-record.ts";

export interface LogQuery extends LogFilter {
  /** Of the records that are there already, only the newest. Count. */
  tail?: number | undefined;
}

/** How far a reader has come. */
interface Cursor {
  /** Number of the next record. */
  ordinal: number;
  /** A place in the files that is not far before it. */
  position: LogPosition;
}

/** One step of a reader: a record, or the number of records that rotation took away before it got to them. */
type Step = { ordinal: number; record: LogRecord } | { missed: number };

/** The records that are there now and match, oldest first. */
export async function* readRecords(
  log: AppLog,
  query: LogQuery,
  clock: Clock,
): AsyncGenerator<LogRecord> {
  await log.open();
  const until = countRecords(log);
  const cursor = await startCursor(log, query, until);
  yield* select(log, query, clock, advance(log, cursor, until));
}

/** As `readRecords`, and then each matching record as it comes, until the signal or until the log is closed. */
export async function* followRecords(
  log: AppLog,
  query: LogQuery,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<LogRecord> {
  await log.open();
  const cursor = await startCursor(log, query, countRecords(log));
  while (!signal.aborted) {
    const until = countRecords(log);
    if (cursor.ordinal < until) {
      yield* select(log, query, clock, advance(log, cursor, until, signal));
    } else {
      if (log.isClosed) return;
      await log.changed(signal);
    }
  }
}

/** Number of the next record to come: as many as there ever were. */
function countRecords(log: AppLog): number {
  return log.end.ordinal + log.backlog.length;
}

async function* select(
  log: AppLog,
  query: LogQuery,
  clock: Clock,
  steps: AsyncGenerator<Step>,
): AsyncGenerator<LogRecord> {
  for await (const step of steps) {
    if ("missed" in step) {
      // Whatever the filter: what is missing might have matched.
      yield gapRecord(log.app, clock.wallMs(), step.missed, "this reader was slower than the log");
    } else if (matches(step.record, query)) {
      yield step.record;
    }
  }
}

/** Where a reader starts: at the oldest record, or at the oldest of the newest `tail` that match. */
async function startCursor(log: AppLog, query: LogQuery, until: number): Promise<Cursor> {
  const oldest = (await listFiles(log.folder))[0] ?? log.end.ordinal;
  const cursor = cursorAt(Math.min(oldest, until));
  if (query.tail === undefined) return cursor;
  if (isOpen(query)) return cursorAt(Math.max(cursor.ordinal, until - query.tail));

  // Reads twice rather than keep the records: only their numbers, the oldest of which is overwritten.
  const newest: number[] = [];
  let matched = 0;
  for await (const step of advance(log, cursor, until)) {
    if ("missed" in step || !matches(step.record, query)) continue;
    newest[matched % query.tail] = step.ordinal;
    matched += 1;
  }
  return cursorAt(newest[matched % newest.length] ?? until);
}

/** No file has this number, so the first look finds the one that holds the record. */
const NO_FILE = -1;

function cursorAt(ordinal: number): Cursor {
  return { ordinal, position: { file: NO_FILE, offset: 0, ordinal } };
}

/** Moves the cursor to record `until`, or until the signal, one record at a time. */
async function* advance(
  log: AppLog,
  cursor: Cursor,
  until: number,
  signal?: AbortSignal,
): AsyncGenerator<Step> {
  while (cursor.ordinal < until && !signal?.aborted) {
    const { end } = log;
    if (cursor.ordinal < end.ordinal) {
      yield* advanceInFiles(log, cursor, Math.min(until, end.ordinal), signal);
      continue;
    }
    if (cursor.ordinal === end.ordinal) cursor.position = end;
    const entry = log.backlog[cursor.ordinal - end.ordinal];
    if (entry === undefined) return; // the log was closed with records that could not be written
    cursor.ordinal += 1;
    yield { ordinal: cursor.ordinal - 1, record: entry.record };
  }
}

async function* advanceInFiles(
  log: AppLog,
  cursor: Cursor,
  until: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Step> {
  for await (const piece of readPieces(log.folder, cursor.position, log.end)) {
    if (piece.ordinal > cursor.ordinal) {
      const missed = Math.min(piece.ordinal, until) - cursor.ordinal;
      cursor.ordinal += missed;
      yield { missed };
    }
    for (const [index, line] of piece.lines.entries()) {
      const ordinal = piece.ordinal + index;
      if (signal?.aborted || cursor.ordinal >= until) return;
      if (ordinal < cursor.ordinal) continue;
      cursor.ordinal = ordinal + 1;
      const record = decodeRecord(line);
      if (record !== null) yield { ordinal, record };
    }
    cursor.position = piece.next;
    if (cursor.ordinal >= until) return;
  }
  // The files ended early: they were removed.
  if (cursor.ordinal < until && !signal?.aborted) {
    const missed = until - cursor.ordinal;
    cursor.ordinal = until;
    if (!log.isRemoved) yield { missed };
  }
}
