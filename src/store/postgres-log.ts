/**
 * The server's log. PostgreSQL writes to the file itself: a pipe through the node would end it when the node is killed.
 * So the file is only looked at from outside, and a full one is set aside.
 */
import { closeSync, openSync } from "node:fs";
import { copyFile, open, stat, truncate } from "node:fs/promises";
import { postgresLogBytesMax, postgresLogTailBytes, postgresLogTailLines } from "./limits.ts";

/** Descriptor for the server's stderr; the caller closes it once the server has it. */
export function openLog(path: string): { fd: number; close(): void } {
  // Appending is what makes setting aside safe: after the file was emptied, the server writes at its new end.
  const fd = openSync(path, "a", 0o600);
  return { fd, close: () => closeSync(fd) };
}

/** Makes `<path>.1` of a log that is full. Lines written in that moment can be lost. Never throws. */
export async function boundLog(path: string): Promise<void> {
  try {
    if ((await stat(path)).size < postgresLogBytesMax) return;
    await copyFile(path, `${path}.1`);
    await truncate(path);
  } catch {
    // No log yet, or a full disk, which PostgreSQL itself reports where it matters.
  }
}

/** Last lines of the log that were written after `fromByte`, oldest first. Never throws. */
export async function logTail(path: string, fromByte: number): Promise<string[]> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const start = Math.max(size - postgresLogTailBytes, Math.min(fromByte, size));
    const buffer = Buffer.alloc(size - start);
    await file.read(buffer, 0, buffer.length, start);
    const lines = buffer.toString("utf8").split("\n");
    return lines.filter((line) => line.trim() !== "").slice(-postgresLogTailLines);
  } catch {
    return [];
  }
}

/** What the server last called fatal, without its time and pid, or null. Pure. */
export function lastComplaint(lines: readonly string[]): string | null {
  for (const line of lines.toReversed()) {
    const complaint = /\b(?:FATAL|PANIC): {2}(.*)$/.exec(line)?.[1];
    if (complaint !== undefined) return complaint;
  }
  return null;
}

/** Size of the log now, to read only what comes after. 0 without one. Bytes. */
export async function logSize(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}
