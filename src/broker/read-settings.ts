/**
 * A broker's settings as they were given, made into its configuration: flags, then `LEVAIN_BROKER_*` variables, then
 * defaults. Everything that is wrong is said at once, with the source that said it.
 */
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import type { z } from "zod";
import {
  describeUnknownKey,
  describeValue,
  type KnownKeys,
  sumUp,
} from "../base/config-problems.ts";
import { messageOf, PlatformError } from "../base/errors.ts";
import type { BrokerConfig } from "./broker-config.ts";
import { type BrokerSettings, brokerSchema } from "./broker-schema.ts";
import {
  BROKER_SECRETS,
  BROKER_SETTINGS,
  BROKER_VARIABLES,
  flagOf,
  secretCharactersMin,
} from "./broker-settings.ts";

/** Variables of the same prefix that are no settings: where `levain broker status` asks. */
const OTHER_BROKER_VARIABLES: readonly string[] = ["LEVAIN_BROKER_URL"];

export interface BrokerSources {
  /** Text of each flag by the key of its setting. */
  flags: Readonly<Record<string, unknown>>;
  env: Readonly<Record<string, string | undefined>>;
}

/** Where the value of a key came from, such as `--port`; empty for a default. */
type OriginOf = (key: string) => string;

/** @throws {PlatformError} `BROKER_CONFIG_INVALID`; `detail.problems` has all of them, the message the only one */
export function readBrokerConfig({ flags, env }: BrokerSources): BrokerConfig {
  const problems: string[] = [];
  const given: Record<string, unknown> = {};
  const origins = new Map<string, string>();
  const take = (key: string, text: string, origin: string) => {
    given[key] = parseSetting(key, text);
    origins.set(key, origin);
  };
  for (const [name, text] of Object.entries(env)) {
    // An empty variable is how many tools say "none".
    if (!name.startsWith("LEVAIN_BROKER_") || OTHER_BROKER_VARIABLES.includes(name) || !text) {
      continue;
    }
    const key = BROKER_VARIABLES[name];
    if (key !== undefined) take(key, text, name);
    else problems.push(describeUnknownKey(name, Object.keys(BROKER_VARIABLES)));
  }
  for (const { key } of BROKER_SETTINGS) {
    const text = flags[key];
    if (typeof text === "string" && !BROKER_SECRETS.includes(key)) take(key, text, flagOf(key));
  }

  const originOf: OriginOf = (key) => origins.get(key) ?? "";
  const result = brokerSchema().safeParse(given, { reportInput: true });
  if (!result.success) problems.push(...result.error.issues.map((one) => describe(one, originOf)));
  else {
    const { config, problems: more } = brokerConfigOf(result.data, originOf);
    problems.push(...more);
    if (problems.length === 0) return config;
  }
  throw new PlatformError("BROKER_CONFIG_INVALID", [sumUp(problems)], { detail: { problems } });
}

/** Text of a flag or a variable as the setting's kind of value; what is none stays text and is refused later. Pure. */
function parseSetting(key: string, text: string): unknown {
  const setting = BROKER_SETTINGS.find((one) => one.key === key);
  switch (setting?.kind) {
    case "number":
      return /^\d+$/.test(text.trim()) ? Number(text) : text;
    case "switch":
      return text === "true" ? true : text === "false" ? false : text;
    case "list": {
      const parts = text.split(",").map((part) => part.trim());
      return parts.filter((part) => part !== "");
    }
    default:
      return text;
  }
}

/**
 * Settings that are right one by one, made into a configuration; and what is wrong with them together. Reads the files of
 * secrets.
 */
export function brokerConfigOf(
  settings: BrokerSettings,
  originOf: OriginOf,
): { config: BrokerConfig; problems: string[] } {
  const problems: string[] = [];
  const { dispatchTokenFile, tokenSecretFile, ...values } = settings;
  const secretOf = (key: "dispatchToken" | "tokenSecret", file: string | undefined) => {
    const value = values[key];
    if (file === undefined) return value ?? null;
    if (value !== undefined) {
      problems.push(`${key} and ${key}File are both given; keep one of them`);
      return value;
    }
    return readSecret(`${key}File`, file, originOf, problems);
  };
  const config: BrokerConfig = {
    ...values,
    dispatchPort: values.dispatchPort ?? null,
    dispatchHost: values.dispatchHost ?? values.host,
    dispatchToken: secretOf("dispatchToken", dispatchTokenFile),
    tokenSecret: secretOf("tokenSecret", tokenSecretFile),
    cordonFile: values.cordonFile ?? null,
    peersDns: values.peersDns ?? null,
    selfUrl: values.selfUrl ?? null,
  };
  problems.push(...togetherProblems(config, originOf));
  return { config, problems };
}

