/** WebSocket frames, good and hostile, as bytes: the tunnel carries what the app's end makes of them. */
import { type Case, same } from "../case.ts";
import type { Step } from "../raw-client.ts";
import { get, marked } from "./request-text.ts";

const OPEN = get(
  "/ws/echo?key={key}",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
);

const MASK = [0x61, 0x62, 0x63, 0x64] as const;

interface FrameOptions {
  /** Last frame of its message. Default true. */
  fin?: boolean;
  /** Default true, as a client's must be. */
  masked?: boolean;
  /** Reserved bits, 0 to 7. Default 0. */
  reserved?: number;
  /** Length to announce instead of the true one. */
  length?: number;
}

/** A frame up to 65,535 bytes as a Latin-1 string. */
function frame(opcode: number, payload: string, options: FrameOptions = {}): string {
  const { fin = true, masked = true, reserved = 0, length = payload.length } = options;
  const short = Math.min(length, 126);
  const bytes = [(fin ? 0x80 : 0) | (reserved << 4) | opcode, (masked ? 0x80 : 0) | short];
  if (short === 126) bytes.push(length >> 8, length & 0xff);
  if (masked) bytes.push(...MASK);
  for (let index = 0; index < payload.length; index++) {
    bytes.push(payload.charCodeAt(index) ^ (masked ? MASK[index % 4]! : 0));
  }
  return String.fromCharCode(...bytes);
}

const TEXT = 1;
const BINARY = 2;
const CONTINUATION = 0;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** Opens a socket, sends the frames, and waits for so many bytes. */
const answered = (claim: string, bytes: number, ...frames: Step[]): Case => ({
  claim,
  steps: [OPEN, { until: "head" }, ...frames, { until: "body", bytes }],
  finally: "leave",
  judge: same,
});

/** Opens a socket, sends the frames, and waits for the server to close. */
const closing = (claim: string, ...frames: Step[]): Case => ({
  claim,
  steps: [OPEN, { until: "head" }, ...frames],
  finally: "wait",
  judge: same,
});

export const frames: readonly Case[] = [
  answered("a frame is echoed", 7, frame(TEXT, "hello")),
  answered("a frame of 40,000 bytes is echoed", 40_004, frame(BINARY, "x".repeat(40_000))),
  answered("an empty frame is echoed", 2, frame(TEXT, "")),
  answered(
    "frames in one write are echoed in order",
    12,
    frame(TEXT, "one") + frame(TEXT, "two") + frame(BINARY, ""),
  ),
  answered("a frame may arrive byte by byte", 7, { byteByByte: frame(TEXT, "hello") }),
  answered(
    "fragments are one message",
    8,
    frame(TEXT, "on", { fin: false }) +
      frame(CONTINUATION, "e t", { fin: false }) +
      frame(CONTINUATION, "w"),
  ),
  answered(
    "a ping between fragments is answered at once",
    9,
    frame(TEXT, "ab", { fin: false }) + frame(PING, "p"),
    { until: "body", bytes: 3 },
    frame(CONTINUATION, "cd"),
  ),
  answered("a ping is answered with its data", 6, frame(PING, "data")),
  answered("an unasked pong is taken", 4, frame(PONG, "data") + frame(TEXT, "ok")),
  closing("a close is answered with its code", frame(CLOSE, "\x0f\xa2done")),
  closing("a close without a code is answered", frame(CLOSE, "")),
  closing("a close with a code that must not be sent is as under Bun", frame(CLOSE, "\x03\xed")),
  closing("a close with half a code is as under Bun", frame(CLOSE, "\x03")),
  closing("a frame without a mask is as under Bun", frame(TEXT, "hello", { masked: false })),
  closing("a reserved bit is as under Bun", frame(TEXT, "hello", { reserved: 1 })),
  closing("a reserved opcode is as under Bun", frame(3, "hello")),
  closing("a control frame that is too long is as under Bun", frame(PING, "x".repeat(126))),
  closing("a control frame in fragments is as under Bun", frame(PING, "x", { fin: false })),
  closing("a continuation of nothing is as under Bun", frame(CONTINUATION, "x")),
  closing(
    "a text in the middle of another is as under Bun",
    frame(TEXT, "a", { fin: false }) + frame(TEXT, "b"),
  ),
  closing("text that is no UTF-8 is as under Bun", frame(TEXT, "\xff\xfe")),
  closing(
    "a frame longer than the app takes is as under Bun",
    `\x82\xff\0\0\0\0\x10\0\0\0abcd${"x".repeat(1000)}`,
  ),
  closing(
    "a length beyond 63 bits is as under Bun",
    "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xffabcd",
  ),
  {
    claim: "a client that is gone in the middle of a frame is reported to the app",
    steps: [
      OPEN,
      { until: "head" },
      frame(TEXT, "hal", { length: 10 }),
      { reset: true },
      marked("close"),
    ],
    finally: "leave",
    judge: same,
  },
  {
    claim: "a client that is gone without a close frame is reported to the app",
    steps: [OPEN, { until: "head" }, { halfClose: true }, marked("close")],
    finally: "wait",
    judge: same,
  },
];
