/**
 * The files of one app's log. A file's name is the number of its first record, counted since the app's first, so each
 * record has a number for good: the file's, plus the lines before it. That is how a reader that was overtaken by
 * rotation knows how many records it missed.
 *
 *   000000000000.jsonl   000000048211.jsonl   000000096630.jsonl  ◀── appended to
 *
 * A line without its line feed at the end of the newest file was cut off by a crash and does not count.
 */
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { logReadBytes } from "./limits.ts";

/** A place between two records. */
export interface LogPosition {
  /** Number of the file's first record. */
  file: number;
  /** Byte in the file. */
  offset: number;
  /** Number of the record that starts, or will start, here. */
  ordinal: number;
}

/** Consecutive lines, without their line feeds. */
export interface LogPiece {
  /** Number of the first line's record. */
  ordinal: number;
  lines: string[];
  /** Behind the last line. */
  next: LogPosition;
}

const LINE_FEED = 0x0a;
const NAME = /^(\d{12})\.jsonl$/;

export function fileName(file: number): string {
  return `${String(file).padStart(12, "0")}.jsonl`;
}

/** Files of a folder by their number, oldest first; none when there is no such folder. */
export async function listFiles(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names
    .map((name) => NAME.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((left, right) => left - right);
}

/** Where the next record goes. Behind it there may be the beginning of a line that was cut off. */
export async function findEnd(folder: string): Promise<LogPosition> {
  const file = (await listFiles(folder)).at(-1);
  const end: LogPosition = { file: file ?? 0, offset: 0, ordinal: file ?? 0 };
  if (file === undefined) return end;
  const handle = await open(join(folder, fileName(file)), "r");
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.allocUnsafe(logReadBytes);
    for (let offset = 0; offset < size; ) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) break;
      const piece = buffer.subarray(0, bytesRead);
      for (let at = piece.indexOf(LINE_FEED); at !== -1; at = piece.indexOf(LINE_FEED, at + 1)) {
        end.ordinal += 1;
        end.offset = offset + at + 1;
      }
      offset += bytesRead;
    }
    return end;
  } finally {
    await handle.close();
  }
}

/**
 * Reads from one place to another, a bounded piece at a time. No file is open while the caller has a piece, so a slow
 * reader keeps nothing from being removed. What rotation has removed is left out: the next piece's `ordinal` is then
 * larger than the one before led to expect.
 *
 * @param from its file need not exist any more; then reading goes on at the file that holds `from.ordinal` or, when that
 *   is gone too, at the oldest.
 */
export async function* readPieces(
  folder: string,
  from: LogPosition,
  end: LogPosition,
): AsyncGenerator<LogPiece> {
  let position: LogPosition | null = from;
  while (position !== null && position.ordinal < end.ordinal && position.file <= end.file) {
    const piece: LogPiece | null = await readPiece(folder, position, end);
    if (piece !== null) {
      position = piece.next;
      yield piece;
      continue;
    }
    // The file has no more lines, or is not there.
    position = locateNext(await listFiles(folder), position);
  }
}

/** Where to go on after the last line of a file, or when it is missing; null without such a place. */
function locateNext(files: readonly number[], { file, ordinal }: LogPosition): LogPosition | null {
  const following = files.findLast((candidate) => candidate <= ordinal && candidate > file);
  const next = following ?? files.find((candidate) => candidate > Math.max(file, ordinal));
  return next === undefined ? null : { file: next, offset: 0, ordinal: next };
}

/** The next whole lines of a file; null when it has none, or when there is no such file. */
async function readPiece(
  folder: string,
  position: LogPosition,
  end: LogPosition,
): Promise<LogPiece | null> {
  const { file, offset, ordinal } = position;
  const bytesMax = file === end.file ? end.offset - offset : Number.POSITIVE_INFINITY;
  if (bytesMax <= 0) return null;
  const path = join(folder, fileName(file));
  const handle = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (handle === null) return null;
  try {
    // Larger pieces only for a line that is longer than one.
    for (let length = logReadBytes; ; length *= 2) {
      const buffer = Buffer.allocUnsafe(Math.min(length, bytesMax));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
      const whole = buffer.subarray(0, bytesRead).lastIndexOf(LINE_FEED) + 1;
      if (whole > 0) {
        const lines = buffer.toString("utf8", 0, whole - 1).split("\n");
        return {
          ordinal,
          lines,
          next: { file, offset: offset + whole, ordinal: ordinal + lines.length },
        };
      }
      if (bytesRead < length) return null;
    }
  } finally {
    await handle.close();
  }
}
