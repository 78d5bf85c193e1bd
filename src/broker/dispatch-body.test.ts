import { describe, expect, test } from "bun:test";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import type { Dispatch } from "./broker-api.ts";
import { fieldText, readDispatch } from "./dispatch-body.ts";
import { nestingMax, unscannedBytesMax, valuesMax } from "./limits.ts";
import { keyOfMessage, keyOfPoll } from "./match-key.ts";

const AT = "2026-11-21T10:00:00.000Z";
const KEY = keyOfMessage("deployment_1", "20260101.1", 0.5, 0.5);

/** A message as text, with parts of it written otherwise. */
function message(parts: { cpu?: string; trace?: string; snapshot?: string; more?: string } = {}) {
  const { cpu = "0.5", trace = "{}", snapshot = '"snapshot_1"', more = "" } = parts;
  return `{"version":"1","snapshot":{"id":"s","friendlyId":${snapshot},"executionStatus":"PENDING_EXECUTING","description":"","createdAt":"${AT}"},"dequeuedAt":"${AT}","completedWaitpoints":[],"backgroundWorker":{"id":"b","friendlyId":"w","version":"20260101.1"},"deployment":{"friendlyId":"deployment_1"},"run":{"id":"r","friendlyId":"run_1","isTest":false,"machine":{"name":"micro","cpu":${cpu},"memory":0.5,"centsPerMs":0},"attemptNumber":1,"masterQueue":"m","traceContext":${trace}},"environment":{"id":"e","type":"PRODUCTION"},"organization":{"id":"o"},"project":{"id":"p"}${more}}`;
}

function read(body: string | Buffer): Dispatch | string {
  return readDispatch(Buffer.from(body as string), "");
}

/** What is forwarded; the text when it is refused. */
function forwarded(body: string | Buffer): string {
  const dispatch = read(body);
  return typeof dispatch === "string" ? dispatch : String(dispatch.message);
}

