import { describe, expect, test } from "bun:test";
import { WireProtocolError } from "./frames.ts";
import {
  checkHeaderBlock,
  checkReason,
  checkTunnelHead,
  HAS_DATE,
  HAS_REQUEST_ID,
  isFieldName,
  isFieldValue,
} from "./response-head.ts";

const block = (text: string) => {
  const bytes = Buffer.from(text, "latin1");
  return checkHeaderBlock(bytes, 0, bytes.length);
};

/** Characters that may not stand in a value: controls other than tab, and DEL. */
const badInValue = [...Array(256).keys()].filter(
  (code) => (code < 0x20 && code !== 0x09) || code === 0x7f,
);
const tokenCharacters = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;

describe("header lines from an app's process", () => {
  test("ordinary lines are accepted, in any case, with empty and latin1 values", () => {
    expect(block("")).toBe(0);
    expect(block("a: b\r\nX-Y_Z: \t caf\xe9 \x80\xff\r\nset-cookie: a=1\r\nempty:\r\n")).toBe(0);
  });

  test("lines that the edge would add are found in any case", () => {
    expect(block("Date: now\r\n")).toBe(HAS_DATE);
    expect(block("a: b\r\nX-Request-ID: 1\r\ndate: now\r\n")).toBe(HAS_DATE | HAS_REQUEST_ID);
    expect(block("data: x\r\ndato: x\r\nx-request-if: 1\r\n")).toBe(0);
  });

  test("every byte that could end a value or is a control is refused in a value", () => {
    for (const code of badInValue) {
      expect(() => block(`a: x${String.fromCharCode(code)}y\r\n`)).toThrow(WireProtocolError);
    }
  });

  test("every byte outside of a token is refused in a name", () => {
    for (let code = 0; code < 256; code++) {
      const character = String.fromCharCode(code);
      // A colon ends the name.
      if (tokenCharacters.test(character) || character === ":") continue;
      expect(() => block(`a${character}b: x\r\n`)).toThrow(WireProtocolError);
    }
  });

  test("a block that ends in the middle of a line is refused wherever it ends", () => {
    const whole = "name: value\r\n";

    for (let length = 1; length < whole.length; length++) {
      expect(() => block(whole.slice(0, length))).toThrow(WireProtocolError);
    }
  });

  test("a line without a name, a bare line feed and an empty line are refused", () => {
    for (const text of [
      ": x\r\n",
      "a: b\n",
      "a: b\r\rc: d\r\n",
      "\r\n",
      "a: b\r\n\r\n",
      "a b\r\n",
    ]) {
      expect(() => block(text)).toThrow(WireProtocolError);
    }
  });

  test("lines of framing and of the connection are refused in any case", () => {
    for (const name of [
      "connection",
      "Connection",
      "keep-alive",
      "Keep-Alive",
      "content-length",
      "CONTENT-LENGTH",
      "transfer-encoding",
      "Transfer-Encoding",
      "upgrade",
      "UPGRADE",
    ]) {
      expect(() => block(`a: b\r\n${name}: x\r\n`)).toThrow(WireProtocolError);
    }
  });

  test("names that only begin like a forbidden one or have its length are accepted", () => {
    const names = "connections content-lengths content-type content-language-x upgrades uxxrade";
    for (const name of names.split(" ")) expect(block(`${name}: x\r\n`)).toBe(0);
  });

  test("the end of the block is the end, whatever stands behind it", () => {
    const bytes = Buffer.from("a: b\r\nnot a header at all");

    expect(checkHeaderBlock(bytes, 0, 6)).toBe(0);
    expect(() => checkHeaderBlock(bytes, 0, 5)).toThrow(WireProtocolError);
  });
});

describe("a reason phrase from an app's process", () => {
  test("visible characters, spaces and latin1 are accepted and nothing that could end the line", () => {
    const check = (text: string) => checkReason(Buffer.from(text, "latin1"), 0, text.length);

    expect(() => check("Très bien \t!")).not.toThrow();
    for (const code of badInValue) {
      expect(() => check(`x${String.fromCharCode(code)}`)).toThrow(WireProtocolError);
    }
  });
});

describe("a text that is to become a field", () => {
  test("a character beyond latin1 is refused, since its low byte could be a CR", () => {
    expect(isFieldValue("caf\xe9 \t ok")).toBe(true);
    for (const text of ["\u010d", "\u010a", "x\u0d0ay", "😀", "\r", "\n", "\0", "\x7f"]) {
      expect(isFieldValue(text)).toBe(false);
    }
  });

  test("a name is a token", () => {
    expect(isFieldName("x-Y_1~")).toBe(true);
    for (const text of ["", "a b", "a:b", "é", "\u0161", "a\r"]) {
      expect(isFieldName(text)).toBe(false);
    }
  });
});

describe("the 101 answer of an upgrade", () => {
  const check = (text: string) => {
    const bytes = Buffer.from(text, "latin1");
    checkTunnelHead(bytes, 0, bytes.length);
  };
  const head =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";

  test("what Bun answers is accepted", () => {
    expect(() => check(head)).not.toThrow();
    expect(() => check("HTTP/1.1 101 \r\n\r\n")).not.toThrow();
  });

  test("any other status is refused: a proxy in front would not take it for the end of HTTP", () => {
    for (const status of ["200 OK", "100 Continue", "1010 x", "10"]) {
      expect(() => check(head.replace("101 Switching Protocols", status))).toThrow(
        WireProtocolError,
      );
    }
    expect(() => check(head.replace("HTTP/1.1", "HTTP/1.0"))).toThrow(WireProtocolError);
  });

  test("an answer that is cut, or is followed by anything, is refused", () => {
    for (let length = 0; length < head.length; length++) {
      expect(() => check(head.slice(0, length))).toThrow(WireProtocolError);
    }
    expect(() => check(`${head}HTTP/1.1 200 OK\r\n\r\n`)).toThrow(WireProtocolError);
  });

  test("the framing of a body is refused", () => {
    for (const line of ["Content-Length: 5", "transfer-encoding: chunked"]) {
      expect(() => check(head.replace("Upgrade: websocket", line))).toThrow(WireProtocolError);
    }
  });
});
