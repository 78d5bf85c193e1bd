/** Puts a request together as an instance takes it: the head for the app, and a short body that has come whole. */

import type { ParsedHead } from "../http/parsed-head.ts";
import { dataBytesMax, FLAG_END, FLAG_UPGRADE, type RequestStart } from "../router/destination.ts";
import { scratch } from "./edge-context.ts";
import type { Exchange } from "./exchange.ts";
import { type Peer, writeForwardedHead } from "./forwarded-head.ts";
import type { TraceLines } from "./trace-lines.ts";

/**
 * Writes to the scratch, which is sent or copied before anything else runs.
 *
 * @param source what `head` was parsed from
 * @param input what has come behind the head; `bodyEnd - bodyStart` of its bytes are used up
 * @returns with `FLAG_END` when the whole body is in it
 */
export function requestStart(
  source: Buffer,
  head: ParsedHead,
  peer: Peer,
  trace: TraceLines,
  { id, hooked, tally }: Exchange,
  input: Buffer,
): RequestStart {
  let headEnd = writeForwardedHead(scratch, source, head, peer, id, trace);
  if (hooked !== null) headEnd = hooked.writeLines(scratch, headEnd);
  let bodyEnd = headEnd;
  let flags = head.wantsWebSocket ? FLAG_UPGRADE : 0;
  // A longer body follows in frames of its own.
  if (!head.isChunked && head.contentLength <= Math.min(input.length, dataBytesMax)) {
    flags |= FLAG_END;
    const bodyBytes = Math.max(head.contentLength, 0);
    if (bodyBytes > 0) bodyEnd += input.copy(scratch, headEnd, 0, bodyBytes);
    tally.receivedBytes = bodyBytes;
  }
  return { buffer: scratch, headStart: 0, headEnd, bodyStart: headEnd, bodyEnd, flags };
}
