import { describe, expect, test } from "bun:test";
import { startupBytesMax } from "./limits.ts";
import { cancelRequest, int32, startupPacket } from "./messages.ts";
import { negotiation, readStartup } from "./startup.ts";

describe("a startup packet", () => {
  test("gives the protocol and the parameters", () => {
    const packet = startupPacket([
      ["user", "shop"],
      ["options", "-c x=y"],
    ]);

    for (let end = 0; end < packet.length; end += 1) {
      expect(readStartup(packet.subarray(0, end))).toEqual({ kind: "unfinished" });
    }
    expect(readStartup(packet)).toEqual({
      kind: "startup",
      bytes: packet.length,
      minor: 0,
      parameters: new Map([
        ["user", "shop"],
        ["options", "-c x=y"],
      ]),
    });
  });

  test("of a length that cannot be is refused before it is waited for", () => {
    for (const length of [0, 7, startupBytesMax + 1, 0xffff_ffff]) {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(length);
      expect(readStartup(bytes).kind, String(length)).toBe("broken");
    }
  });

  test("of protocol 2, or of HTTP or TLS, is refused", () => {
    const old = Buffer.concat([int32(8), int32(2 << 16)]);
    const http = Buffer.from("GET / HTTP/1.1\r\n\r\n");
    const tls = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);

    for (const bytes of [old, http, tls]) expect(readStartup(bytes).kind).toBe("broken");
  });

  test("may be a cancel request, with a key of any length that there is", () => {
    for (const length of [4, 32, 256]) {
      const key = Buffer.alloc(length, 7);
      const bytes = cancelRequest(42, key);
      expect(readStartup(bytes)).toEqual({ kind: "cancel", bytes: bytes.length, pid: 42, key });
    }
    expect(readStartup(cancelRequest(42, Buffer.alloc(257))).kind).toBe("broken");
  });
});

describe("the negotiation of the protocol", () => {
  test("is silent for what is spoken, and names what is not", () => {
    const plain = new Map([["user", "x"]]);

    expect(negotiation(0, plain)).toBeNull();
    expect(negotiation(2, plain)).toBeNull();
    const answer = negotiation(9999, new Map([["_pq_.grease", ""]]))!;
    expect(answer[0]).toBe("v".charCodeAt(0));
    expect(answer.readUInt32BE(5)).toBe((3 << 16) | 2);
    expect(answer.readUInt32BE(9)).toBe(1);
    expect(answer.toString("latin1", 13)).toBe("_pq_.grease\0");
  });
});