function readSecret(
  key: string,
  path: string,
  originOf: OriginOf,
  problems: string[],
): string | null {
  const from = fromOf(key, originOf);
  try {
    const [line = ""] = readFileSync(path, "utf8").split("\n", 1);
    const text = line.trim();
    if (text.length >= secretCharactersMin) return text;
    problems.push(
      `${from}the first line of ${path} has ${text.length} characters, must be at least ${secretCharactersMin} characters`,
    );
  } catch (error) {
    problems.push(`${from}${path} cannot be read: ${messageOf(error)}`);
  }
  return null;
}

/** What no setting can say of itself. */
function togetherProblems(config: BrokerConfig, originOf: OriginOf): string[] {
  const problems: string[] = [];
  const say = (key: string, what: string) => problems.push(fromOf(key, originOf) + what);
  const { host, port, dispatchHost, dispatchPort, peers, peersDns, selfUrl } = config;
  if (dispatchPort !== null && dispatchPort === port && port !== 0) {
    const isOneAddress =
      host === dispatchHost ||
      [host, dispatchHost].some((one) => one === "0.0.0.0" || one === "::");
    if (isOneAddress) {
      say("dispatchPort", `dispatchPort is ${port}, the same as port; leave it out to have one`);
    }
  }
  if (config.claimTimeoutMs > config.dispatchTimeoutMs) {
    const { claimTimeoutMs, dispatchTimeoutMs } = config;
    say(
      originOf("claimTimeoutMs") === "" ? "dispatchTimeoutMs" : "claimTimeoutMs",
      `claimTimeoutMs is ${claimTimeoutMs}, at most dispatchTimeoutMs, ${dispatchTimeoutMs}, is allowed`,
    );
  }
  if (config.tokenEnforcement === "enforce" && config.tokenSecret === null) {
    say("tokenEnforcement", "tokenEnforcement is enforce, which needs tokenSecret or its file");
  }
  if (config.cordonFile !== null) {
    try {
      // It may come later, or go and come: a broker that starts again meanwhile must not stay away for that.
      const stats = statSync(config.cordonFile, { throwIfNoEntry: false });
      if (stats !== undefined && !stats.isFile()) throw new Error("it is no file");
      if (stats !== undefined) accessSync(config.cordonFile, constants.R_OK);
    } catch (error) {
      say("cordonFile", `${config.cordonFile} cannot be read: ${messageOf(error)}`);
    }
  }
  if (peers.length > 0 && peersDns !== null) {
    say("peersDns", "peers and peersDns are both given; keep one of them");
  }
  const twice = peers.find((peer, index) => peers.indexOf(peer) !== index);
  if (twice !== undefined) say("peers", `peers has ${twice} twice`);
  if (selfUrl !== null && peers.length > 0 && !peers.includes(selfUrl)) {
    say("selfUrl", `selfUrl is ${selfUrl}, which is none of peers; add it there`);
  }
  if (selfUrl !== null && peers.length === 0 && peersDns === null) {
    say("selfUrl", "selfUrl is given without peers; leave it out, or name all brokers");
  }
  return problems;
}

function fromOf(key: string, originOf: OriginOf): string {
  const origin = originOf(key);
  return origin === "" ? "" : `${origin}: `;
}

const KNOWN: KnownKeys = {
  keys: BROKER_SETTINGS.map(({ key }) => key),
  rangeOf(key) {
    const setting = BROKER_SETTINGS.find((one) => one.key === key);
    return setting?.kind === "number" ? { smallest: setting.min, largest: setting.max } : undefined;
  },
  isSecret: (key) => BROKER_SECRETS.includes(key),
};

function describe(issue: z.core.$ZodIssue, originOf: OriginOf): string {
  const key = String(issue.path[0] ?? "");
  return fromOf(key, originOf) + describeValue(issue, key, KNOWN);
}
