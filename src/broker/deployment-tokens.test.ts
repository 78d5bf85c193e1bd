import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { mintWorkloadDeploymentToken } from "@trigger.dev/core/v3";
import { StillClock } from "../base/clock-for-tests.ts";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import {
  createDeploymentTokens,
  looksLikeToken,
  undecodableDeployment,
} from "./deployment-tokens.ts";
import { tokenCharactersMax, tokensCharactersMax, tokensMax } from "./limits.ts";

const secret = "the-secret-of-the-cluster";
const claims = {
  deployment: "deployment_abc",
  deployment_version: "20260101.1",
  environment_id: "env_1",
  environment_type: "PRODUCTION",
  org_id: "org_1",
  project_id: "proj_1",
};
const expiresAtSeconds = 1_956_528_000;
const version = claims.deployment_version;

const minted = (changes: Partial<typeof claims> = {}, by = secret) =>
  mintWorkloadDeploymentToken({ ...claims, ...changes }, by, expiresAtSeconds);

function setup(enforcement: "log" | "enforce" = "enforce", key: string | null = secret) {
  const clock = new StillClock();
  clock.timeMs = Date.UTC(2026, 0, 1);
  return { clock, tokens: createDeploymentTokens({ secret: key, enforcement, clock }) };
}

/** A token of any content, signed rightly. */
function signed(head: object, payload: object | string): string {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  const parts = [JSON.stringify(head), text].map((part) => Buffer.from(part).toString("base64url"));
  const body = parts.join(".");
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
}

const whole = {
  ...claims,
  ver: 1,
  iss: "https://id.trigger.dev",
  aud: "https://api.trigger.dev",
  exp: expiresAtSeconds,
};

describe("a token", () => {
  test("that the client's library has minted is valid, and names its deployment", async () => {
    const { tokens } = setup();

    const reading = tokens.read(await minted(), version);

    expect(reading).toEqual({
      deployment: "deployment_abc",
      isRefused: false,
      tokenClass: "jwt_valid",
      untilMs: expiresAtSeconds * 1000,
    });
  });

  test("that was signed with another secret is refused", async () => {
    const { tokens } = setup();

    const reading = tokens.read(await minted({}, "another"), version);

    expect(reading).toMatchObject({ tokenClass: "jwt_invalid", isRefused: true });
  });

  test("of one deployment is refused for another version than its own", async () => {
    const { tokens } = setup();
    const token = await minted();

    expect(tokens.read(token, "20260101.2")).toMatchObject({
      tokenClass: "version_mismatch",
      isRefused: true,
    });
    expect(tokens.read(token, version).isRefused).toBeFalse();
  });

  test("is refused from its expiry on, also when it was valid before", async () => {
    const { clock, tokens } = setup();
    const token = await minted();
    expect(tokens.read(token, version).isRefused).toBeFalse();

    clock.timeMs = expiresAtSeconds * 1000;

    expect(tokens.read(token, version)).toMatchObject({
      tokenClass: "jwt_expired",
      isRefused: true,
    });
  });

  test("counts from its nbf on, and not before", () => {
    const { clock, tokens } = setup();
    const token = signed({ alg: "HS256" }, { ...whole, nbf: clock.timeMs / 1000 + 60 });
    expect(tokens.read(token, version).tokenClass).toBe("jwt_invalid");

    clock.timeMs += 60_000;

    expect(tokens.read(token, version).tokenClass).toBe("jwt_valid");
  });

  test.each([
    ["another algorithm", { alg: "HS512" }, whole],
    ["no algorithm", { alg: "none" }, whole],
    ["rules that we do not know", { alg: "HS256", crit: ["exp"] }, whole],
    ["another issuer", { alg: "HS256" }, { ...whole, iss: "https://example.com" }],
    ["another audience", { alg: "HS256" }, { ...whole, aud: ["https://example.com"] }],
    ["no expiry", { alg: "HS256" }, { ...whole, exp: undefined }],
    ["an expiry in text", { alg: "HS256" }, { ...whole, exp: "2032" }],
    ["an nbf in text", { alg: "HS256" }, { ...whole, nbf: "2000" }],
    ["another format", { alg: "HS256" }, { ...whole, ver: 2 }],
    ["no version of its deployment", { alg: "HS256" }, { ...whole, deployment_version: undefined }],
  ])("with %s is invalid although its signature is right", (_what, head, payload) => {
    const { tokens } = setup();

    const reading = tokens.read(signed(head, payload), version);

    expect(reading).toMatchObject({ tokenClass: "jwt_invalid", isRefused: true });
  });

  test.each([
    ["without a deployment", { ...whole, deployment: undefined }],
    ["whose deployment is a number", { ...whole, deployment: 5 }],
    ["whose deployment would end the field of a key", { ...whole, deployment: "a\0b" }],
    ["whose deployment would end a line", { ...whole, deployment: "a\nb" }],
    ["whose deployment is empty", { ...whole, deployment: "" }],
    ["whose deployment is endless", { ...whole, deployment: "d".repeat(300) }],
    ["with a list in it", "[]"],
    ["with null in it", "null"],
    ["with half an object in it", '{"deployment":'],
  ])("%s cannot be decoded, with a secret or without", (_what, payload) => {
    for (const key of [secret, null]) {
      const { tokens } = setup("enforce", key);

      const reading = tokens.read(signed({ alg: "HS256" }, payload), version);

      expect(reading.tokenClass).toBe("undecodable");
      expect(reading.deployment).toBe(undecodableDeployment);
      expect(reading.isRefused).toBe(key !== null);
    }
  });

  test("in a form that is not exactly that of base64url is not the same token", async () => {
    const { tokens } = setup();
    const token = await minted();
    const [head, payload, signature] = token.split(".") as [string, string, string];
    // The last character of 32 bytes has two bits that say nothing.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = alphabet[alphabet.indexOf(signature.at(-1)!) ^ 1]!;

    for (const [other, tokenClass] of [
      [`${head}.${payload}.${signature.slice(0, -1)}${last}`, "jwt_invalid"],
      [`${head}.${payload}.${signature}=`, "jwt_invalid"],
      [`${head}.${payload}.${signature.slice(0, -2)}`, "jwt_invalid"],
      [`${head}.${payload}=.${signature}`, "undecodable"],
      [`${head}.+/${payload}.${signature}`, "undecodable"],
    ] as const) {
      expect(tokens.read(other, version).tokenClass).toBe(tokenClass);
    }
  });

  test("of which any one character is another one is never valid", async () => {
    const seed = testSeed();
    const random = randomOf(seed);
    const token = await minted();
    const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ";

    for (let at = 0; at < token.length; at += 1) {
      const other = pick(
        random,
        [...characters].filter((one) => one !== token[at]),
      );
      const { tokens } = setup();
      const { tokenClass, isRefused } = tokens.read(
        token.slice(0, at) + other + token.slice(at + 1),
        version,
      );
      expect([tokenClass, isRefused], `${at}: ${other}, LEVAIN_TEST_SEED=${seed}`).toEqual([
        expect.stringMatching(/^(jwt_invalid|undecodable|bare)$/),
        true,
      ]);
    }
  });

  test("that is too long is not decoded", () => {
    const { tokens } = setup();
    const long = signed({ alg: "HS256" }, { ...whole, more: "x".repeat(tokenCharactersMax) });

    expect(tokens.read(long, version).tokenClass).toBe("undecodable");
    expect(tokens.facts().remembered).toBe(0);
  });
});

