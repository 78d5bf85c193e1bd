/**
 * Writes the head that goes to the app: the client's own lines as they were sent, without those that speak of its
 * connection, and what the edge adds:
 *
 *   METHOD SP target SP scheme SP host SP request-id SP peer-address SP peer-port CRLF
 *   (kept lines) x-forwarded-for, x-forwarded-proto, x-request-id, traceparent
 */
import { isTraceparent } from "../http/head-parser.ts";
import type { ParsedHead } from "../http/parsed-head.ts";
import type { RequestId } from "./request-id.ts";
import { REQUEST_ID_LINE_BYTES, TRACE_LINES_BYTES, type TraceLines } from "./trace-lines.ts";

/** The other end of a connection. What every request of it has in common is put together once. */
export class Peer {
  /** Without the zone and the IPv4-mapped prefix. */
  readonly address: string;
  /** A proxy whose `x-forwarded-*` lines are believed. */
  readonly isTrusted: boolean;
  /** How the first line ends. */
  readonly lineEnd: string;
  /** What is said of a request that brings nothing that is believed. */
  readonly forwardedLines: string;

  constructor(address: string, port: number, isTrusted: boolean) {
    this.address = address;
    this.isTrusted = isTrusted;
    this.lineEnd = ` ${address} ${port}\r\n`;
    this.forwardedLines = `x-forwarded-for: ${address}\r\nx-forwarded-proto: http\r\n`;
  }
}

const HTTP = Buffer.from(" http ");
const HTTPS = Buffer.from(" https ");

/**
 * Writes the head at the start of `out`, which is large enough for a head of the largest size and what is added.
 *
 * @param trace lines for a request that brings no ids of its own
 * @returns its length.
 */
export function writeForwardedHead(
  out: Buffer,
  source: Buffer,
  head: ParsedHead,
  peer: Peer,
  id: RequestId,
  trace: TraceLines,
): number {
  let at =
    head.targetEnd > 0
      ? source.copy(out, 0, head.start, head.targetEnd)
      : out.latin1Write(`${head.method} ${head.target}`, 0);
  at += (peer.isTrusted && head.isForwardedSecure ? HTTPS : HTTP).copy(out, at);
  at += out.latin1Write(head.host, at);
  at = id.write(out, at);
  at += out.latin1Write(peer.lineEnd, at);
  at = head.kept.copy(source, out, at);
  if (head.hostIsFromTarget) at += out.latin1Write(`host: ${head.host}\r\n`, at);
  if (peer.isTrusted) at = writeBelieved(out, at, source, head, peer.address);
  else at += out.latin1Write(peer.forwardedLines, at);

  const made = trace.buffer;
  const madeEnd = trace.at + TRACE_LINES_BYTES;
  if (id.isMadeNow && head.traceparent === "") return at + made.copy(out, at, trace.at, madeEnd);
  at = id.writeLine(out, at);
  return isTraceparent(head.traceparent)
    ? at + out.latin1Write(`traceparent: ${head.traceparent}\r\n`, at)
    : at + made.copy(out, at, trace.at + REQUEST_ID_LINE_BYTES, madeEnd);
}

/** What a trusted proxy says, and that it was the one who said it. */
function writeBelieved(
  out: Buffer,
  start: number,
  source: Buffer,
  head: ParsedHead,
  address: string,
): number {
  const at = head.forwarded.copy(source, out, start);
  const before = head.forwardedFor === "" ? "" : `${head.forwardedFor}, `;
  let lines = `x-forwarded-for: ${before}${address}\r\n`;
  if (!head.hasForwardedProto) lines += "x-forwarded-proto: http\r\n";
  return at + out.latin1Write(lines, at);
}
