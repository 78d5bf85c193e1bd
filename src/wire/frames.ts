/**
 * The frames of the wire: what travels between the node and a runner on one stream socket.
 *
 *   u32 payload length │ u8 type │ u8 flags │ u32 stream │ payload      (little endian, 10 bytes of header)
 *
 *   node → runner   REQUEST  head and, when it is short, the whole body
 *                   CANCEL   nobody waits for the answer any more
 *                   PING     u32, comes back in PONG
 *   runner → node   RESPONSE head and, when it is short, the whole body
 *                   TUNNEL   the request was upgraded; payload is the 101 head, then DATA is opaque
 *                   RESET    the answer will not come or not go on; payload is a reason and a text
 *                   PONG     one for each PING
 *   both            DATA     a piece of a body or of a tunnel
 *                   WINDOW   u32: so many more bytes may be sent on this stream
 *                   CONTROL  JSON, or a piece of it; END is on the last piece: load, started, loaded, failed …
 *
 * The node opens a stream with REQUEST. The runner ends it, always and once: with END on RESPONSE or DATA, or with
 * RESET, which is also its answer to CANCEL. Until then the stream's number is taken, so a frame can never be for
 * another stream than the one it was sent for. What the node sends may cross that end on the way; the runner drops it.
 */

export const FRAME_HEADER_BYTES = 10;

export const FrameType = {
  REQUEST: 1,
  DATA: 2,
  CANCEL: 3,
  WINDOW: 4,
  PING: 5,
  CONTROL: 6,
  RESPONSE: 7,
  RESET: 8,
  TUNNEL: 9,
  PONG: 10,
} as const;

/** Nothing more follows in this direction. */
export const FLAG_END = 1;
/** On REQUEST: the client asks for a WebSocket. */
export const FLAG_UPGRADE = 2;

/** On RESPONSE: the app wants the client's connection closed after it. */
export const FLAG_CLOSE = 4;

/** Why a runner gave up on a stream; the first byte of RESET. */
export const ResetReason = {
  /** The handler threw or rejected before its head was sent. */
  HANDLER_THREW: 1,
  /** The handler returned something that is not a Response, or one that cannot be framed. */
  RESPONSE_INVALID: 2,
  /** The body failed after the head was sent. */
  BODY_FAILED: 3,
  /** The tunnel's far end went away. */
  TUNNEL_CLOSED: 4,
  /** The node sent CANCEL. */
  CANCELLED: 5,
} as const;

/** The peer broke the protocol; the wire is closed. Never reaches app code. */
export class WireProtocolError extends Error {
  override readonly name = "WireProtocolError";
}
