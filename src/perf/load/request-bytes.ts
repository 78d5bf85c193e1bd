/** Requests as they are sent, written once before a run. */
import { createHash, randomBytes } from "node:crypto";
import type { PreparedRequest } from "./plan.ts";

/** RFC 6455, 1.3. */
const acceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** One kind of request, ready to be sent any number of times. */
export interface ReadyRequest {
  bytes: Buffer;
  /** Its answer has no body, whatever the head says. */
  isHead: boolean;
  /** What is sent back to a WebSocket message. */
  echo: Buffer;
}

/** A request of HTTP/1.1, which keeps its connection unless a line of it says otherwise. */
export function httpRequest(request: PreparedRequest): ReadyRequest {
  const { method, body } = request;
  const lines = [`${method} ${request.target} HTTP/1.1`, `host: ${request.host}`];
  lines.push(...request.headerLines);
  if (body !== null) lines.push(`content-length: ${body.length}`);
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  const bytes = body === null ? head : Buffer.concat([head, body]);
  return { bytes, isHead: method === "HEAD", echo: Buffer.alloc(0) };
}

/** The upgrade that opens a WebSocket, and the value that `sec-websocket-accept` must have. */
export function webSocketHandshake(request: PreparedRequest): { bytes: Buffer; accept: string } {
  const key = randomBytes(16).toString("base64");
  const lines = [
    `GET ${request.target} HTTP/1.1`,
    `host: ${request.host}`,
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    `sec-websocket-key: ${key}`,
    ...request.headerLines,
  ];
  return {
    bytes: Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"),
    accept: createHash("sha1").update(`${key}${acceptGuid}`).digest("base64"),
  };
}

/** A binary message, whose echo has the same payload. */
export function webSocketMessage(request: PreparedRequest): ReadyRequest {
  const payload = Buffer.from(request.body ?? new Uint8Array());
  return { bytes: maskedFrame(0x2, payload), isHead: false, echo: payload };
}

/** One whole frame of a client, which has to be masked (RFC 6455, 5.3). */
export function maskedFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 2 ** 16 ? 2 : 8;
  const frame = Buffer.alloc(2 + extended + 4 + length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) frame.writeUInt16BE(length, 2);
  else if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  const mask = randomBytes(4);
  const start = 2 + extended + 4;
  mask.copy(frame, start - 4);
  for (let at = 0; at < length; at++) frame[start + at] = payload[at]! ^ mask[at % 4]!;
  return frame;
}
