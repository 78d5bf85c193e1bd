/**
 * Every setting of a broker, as one table: flags, `LEVAIN_BROKER_*` variables, the keys of `broker` in a node's configuration,
 * what is checked and the table in docs/warm-starts.md are made from it. Plain data: help is printed without a schema library.
 */
import { peersMax } from "./limits.ts";

/** What a text or the parts of a list have to be; `broker-schema.ts` checks it. */
export type TextRule = "address" | "origin" | "hostPort" | "absolutePath" | "machine" | "secret";

interface Row {
  /** Of `BrokerConfig`, or the file of a secret of it. */
  readonly key: string;
  /** What stands for the value in help: `ms`. */
  readonly value: string;
  /** One phrase for help and docs. */
  readonly help: string;
}

export interface NumberSetting extends Row {
  readonly kind: "number";
  readonly min: number;
  readonly max: number;
  /** Null: none. */
  readonly default: number | null;
}

export interface SwitchSetting extends Row {
  readonly kind: "switch";
  readonly default: boolean;
}

export interface ChoiceSetting extends Row {
  readonly kind: "choice";
  readonly choices: readonly [string, ...string[]];
  readonly default: string;
}

export interface TextSetting extends Row {
  readonly kind: "text";
  readonly rule: TextRule;
  readonly default: string | null;
  /** It is never shown, and has no flag: a command line is for everybody to read. */
  readonly isSecret?: true;
}

export interface ListSetting extends Row {
  readonly kind: "list";
  readonly rule: TextRule;
  readonly countMax: number;
}

export type BrokerSetting =
  | NumberSetting
  | SwitchSetting
  | ChoiceSetting
  | TextSetting
  | ListSetting;

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

function port(key: string, defaultPort: number | null, help: string): NumberSetting {
  return { key, kind: "number", value: "port", min: 0, max: 65_535, default: defaultPort, help };
}

function ms(
  key: string,
  [min, max]: readonly [number, number],
  defaultMs: number,
  help: string,
): NumberSetting {
  return { key, kind: "number", value: "ms", min, max, default: defaultMs, help };
}

function count(
  key: string,
  [min, max]: readonly [number, number],
  defaultCount: number,
  help: string,
): NumberSetting {
  return { key, kind: "number", value: "count", min, max, default: defaultCount, help };
}

function bytes(
  key: string,
  [min, max]: readonly [number, number],
  defaultBytes: number,
  help: string,
): NumberSetting {
  return { key, kind: "number", value: "bytes", min, max, default: defaultBytes, help };
}

function text(
  key: string,
  value: string,
  rule: TextRule,
  help: string,
  defaultText: string | null = null,
): TextSetting {
  return { key, kind: "text", value, rule, default: defaultText, help };
}

function secret(key: string, help: string): TextSetting {
  return { key, kind: "text", value: "text", rule: "secret", default: null, isSecret: true, help };
}

