/** Lines of an answer's head that the edge writes itself. */
import { STATUS_CODES } from "node:http";

const CR = 0x0d;
const LF = 0x0a;
const LENGTH_NAME = Buffer.from("content-length: ");

/** Writes the line; returns where it ends. */
export function writeContentLength(out: Buffer, start: number, length: number): number {
  let at = start + LENGTH_NAME.copy(out, start);
  if (length < 10) out[at++] = 0x30 + length;
  else at += out.latin1Write(String(length), at);
  out[at++] = CR;
  out[at++] = LF;
  return at;
}

const STATUS_LINES = new Map<number, string>();

/** @param reason empty for the usual one */
export function statusLine(status: number, reason: string): string {
  if (reason !== "") return `HTTP/1.1 ${status} ${reason}\r\n`;
  let line = STATUS_LINES.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
    STATUS_LINES.set(status, line);
  }
  return line;
}