describe("who is refused", () => {
  test("is nobody while tokens are only logged: a false one counts, and its claim is believed", async () => {
    const { tokens } = setup("log");

    const readings = [
      tokens.read(await minted({}, "another"), version),
      tokens.read("deployment_abc", version),
      tokens.read("a.b.c", version),
      tokens.read(await minted(), "other"),
    ];

    expect(readings.map(({ isRefused }) => isRefused)).toEqual([false, false, false, false]);
    expect(readings[0]!.deployment).toBe("deployment_abc");
    expect(tokens.facts()).toMatchObject({
      byClass: { jwt_invalid: 1, bare: 1, undecodable: 1, version_mismatch: 1 },
      refused: 0,
    });
  });

  test("is nobody without a secret, whatever is asked for", async () => {
    const { clock, tokens } = setup("enforce", null);
    clock.timeMs = expiresAtSeconds * 1000 + 1;

    expect(tokens.read(await minted({}, "another"), version)).toMatchObject({
      deployment: "deployment_abc",
      tokenClass: "jwt_unverified",
      isRefused: false,
    });
  });

  test("is who comes without a token when tokens are enforced", () => {
    const { tokens } = setup();

    expect(tokens.read("deployment_abc", version)).toMatchObject({
      deployment: "deployment_abc",
      tokenClass: "bare",
      isRefused: true,
    });
    expect(tokens.facts().refused).toBe(1);
  });
});

test("three parts between dots are meant as a token, anything else is an id", () => {
  const headers = ["a.b.c", "a.b", "a.b.c.d", ".b.c", "a..c", "a.b.", "", "deployment_x", "..."];

  expect(headers.filter(looksLikeToken)).toEqual(["a.b.c"]);
});

test("what is remembered is bounded, whatever is sent", () => {
  const { tokens } = setup();

  for (let index = 0; index < tokensMax + 50; index += 1) {
    tokens.read(`a.${Buffer.from(`{"deployment":"d${index}"}`).toString("base64url")}.c`, version);
  }

  expect(tokens.facts().remembered).toBe(tokensMax);
});

test("what is remembered is bounded in characters too", () => {
  const { tokens } = setup();
  const texts = Array.from({ length: 1200 }, (_, index) =>
    `a.${Buffer.from(`{"deployment":"d${index}"}`).toString("base64url")}.`.padEnd(4000, "c"),
  );

  for (const text of texts) tokens.read(text, version);

  expect(tokens.facts().remembered).toBe(Math.floor(tokensCharactersMax / 4000));
});

test("nothing that comes back has a part of the token in it", async () => {
  const token = await minted();
  const forged = `${token.slice(0, -4)}AAAA`;
  const unreadable = `${token.split(".")[0]}.${"!".repeat(40)}.${token.split(".")[2]}`;

  for (const enforcement of ["log", "enforce"] as const) {
    for (const text of [token, forged, unreadable]) {
      const { tokens } = setup(enforcement);
      const said =
        JSON.stringify([tokens.read(text, version), tokens.facts()]) + Bun.inspect(tokens);
      for (const part of text.split(".")) expect(said).not.toContain(part);
    }
  }
});