/** In the order of help and docs. */
export const BROKER_SETTINGS: readonly BrokerSetting[] = [
  text("host", "address", "address", "address for runners; 0.0.0.0 for every network", "127.0.0.1"),
  port("port", 4003, "port for runners; 0: any free one"),
  port(
    "dispatchPort",
    null,
    "port for supervisors, metrics and control; without it they share `port`",
  ),
  text("dispatchHost", "address", "address", "address of that port; without it that of `host`"),
  {
    key: "sharePort",
    kind: "switch",
    value: "bool",
    default: false,
    help: "true: listen where another broker does, which is about to end",
  },
  secret("dispatchToken", "bearer token that dispatches, metrics and control must show"),
  text(
    "dispatchTokenFile",
    "path",
    "absolutePath",
    "file whose first line is the bearer token of dispatches",
  ),

  {
    key: "isOn",
    kind: "switch",
    value: "bool",
    default: true,
    help: "false: it starts switched off; runners are sent home, dispatches answered with no",
  },
  // Below the 300 s after which Node's fetch gives up by itself; at least what a margin of a tenth leaves time in.
  ms("connectionTimeoutMs", [200, 240_000], 30_000, "how long one poll is held"),
  ms("keepaliveMs", [200, 86_400_000], 300_000, "how long an idle runner goes on polling"),

  ms("claimTimeoutMs", [10, 10_000], 250, "how long a runner may take to claim an offer"),
  ms("dispatchTimeoutMs", [10, 60_000], 1000, "for one dispatch, over all its offers"),
  count("offersMax", [1, 20], 4, "runners that one dispatch is offered to, one after the other"),
  ms(
    "directWithinMs",
    [0, 60_000],
    0,
    "runners that polled this short a time ago get the run without an offer; 0: never",
  ),
  // Runners whose connection ended poll again at once or after 1 s.
  ms("startHoldMs", [0, 10_000], 1500, "after a start: how long a dispatch waits for a runner"),

  count("waitersMax", [1, 1_000_000], 50_000, "runners that wait at once"),
  count(
    "waitersPerKeyMax",
    [0, 1_000_000],
    0,
    "the same of one deployment and machine; 0: no limit",
  ),
  bytes("messageBytesMax", [64 * KiB, 64 * MiB], 16 * MiB, "largest message of a dispatch"),

  ms("verdictTtlMs", [1000, 3_600_000], 300_000, "how long the answer to a dispatch is remembered"),
  count("verdictsMax", [100, 1_000_000], 100_000, "answers that are remembered"),
  // Longer than a poll: that is how long a client that was given nothing says nothing. Shorter than the minute after which the
  // platform gives the run a new snapshot. A supervisor's check may have started a runner by then; the first to begin wins.
  ms(
    "retainMs",
    [0, 60_000],
    40_000,
    "how long a delivered message is kept for a second try; 0: not",
  ),
  bytes("retainBytesMax", [0, GiB], 64 * MiB, "all messages that are kept"),

  secret(
    "tokenSecret",
    "WORKLOAD_TOKEN_SECRET of the supervisor; deployment tokens are verified with it",
  ),
  text(
    "tokenSecretFile",
    "path",
    "absolutePath",
    "file whose first line is the WORKLOAD_TOKEN_SECRET of the supervisor",
  ),
  {
    key: "tokenEnforcement",
    kind: "choice",
    value: "mode",
    choices: ["log", "enforce"],
    default: "log",
    help: "log: bad tokens are counted; enforce: their runners are sent home",
  },

  {
    key: "cordoned",
    kind: "list",
    value: "list",
    rule: "machine",
    countMax: 10_000,
    help: "machines whose runners get no work",
  },
  text(
    "cordonFile",
    "path",
    "absolutePath",
    "file with one such machine a line; read again when it changes",
  ),
  {
    key: "cordonKubernetes",
    kind: "switch",
    value: "bool",
    default: false,
    help: "true: nodes that Kubernetes says are cordoned are such machines",
  },
  {
    key: "cordonAction",
    kind: "choice",
    value: "action",
    choices: ["skip", "dismiss"],
    default: "skip",
    help: "skip: their runners wait on; dismiss: they are sent home",
  },

  {
    key: "peers",
    kind: "list",
    value: "urls",
    rule: "origin",
    countMax: peersMax,
    help: "addresses of all brokers, this one among them",
  },
  text("peersDns", "host:port", "hostPort", "name whose addresses are the brokers"),
  text("selfUrl", "url", "origin", "which of them this one is; without it found out"),

  ms("drainMs", [0, 600_000], 5000, "how long SIGTERM spreads the end of its waiters over"),
  {
    key: "logLevel",
    kind: "choice",
    value: "level",
    choices: ["info", "warn", "error"],
    default: "info",
    help: "info: a line for each dispatch; warn: none; error: no line at all",
  },
];

/** Defaults that are others where the broker is a part of a node: it runs when its port is given, and shares the node's log. */
export const NODE_DEFAULTS: Readonly<Record<string, null | string>> = {
  port: null,
  logLevel: "warn",
};

/** Shortest secret: what is shorter can be guessed. Count of characters. */
export const secretCharactersMin = 16;

/** Variable of each setting: `LEVAIN_BROKER_CLAIM_TIMEOUT_MS` → `claimTimeoutMs`. */
export const BROKER_VARIABLES: Readonly<Record<string, string>> = Object.fromEntries(
  BROKER_SETTINGS.map(({ key }) => [variableOf(key), key]),
);

/** Its secrets, which no message shows. */
export const BROKER_SECRETS: readonly string[] = BROKER_SETTINGS.filter(
  (setting) => setting.kind === "text" && setting.isSecret === true,
).map(({ key }) => key);

/** `["--claim-timeout-ms <ms>", "how long …"]`, for each but secrets. */
export function brokerFlags(): [syntax: string, meaning: string][] {
  return BROKER_SETTINGS.filter(({ key }) => !BROKER_SECRETS.includes(key)).map((setting) => [
    `${flagOf(setting.key)} <${setting.value}>`,
    setting.help + defaultShown(setting),
  ]);
}

export function variableOf(key: string): string {
  return `LEVAIN_BROKER_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `true`, `4003`; empty for none. */
export function defaultOf(setting: BrokerSetting): string {
  return setting.kind === "list" || setting.default === null ? "" : String(setting.default);
}

function defaultShown(setting: BrokerSetting): string {
  const text = defaultOf(setting);
  return text === "" || text === "false" ? "" : ` (default ${text})`;
}
