/** Goal: a head is only taken for a known one when a parser would read the same. Method: every byte of it is changed. */
import { describe, expect, test } from "bun:test";
import { parseHead } from "../http/head-parser.ts";
import { ParsedHead } from "../http/parsed-head.ts";
import { bodyStartIfKnown, knownDispatchHead } from "./dispatch-head.ts";
import { endOfKnownQuery, isKnownPoll, type KnownHead, queryStart } from "./poll-head.ts";

const LINES = "host: a\r\nx-trigger-machine-cpu: 0.5\r\naccept: */*\r\n\r\n";
const poll = { key: "k", controller: "c", instance: "i", address: "a" };

/** Known from a head with this target. */
function known(target: string): KnownHead {
  const bytes = Buffer.from(`GET ${target} HTTP/1.1\r\n${LINES}`);
  return { bytes, linesStart: bytes.indexOf("\r\n") + 2, poll, untilMs: Number.POSITIVE_INFINITY };
}

/** The same with one byte changed, taken out or put in, at each place. */
function* changed(bytes: Buffer): Generator<[Buffer, number]> {
  for (let at = 0; at <= bytes.length; at++) {
    const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at + 1)];
    for (const byte of [0, 0x0a, 0x0d, 0x20, 0x31, 0x3f, 0x58, 0xe9]) {
      if (bytes[at] !== byte) yield [Buffer.concat([before, Buffer.from([byte]), behind]), at];
      yield [Buffer.concat([before, Buffer.from([byte]), bytes.subarray(at)]), at];
    }
    if (at < bytes.length) yield [Buffer.concat([before, behind]), at];
  }
}

describe("a poll's head", () => {
  const QUERY = "lease=abc-1&h=1&e=20";

  for (const target of ["/warm-start", `/warm-start?${QUERY}`]) {
    test(`is known whatever the target says, when it was read from ${target}`, () => {
      const head = known(target);
      const claim = Buffer.from(`GET /warm-start?${QUERY} HTTP/1.1\r\n${LINES}`);

      expect(isKnownPoll(head, Buffer.from(`GET /warm-start HTTP/1.1\r\n${LINES}`))).toBe(true);
      expect(isKnownPoll(head, claim)).toBe(false);
      expect(claim.toString("latin1", queryStart, endOfKnownQuery(head, claim))).toBe(QUERY);
    });

    test(`with any byte changed is not known, but in its query: ${target}`, () => {
      const head = known(target);
      const queryEnd = queryStart + QUERY.length;

      for (const [bytes, at] of changed(Buffer.from(`GET /warm-start HTTP/1.1\r\n${LINES}`))) {
        // Only a query can have been put in.
        const isQuery = endOfKnownQuery(head, bytes) !== -1;
        expect([at, isKnownPoll(head, bytes), isQuery && bytes[at] !== 0x3f]).toEqual([
          at,
          false,
          false,
        ]);
      }
      for (const [bytes, at] of changed(
        Buffer.from(`GET /warm-start?${QUERY} HTTP/1.1\r\n${LINES}`),
      )) {
        const end = endOfKnownQuery(head, bytes);
        if (end === -1) continue;
        // A second `?` is a part of the query.
        expect(at >= queryStart - 1 && at <= queryEnd).toBe(true);
        expect(bytes.latin1Slice(queryStart, end)).toMatch(/^[\x21-\x7e]*$/);
      }
    });
  }

  test("hides no second request behind the first", () => {
    const head = known("/warm-start");
    const two = `GET /warm-start? HTTP/1.1\r\nhost: b\r\n\r\nGET /x HTTP/1.1\r\n${LINES}`;

    expect(endOfKnownQuery(head, Buffer.from(two))).toBe(-1);
  });
});

describe("a dispatch's head", () => {
  const headOf = (length: number | string) =>
    `POST /warm-start HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\naccept: */*\r\n\r\n`;
  const parsedOf = (head: string) => {
    const parsed = new ParsedHead();
    const bytes = Buffer.from(head);
    expect(parseHead(bytes, 0, bytes.length, parsed)).toBeNull();
    return parsed;
  };
  const head = knownDispatchHead(Buffer.from(headOf(12)), parsedOf(headOf(12)))!;

  test("is known with a body of any length, when it is all there and nothing else", () => {
    for (const length of [0, 1, 9, 10, 99_999]) {
      const bytes = Buffer.from(headOf(length) + "x".repeat(length));

      expect(bodyStartIfKnown(head, bytes)).toBe(headOf(length).length);
      expect(bodyStartIfKnown(head, Buffer.concat([bytes, Buffer.from("x")]))).toBe(-1);
      expect(bodyStartIfKnown(head, bytes.subarray(0, -1))).toBe(-1);
    }
    for (const length of ["", "-1", "1e1", "99999999999999999999"]) {
      expect(bodyStartIfKnown(head, Buffer.from(headOf(length) + "x".repeat(10)))).toBe(-1);
    }
  });

  test("with any byte changed is not known", () => {
    const text = headOf(12);
    for (const [bytes, at] of changed(Buffer.from(text))) {
      for (const body of ["x".repeat(12), "x".repeat(11), "x".repeat(13), "x".repeat(112), "x"]) {
        const start = bodyStartIfKnown(head, Buffer.concat([bytes, Buffer.from(body)]));
        if (start === -1) continue;
        // Another length, with as much of a body; or a leading byte of the body in the place of the changed one.
        expect([at, parsedOf(bytes.latin1Slice(0, start)).contentLength]).toEqual([
          at,
          bytes.length + body.length - start,
        ]);
      }
    }
  });

  test("that says more than a length of its body is not kept", () => {
    for (const line of [
      "connection: close\r\n",
      "expect: 100-continue\r\n",
      "traceparent: 00-1-2-01\r\n",
    ]) {
      const text = headOf(12).replace("accept: */*\r\n", line);
      expect(knownDispatchHead(Buffer.from(text), parsedOf(text))).toBeNull();
    }
    const chunked = headOf(12).replace("Content-Length: 12", "transfer-encoding: chunked");
    expect(knownDispatchHead(Buffer.from(chunked), parsedOf(chunked))).toBeNull();
  });
});
