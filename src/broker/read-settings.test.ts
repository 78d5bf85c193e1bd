import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { BrokerConfig } from "./broker-config.ts";
import { BROKER_SETTINGS, BROKER_VARIABLES, brokerFlags, defaultOf } from "./broker-settings.ts";
import { readBrokerConfig } from "./read-settings.ts";

const dir = mkdtempSync(join(tmpdir(), "levain-broker-settings-"));
afterAll(() => rmSync(dir, { recursive: true }));

const secret = "0123456789abcdef";

function read(env: Record<string, string> = {}, flags: Record<string, string> = {}): BrokerConfig {
  return readBrokerConfig({ env, flags });
}

function problemsOf(env: Record<string, string>, flags: Record<string, string> = {}): string[] {
  try {
    read(env, flags);
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    const { code, detail } = error.toBody();
    expect(code).toBe("BROKER_CONFIG_INVALID");
    return (detail as { problems: string[] }).problems;
  }
  return [];
}

describe("readBrokerConfig()", () => {
  test("needs nothing: every default passes its own check", () => {
    const config = read();

    for (const setting of BROKER_SETTINGS) {
      if (setting.key.endsWith("File") && setting.key !== "cordonFile") continue;
      const expected =
        setting.kind === "list"
          ? []
          : setting.key === "dispatchHost"
            ? "127.0.0.1"
            : setting.default;
      expect(config[setting.key as keyof BrokerConfig], setting.key).toEqual(expected as never);
    }
  });

  test("keeps a delivered message for longer than its client may say nothing", () => {
    const { retainMs, connectionTimeoutMs, claimTimeoutMs } = read();

    expect(retainMs).toBeGreaterThan(connectionTimeoutMs + claimTimeoutMs);
  });

  test("reads each kind of variable, and ignores those of other parts of Levain", () => {
    const config = read({
      LEVAIN_BROKER_PORT: "8080",
      LEVAIN_BROKER_IS_ON: "false",
      LEVAIN_BROKER_CORDON_ACTION: "dismiss",
      LEVAIN_BROKER_CORDONED: "node-1, node-2",
      LEVAIN_BROKER_PEERS: "http://a:4003/,http://b:4003",
      LEVAIN_BROKER_TOKEN_SECRET: secret,
      LEVAIN_BROKER_SELF_URL: "",
      LEVAIN_BROKER_URL: "http://elsewhere:1",
      LEVAIN_PORT: "not a port",
    });

    expect(config).toMatchObject({
      port: 8080,
      isOn: false,
      cordonAction: "dismiss",
      cordoned: ["node-1", "node-2"],
      peers: ["http://a:4003", "http://b:4003"],
      tokenSecret: secret,
      selfUrl: null,
    });
  });

  test("prefers a flag to a variable", () => {
    expect(read({ LEVAIN_BROKER_PORT: "1" }, { port: "2" }).port).toBe(2);
  });

  test("dispatches listen where runners do unless another address is named", () => {
    expect(read({ LEVAIN_BROKER_HOST: "0.0.0.0" }).dispatchHost).toBe("0.0.0.0");
    expect(read({ LEVAIN_BROKER_DISPATCH_HOST: "10.0.0.1" }).dispatchHost).toBe("10.0.0.1");
  });

  test("names everything that is wrong at once, with where it came from", () => {
    const problems = problemsOf(
      {
        LEVAIN_BROKER_PORT: "80808",
        LEVAIN_BROKER_CLAM_TIMEOUT_MS: "1",
        LEVAIN_BROKER_TOKEN_SECRET: "short",
        LEVAIN_BROKER_IS_ON: "yes",
      },
      { claimTimeoutMs: "soon", peers: "ftp://a", logLevel: "trace" },
    );

    expect(problems).toEqual([
      "LEVAIN_BROKER_CLAM_TIMEOUT_MS is not a key; did you mean LEVAIN_BROKER_CLAIM_TIMEOUT_MS?",
      "LEVAIN_BROKER_PORT: port is 80808, at most 65535 is allowed",
      'LEVAIN_BROKER_IS_ON: isOn is "yes", must be true or false',
      '--claim-timeout-ms: claimTimeoutMs is "soon", must be a whole number from 10 to 10000',
      "LEVAIN_BROKER_TOKEN_SECRET: tokenSecret is not usable, must be at least 16 characters",
      '--peers: peers is "ftp://a", must be an address such as http://broker-1:4003',
      '--log-level: logLevel is "trace", must be one of "info", "warn", "error"',
    ]);
  });

  test("lets a cordon file come later", () => {
    expect(problemsOf({ LEVAIN_BROKER_CORDON_FILE: "/nowhere/at/all" })).toEqual([]);
  });

  test.each<[string, Record<string, string>, string]>([
    ["one port twice", { PORT: "5000", DISPATCH_PORT: "5000" }, "the same as port"],
    [
      "a claim that may outlast its dispatch",
      { CLAIM_TIMEOUT_MS: "2000" },
      "at most dispatchTimeoutMs",
    ],
    ["enforcement without a secret", { TOKEN_ENFORCEMENT: "enforce" }, "needs tokenSecret"],
    ["a cordon file that is a folder", { CORDON_FILE: "/" }, "cannot be read: it is no file"],
    ["peers without this one", { PEERS: "http://a:1", SELF_URL: "http://b:1" }, "none of peers"],
    ["a peer twice", { PEERS: "http://a:1,http://a:1/" }, "http://a:1 twice"],
    ["two lists of peers", { PEERS: "http://a:1", PEERS_DNS: "all:1" }, "keep one of them"],
    ["peers at a port that is none", { PEERS_DNS: "all:99999" }, "must be a name and a port"],
    ["an own address without peers", { SELF_URL: "http://a:1" }, "without peers"],
    ["a secret's file that is not there", { TOKEN_SECRET_FILE: "/nowhere" }, "cannot be read"],
  ])("refuses %s", (_, variables, what) => {
    const env = Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [`LEVAIN_BROKER_${name}`, value]),
    );

    const problems = problemsOf(env);

    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(what);
  });

  test("the same port on two addresses is two ports", () => {
    const env = { LEVAIN_BROKER_DISPATCH_PORT: "4003", LEVAIN_BROKER_DISPATCH_HOST: "127.0.0.2" };

    expect(problemsOf(env)).toEqual([]);
  });

  test("a secret comes from a file's first line, and a short one is refused without being shown", () => {
    const path = join(dir, "secret");
    writeFileSync(path, `${secret}\nmore\n`);
    expect(read({}, { tokenSecretFile: path }).tokenSecret).toBe(secret);

    writeFileSync(path, "hunter2\n");
    const [problem = ""] = problemsOf({}, { tokenSecretFile: path });
    expect(problem).toContain("has 7 characters, must be at least 16");
    expect(problem).not.toContain("hunter2");
  });
});

test("a secret has no flag, and each other setting has one and a variable", () => {
  const flags = brokerFlags().map(([syntax]) => syntax);

  expect(flags).toHaveLength(BROKER_SETTINGS.length - 2);
  expect(flags).not.toContainEqual(expect.stringMatching(/^--(token-secret|dispatch-token) /));
  expect(flags).toContain("--claim-timeout-ms <ms>");
  expect(BROKER_VARIABLES.LEVAIN_BROKER_TOKEN_SECRET).toBe("tokenSecret");
  expect(BROKER_SETTINGS.every((setting) => typeof defaultOf(setting) === "string")).toBe(true);
});