describe("a dispatch's body", () => {
  test("gives its message byte for byte, however it is written", () => {
    const inner = message({ more: ',"new":{"of":[ 1 , 2.50 ,"\\u00e9é"]}' });
    const bodies = [
      `{"dequeuedMessage":${inner}}`,
      ` { "dequeuedMessage" :\n${inner}\t} `,
      `{"a":{"dequeuedMessage":1},"dequeuedMessage":${inner},"b":"}\\"{"}`,
      `{"dequeued\\u004dessage":${inner}}`,
      // The last one counts, as for everything that reads JSON.
      `{"dequeuedMessage":null,"dequeuedMessage":${inner}}`,
      `{"dequeuedMessage":${message({ snapshot: '"other"' })},"dequeuedMessage":${inner}}`,
      `{"dequeuedMessage":{"}":"\\\\"},"dequeuedMessage":${inner}}`,
    ];

    for (const body of bodies) expect(forwarded(body)).toBe(inner);
  });

  test("that is no JSON, or no object with a message, is refused", () => {
    const inner = message();
    const bodies = [
      "",
      "{",
      "null",
      "[]",
      '"dequeuedMessage"',
      "{}",
      '{"dequeuedMessage":}',
      `{"dequeuedMessage":${inner}`,
      `{"dequeuedMessage":${inner}}}`,
      `{"dequeuedMessage":${inner},}`,
      `{"dequeuedMessage":${inner}} x`,
      `{"dequeuedMessage":${inner}}\0`,
      `\ufeff{"dequeuedMessage":${inner}}`,
      `{"dequeuedMessage":\ufeff${inner}}`,
      `{'dequeuedMessage':${inner}}`,
      `{"dequeuedMessage":${inner},"dequeuedMessage":null}`,
      `{"dequeuedMessage":${inner},"dequeuedMessage":{}}`,
      `{"dequeuedMessage":[${inner}]}`,
      `{"dequeuedMessage":${message({ cpu: "0x1" })}}`,
      `{"dequeuedMessage":${message({ cpu: "NaN" })}}`,
    ];

    for (const body of bodies) expect([body, typeof read(body)]).toEqual([body, "string"]);
  });

  test("with bytes that are not UTF-8 is refused: clients would read another text", () => {
    const body = Buffer.from(`{"dequeuedMessage":${message({ snapshot: '"?"' })}}`);
    body[body.indexOf('"?"') + 1] = 0xff;

    expect(read(body)).toBe("its body is not UTF-8");
  });

  test("has numbers that mean the same as the runner's texts, however they are written", () => {
    for (const cpu of ["0.5", "0.50", "5e-1", "50E-2"]) {
      expect((read(`{"dequeuedMessage":${message({ cpu })}}`) as Dispatch).key).toBe(KEY);
    }
    for (const [cpu, text] of [
      ["1.0", "1"],
      ["1e0", "1.0"],
      ["16", "16"],
    ]) {
      const { key } = read(`{"dequeuedMessage":${message({ cpu: cpu! })}}`) as Dispatch;
      expect(key).toBe(keyOfPoll("deployment_1", "20260101.1", text!, "0.50"));
    }
    expect(read(`{"dequeuedMessage":${message({ cpu: "1e999" })}}`)).toBe(
      "`run.machine.cpu` must be a number",
    );
  });

  test("nested deeper than anyone nests is refused, at once when it is long", () => {
    const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    const wide = `{"dequeuedMessage":${message({ trace: `{"a":"${"x".repeat(unscannedBytesMax)}","b":${deep(50)}}` })}}`;

    expect(typeof read(wide)).toBe("object");
    expect(read(`{"dequeuedMessage":${deep(4_000_000)}}`)).toContain(`${nestingMax} levels`);
    expect(read(`{"dequeuedMessage":${deep(5000)}}`)).toContain("must be an object");
    expect(read(`{"dequeuedMessage":${message({ trace: `{"a":${deep(5000)}}` })}}`)).toContain(
      `traceContext\` must be nested ${nestingMax} levels deep at most`,
    );
  });

  test("of more values than anyone sends is refused before they are read", () => {
    const listed = (count: number) => message({ more: `,"new":[${"0,".repeat(count - 1)}0]` });
    const named = Array.from({ length: valuesMax }, (_, index) => `"${index}":0`).join(",");

    expect(typeof read(`{"dequeuedMessage":${listed(valuesMax - 100)}}`)).toBe("object");
    for (const body of [listed(valuesMax), `{${named}}`, `[${"[],".repeat(valuesMax)}[]]`]) {
      expect(read(`{"dequeuedMessage":${body}}`)).toBe(
        `its body has more than ${valuesMax} values`,
      );
    }
    const text = JSON.stringify("[,".repeat(valuesMax));
    expect(typeof read(`{"dequeuedMessage":${message({ more: `,"new":${text}` })}}`)).toBe(
      "object",
    );
  });

  test("of any bytes neither throws nor gives a message that is no JSON", () => {
    const seed = testSeed();
    const random = randomOf(seed);
    const good = `{"dequeuedMessage":${message()}}`;
    const pieces = [
      '"',
      "\\",
      "{",
      "}",
      ",",
      ":",
      "[",
      "]",
      "\\u00",
      " ",
      '"dequeuedMessage":',
      "1e",
      "é",
      "\0",
    ];
    let taken = 0;

    for (let round = 0; round < 6000; round++) {
      let body = good;
      for (let count = random(3); count >= 0; count--) {
        const at = random(4) === 0 ? random(25) : random(body.length);
        body = body.slice(0, at) + pick(random, pieces) + body.slice(at + random(2));
      }
      const text = forwarded(body);
      if (typeof read(body) === "string") continue;
      taken += 1;
      const whole = JSON.parse(body) as { dequeuedMessage: unknown };
      // What is forwarded says what the body said.
      expect({ seed, value: JSON.parse(text) }).toEqual({ seed, value: whole.dequeuedMessage });
    }

    expect(taken).toBeGreaterThan(100);
  });
});

test("the text of a field is found among values of every kind", () => {
  const json = `{"a":"\\"}","b":[{"x":1},"]"],"c":-1.5e3 , "d" : null,"e":{"c":2}}`;

  expect(fieldText(json, "a")).toBe('"\\"}"');
  expect(fieldText(json, "b")).toBe('[{"x":1},"]"]');
  expect(fieldText(json, "c")).toBe("-1.5e3");
  expect(fieldText(json, "d")).toBe("null");
  expect(fieldText(json, "e")).toBe('{"c":2}');
});
