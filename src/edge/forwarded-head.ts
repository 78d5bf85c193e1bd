/**
 * Writes the head that goes to the app: the client's own lines as they were sent, without those that speak of its
 * connection, and what the edge adds:
 *
 *   METHOD SP target SP scheme SP peer-address SP peer-port CRLF
 *   (kept lines) x-forwarded-for, x-forwarded-proto, x-request-id, traceparent
 */
import { isTokenRequestId, isTraceparent, type ParsedHead } from "./head-parser.ts";
import type { TraceIds } from "./trace-ids.ts";

export interface Peer {
  /** Without the zone and the IPv4-mapped prefix. */
  address: string;
  port: number;
  /** A proxy whose `x-forwarded-*` lines are believed. */
  isTrusted: boolean;
}

/**
 * Writes the head at the start of `out`, which is large enough for a head of the largest size and what is added.
 *
 * @returns its length, and sets `head.requestId` to the request's id.
 */
export function writeForwardedHead(
  out: Buffer,
  source: Buffer,
  head: ParsedHead,
  peer: Peer,
  ids: TraceIds,
): number {
  let at = out.latin1Write(
    `${head.method} ${head.target} http ${peer.address} ${peer.port}\r\n`,
    0,
  );
  at = copyRanges(out, at, source, head.kept);
  let lines = head.hostIsFromTarget ? `host: ${head.host}\r\n` : "";
  if (peer.isTrusted) {
    at = copyRanges(out, at, source, head.forwarded);
    lines += `x-forwarded-for: ${head.forwardedFor === "" ? "" : `${head.forwardedFor}, `}${peer.address}\r\n`;
    if (head.forwarded.length === 0) lines += "x-forwarded-proto: http\r\n";
  } else {
    lines += `x-forwarded-for: ${peer.address}\r\nx-forwarded-proto: http\r\n`;
  }
  const id = ids.next();
  if (!isTokenRequestId(head.requestId)) head.requestId = id.slice(0, 32);
  const traceparent = isTraceparent(head.traceparent)
    ? head.traceparent
    : `00-${id.slice(0, 32)}-${id.slice(32)}-01`;
  lines += `x-request-id: ${head.requestId}\r\ntraceparent: ${traceparent}\r\n`;
  return at + out.latin1Write(lines, at);
}

function copyRanges(out: Buffer, start: number, source: Buffer, ranges: readonly number[]): number {
  let at = start;
  for (let index = 0; index < ranges.length; index += 2) {
    at += source.copy(out, at, ranges[index]!, ranges[index + 1]!);
  }
  return at;
}
