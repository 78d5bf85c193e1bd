/** Goal: what an app asks for means the same in the node and in the app. Method: every rule against every kind of value. */
import { describe, expect, test } from "bun:test";
import * as sdk from "../../sdk/src/index.ts";
import { type EnvRule, obeys, problemsOf } from "./rules.ts";

const values = [
  "",
  " ",
  "0",
  "1",
  "01",
  "-1",
  "1.5",
  "1e3",
  "0x10",
  "NaN",
  "Infinity",
  "65535",
  "65536",
  "true",
  "TRUE",
  "false",
  "eu",
  "EU",
  "https://a.test",
  "postgres://u:p@h/d",
  "javascript:x",
  "//a",
  "a b",
  "line\nline",
  "🔑",
];
const rules = [
  sdk.string(),
  sdk.secret(),
  sdk.url(),
  sdk.url("https:", "postgres:"),
  sdk.enumOf("eu", "us"),
  sdk.port(),
  sdk.number(),
  sdk.number({ min: 0, max: 2 }),
  sdk.boolean(),
];

test("a value obeys a rule in the node if, and only if, the app can read it by that rule", () => {
  for (const rule of rules) {
    for (const value of values) {
      const can = () => sdk.readEnv({ NAME: rule }, { NAME: value });
      const inApp = (() => {
        try {
          can();
          return true;
        } catch {
          return false;
        }
      })();
      const given = rule.toJSON() as EnvRule;
      expect(obeys(given, value), `${JSON.stringify(given)} of ${JSON.stringify(value)}`).toBe(
        inApp,
      );
    }
  }
});

describe("readEnv", () => {
  test("gives values as their rules say, defaults, and what may be missing", () => {
    const env = sdk.readEnv(
      {
        PORT: sdk.port().default(3000),
        DEBUG: sdk.boolean(),
        REGION: sdk.enumOf("eu", "us").optional(),
        PLAIN: 7,
        RULE: { type: "number", default: 4 },
      },
      { DEBUG: "1" },
    );

    expect(env).toEqual({
      PORT: 3000,
      DEBUG: true,
      REGION: undefined,
      PLAIN: "7",
      RULE: 4,
    } as never);
  });

  test("names all that is wrong, and no value", () => {
    const read = () =>
      sdk.readEnv(
        { A: sdk.url(), B: sdk.number(), C: sdk.secret() },
        { A: "hunter2", B: "hunter3" },
      );

    expect(read).toThrow(
      "Environment: A is no url as its rule asks; B is no number as its rule asks; C is missing",
    );
  });

  test("asks a Standard Schema, zod's like any other", async () => {
    const { z } = await import("zod");
    const schema = { ADMIN: z.email().default("a@b.test"), SIZE: z.coerce.number().max(9) };

    expect(sdk.readEnv(schema, { SIZE: "3" })).toEqual({ ADMIN: "a@b.test", SIZE: 3 });
    expect(() => sdk.readEnv(schema, { SIZE: "10" })).toThrow("SIZE is not as its schema says");
  });
});

test("a value that the node gives is never missing", () => {
  const rules = {
    PORT: { type: "port" },
    NODE_ENV: { type: "string" },
    OTHER: { type: "port" },
  } as const;

  expect(problemsOf({ rules }, new Map()).map(({ name }) => name)).toEqual(["OTHER"]);
});
