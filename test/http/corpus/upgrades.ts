/** WebSocket handshakes, good and bad. What follows them is in `websocket.test.ts`. */
import { type Case, same } from "../case.ts";
import { get, head, raw } from "./request-text.ts";

const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const VERSION = "Sec-WebSocket-Version: 13";
const UPGRADE = "Upgrade: websocket";
const CONNECTION = "Connection: Upgrade";

const handshake = (claim: string, path: string, ...lines: string[]): Case => ({
  claim,
  steps: [get(path, ...lines), { until: "head" }],
  finally: "leave",
  judge: same,
});

/** A handshake that is no handshake; the app answers 426 when the upgrade is refused. */
const refused = (claim: string, lines: string[], status = [400, 426]): Case => ({
  claim,
  steps: [get("/ws/echo", ...lines)],
  finally: "leave",
  judge: {
    kind: "strict",
    answers: [{ status }],
    end: "either",
    because: "RFC 6455 4.2.1: the handshake is incomplete and no upgrade is made",
  },
});

export const upgrades: readonly Case[] = [
  {
    claim: "a WebSocket handshake is answered with 101",
    steps: [get("/ws/echo", UPGRADE, CONNECTION, KEY, VERSION), { until: "head" }],
    finally: "leave",
    judge: same,
  },
  handshake(
    "upgrade headers are read in any case and in lists",
    "/ws/echo",
    "Upgrade: WebSocket",
    "Connection: keep-alive, upgrade",
    KEY,
    VERSION,
  ),
  handshake(
    "the app chooses the subprotocol",
    "/ws/protocol",
    UPGRADE,
    CONNECTION,
    KEY,
    VERSION,
    "Sec-WebSocket-Protocol: levain.v1, levain.v2",
  ),
  handshake(
    "an upgrade answer carries the app's headers",
    "/ws/cookie",
    UPGRADE,
    CONNECTION,
    KEY,
    VERSION,
  ),
  handshake(
    "compression is negotiated as under Bun",
    "/ws/echo",
    UPGRADE,
    CONNECTION,
    KEY,
    VERSION,
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
  ),
  {
    claim: "a message sent with the handshake is not lost",
    steps: [
      `${get("/ws/echo", UPGRADE, CONNECTION, KEY, VERSION)}\x81\x82abcd\x09\x0b`,
      { until: "body", bytes: 4 },
    ],
    finally: "leave",
    judge: same,
  },
  {
    claim: "the app can refuse an upgrade",
    steps: [get("/ws/refuse", UPGRADE, CONNECTION, KEY, VERSION)],
    judge: same,
  },
  {
    claim: "a path that does not upgrade answers as usual",
    steps: [get("/hello", UPGRADE, CONNECTION, KEY, VERSION)],
    judge: same,
  },
  refused("a handshake without a key is refused", [UPGRADE, CONNECTION, VERSION]),
  refused("a handshake with a bad key is refused", [
    UPGRADE,
    CONNECTION,
    "Sec-WebSocket-Key: short",
    VERSION,
  ]),
  refused("a handshake without Upgrade is refused", [CONNECTION, KEY, VERSION]),
  refused("a handshake without Connection is refused", [UPGRADE, KEY, VERSION]),
  refused("a handshake of another version is refused", [
    UPGRADE,
    CONNECTION,
    KEY,
    "Sec-WebSocket-Version: 8",
  ]),
  {
    claim: "a handshake with POST is refused",
    steps: [head("POST /ws/echo HTTP/1.1", UPGRADE, CONNECTION, KEY, VERSION, "Content-Length: 0")],
    asked: [{ method: "POST" }],
    finally: "leave",
    judge: {
      kind: "strict",
      answers: [{ status: [400, 405, 426] }],
      end: "either",
      because: "RFC 6455 4.1: the method is GET",
    },
  },
  {
    claim: "a handshake in HTTP/1.0 is refused",
    steps: [raw("GET /ws/echo HTTP/1.0", "Host: {host}", UPGRADE, CONNECTION, KEY, VERSION)],
    asked: [{ method: "GET", version: "1.0" }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: [400, 426] }],
      end: "closed",
      because: "RFC 9110 7.8: Upgrade in HTTP/1.0 is ignored",
    },
  },
];
