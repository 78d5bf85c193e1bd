/**
 * A log record as one line of JSON and back. What is written is bounded, whatever the record holds; what is read may be
 * anything, since a file can have been cut off by a crash or edited by hand.
 */
import { logMessageCharactersMax, logRecordBytesMax } from "./limits.ts";
import type { LogRecord } from "./log-record.ts";

/** Which records a reader wants. All that are given have to match. */
export interface LogFilter {
  /** Number of a version. */
  version?: number | undefined;
  /** Wall-clock milliseconds; records from before are left out. */
  sinceMs?: number | undefined;
  /** Plain text that the message must contain. */
  grep?: string | undefined;
}

/** A record as it stands in the file. */
export interface LogEntry {
  record: LogRecord;
  /** JSON and a line feed. */
  line: string;
  bytes: number;
}

/** Makes the line of a record. The entry's record says what the line says: cut where the line is. */
export function encodeRecord(record: LogRecord): LogEntry {
  let kept = record;
  if (record.message.length > logMessageCharactersMax) {
    kept = { ...record, message: cutMessage(record.message) };
  }
  let line = stringify(kept);
  if (line === null || Buffer.byteLength(line) > logRecordBytesMax) {
    // The message fits, even with each of its characters escaped; so it is the fields.
    kept = { ...kept, fields: { leftOut: line === null ? "not JSON" : "too large" } };
    line = stringify(kept) ?? "";
  }
  line += "\n";
  return { record: kept, line, bytes: Buffer.byteLength(line) };
}

/** The record of a line, or null when the line holds none. */
export function decodeRecord(line: string): LogRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  const record = value as Partial<LogRecord> | null;
  const isRecord =
    typeof record === "object" &&
    record !== null &&
    typeof record.time === "string" &&
    typeof record.app === "string" &&
    typeof record.stream === "string" &&
    typeof record.message === "string";
  return isRecord ? (record as LogRecord) : null;
}

/** True when the filter lets every record pass. */
export function isOpen(filter: LogFilter): boolean {
  return filter.version === undefined && filter.sinceMs === undefined && filter.grep === undefined;
}

export function matches(record: LogRecord, filter: LogFilter): boolean {
  if (filter.version !== undefined && record.version !== filter.version) return false;
  if (filter.sinceMs !== undefined && Date.parse(record.time) < filter.sinceMs) return false;
  return filter.grep === undefined || record.message.includes(filter.grep);
}

/** Says that records are missing at this place. */
export function gapRecord(app: string, wallMs: number, records: number, why: string): LogRecord {
  return {
    time: new Date(wallMs).toISOString(),
    app,
    version: null,
    instance: null,
    stream: "platform",
    requestId: null,
    event: "throttle",
    message: `${records} log ${records === 1 ? "record was" : "records were"} left out here: ${why}`,
    fields: { dropped: records },
  };
}

function cutMessage(message: string): string {
  const marker = ` … (cut, ${message.length} characters)`;
  return message.slice(0, logMessageCharactersMax - marker.length) + marker;
}

function stringify(record: LogRecord): string | null {
  try {
    return JSON.stringify(record);
  } catch {
    return null; // a cycle or a bigint in the fields
  }
}
