/**
 * Writes the head that goes to the app: the client's own lines as they were sent, without those that speak of its
 * connection, and what the edge adds:
 *
 *   METHOD SP target SP scheme SP peer-address SP peer-port CRLF
 *   (kept lines) x-forwarded-for, x-forwarded-proto, x-request-id, traceparent
 */
import { isTokenRequestId, isTraceparent, type ParsedHead } from "./head-parser.ts";

export interface Peer {
  /** Without the zone and the IPv4-mapped prefix. */
  address: string;
  port: number;
  /** A proxy whose `x-forwarded-*` lines are believed. */
  isTrusted: boolean;
}

/** The request's id: the client's own when it is one, else the trace id in `ids`. */
export function requestIdOf(head: ParsedHead | null, ids: string): string {
  return head !== null && isTokenRequestId(head.requestId) ? head.requestId : ids.slice(0, 32);
}

/**
 * Writes the head at the start of `out`, which is large enough for a head of the largest size and what is added.
 *
 * @param ids a fresh trace id and span id, for a request that brings none
 * @returns its length.
 */
export function writeForwardedHead(
  out: Buffer,
  source: Buffer,
  head: ParsedHead,
  peer: Peer,
  ids: string,
): number {
  const { address, isTrusted } = peer;
  let at = out.latin1Write(`${head.method} ${head.target} http ${address} ${peer.port}\r\n`, 0);
  at = copyRanges(out, at, source, head.kept);
  let lines = head.hostIsFromTarget ? `host: ${head.host}\r\n` : "";
  if (isTrusted) at = copyRanges(out, at, source, head.forwarded);
  const before = isTrusted && head.forwardedFor !== "" ? `${head.forwardedFor}, ` : "";
  lines += `x-forwarded-for: ${before}${address}\r\n`;
  if (!(isTrusted && head.hasForwardedProto)) lines += "x-forwarded-proto: http\r\n";
  const traceparent = isTraceparent(head.traceparent)
    ? head.traceparent
    : `00-${ids.slice(0, 32)}-${ids.slice(32)}-01`;
  lines += `x-request-id: ${requestIdOf(head, ids)}\r\ntraceparent: ${traceparent}\r\n`;
  return at + out.latin1Write(lines, at);
}

function copyRanges(out: Buffer, start: number, source: Buffer, ranges: readonly number[]): number {
  let at = start;
  for (let index = 0; index < ranges.length; index += 2) {
    at += source.copy(out, at, ranges[index]!, ranges[index + 1]!);
  }
  return at;
}
