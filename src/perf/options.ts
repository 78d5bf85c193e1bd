/**
 * What `levain perf` is asked to do: flags and `PERF_*` variables, checked. A flag `--duration-ms` is the variable
 * `PERF_DURATION_MS`; the flag wins. Pure.
 */
import { resolve } from "node:path";
import { describeUnknownKey, sumUp } from "../base/config-problems.ts";
import { didYouMean } from "../base/did-you-mean.ts";
import { PlatformError } from "../base/errors.ts";
import {
  appsDefault,
  appsLargest,
  clientTimeoutMsDefault,
  comparedRoundsDefault,
  concurrencyDefault,
  durationMsDefault,
  durationMsLargest,
  edgesLargest,
  poolSizeDefault,
  repeatLargest,
  tolerancePercentDefault,
  warmUpMsDefault,
} from "./limits.ts";
import { SCENARIOS, type Scenario, scenarioNames } from "./scenarios.ts";

export type PerfMode = "http" | "direct";

export interface PerfOptions {
  mode: PerfMode;
  scenarios: readonly Scenario[];
  /** Counted load of one run. Milliseconds. */
  durationMs: number;
  /** Load before it. Milliseconds; 0 for none. */
  warmUpMs: number;
  /** Connections; a scenario may bound it. Count. */
  concurrency: number;
  /** Instances at once in the node that is measured. Count. */
  poolSize: number;
  /** Milliseconds. */
  clientTimeoutMs: number;
  /** Of the node that is measured; 0 = any free one. */
  port: number;
  /** Requests per second, due whatever the answers do; null: each connection asks when it has its answer. */
  ratePerS: number | null;
  /** Counted requests after which a run ends early; null: when its time is over. */
  requestsMax: number | null;
  /** Runs of each scenario. Count. */
  repeat: number;
  /** Processes of the node that accept connections. Count. */
  edges: number;
  /** Apps of `many-apps`. Count. */
  apps: number;
  /** Of what is drawn at random, 32 bits. */
  seed: number;
  /** A running app to drive instead of a node of ours, or null. */
  url: URL | null;
  /** Absolute paths, or null. */
  outputFile: string | null;
  gateFile: string | null;
  /** The Bun that the measured apps run on, and the folder of runtimes it is in; null: the node's own. */
  runtime: { name: string; dir: string } | null;
  /** A report to compare with. */
  compareFile: string | null;
  /** Root of another checkout to take turns with. */
  against: string | null;
  /** Take turns with and without the operator's hooks. */
  hooks: boolean;
  /** Node configuration that names the hooks; null: that of the current folder. */
  configFile: string | null;
  /** How much slower counts as slower. Share: 0.05 is 5 %. */
  tolerance: number;
  keepFixtures: boolean;
  /** Absolute path of a folder for the fixtures; null: one in the system's temporary folder. */
  fixtureDir: string | null;
}

/** Flags by the order of the help. */
export const PERF_FLAGS = [
  ["--mode <mode>", "http: real sockets, load from another process; direct: in memory"],
  ["--scenarios <list>", "names separated by commas (default: all)"],
  ["--duration-ms <ms>", `load that is counted (default ${durationMsDefault})`],
  ["--warmup-ms <ms>", `load before it (default ${warmUpMsDefault})`],
  ["--concurrency <count>", `connections (default ${concurrencyDefault})`],
  ["--pool-size <count>", `instances at once (default ${poolSizeDefault})`],
  ["--client-timeout-ms <ms>", `for one answer (default ${clientTimeoutMsDefault})`],
  ["--port <port>", "of the node that is measured (default: any free one)"],
  ["--rate <count>", "requests per second, sent on time whatever comes back"],
  ["--requests <count>", "end a run early after so many"],
  ["--repeat <count>", `runs of each scenario (default 1; ${comparedRoundsDefault} when compared)`],
  ["--edges <count>", "processes that accept connections (default 1)"],
  ["--apps <count>", `apps of many-apps (default ${appsDefault})`],
  ["--seed <number>", "of what is drawn at random (default 1)"],
  ["--url <url>", "drive a running app instead; its address is asked as it is"],
  ["--gate-file <file>", "limits that make the command fail, such as perf/thresholds.json"],
  ["--output-file <file>", "write the report there as JSON"],
  ["--compare <file>", "ratios to an earlier report"],
  ["--against <checkout>", "take turns with another checkout of Levain, and compare"],
  ["--hooks", "take turns with and without the hooks of levain.node.ts"],
  ["--config <file>", "configuration that names them, instead of levain.node.ts"],
  ["--tolerance <percent>", `slower by less is no failure (default ${tolerancePercentDefault})`],
  ["--keep-fixtures", "leave the generated apps where they are, and say where"],
  ["--fixture-dir <dir>", "generate them there instead of a temporary folder"],
  ["--list", "say what each scenario is good at catching, and measure nothing"],
  ["--smoke", "twenty seconds for everything: does it work? The numbers mean nothing"],
] as const;

/** What `--smoke` changes; whatever is given as well still wins. */
const SMOKE: Readonly<Record<string, string>> = {
  durationMs: "250",
  warmupMs: "50",
  concurrency: "5",
  poolSize: "4",
  apps: "6",
  clientTimeoutMs: "5000",
};

/** Flags that are yes or no. */
const YES_OR_NO = new Set(["hooks", "keepFixtures", "list", "smoke"]);

export interface OptionSources {
  /** By the flag's name in camelCase. */
  flags: Readonly<Record<string, string | boolean | undefined>>;
  env: Readonly<Record<string, string | undefined>>;
  /** Absolute path that relative ones are meant from. */
  cwd: string;
}

/** @throws {PlatformError} `INPUT_INVALID` naming the flag or variable and its value. */
export function readPerfOptions(sources: OptionSources): PerfOptions {
  refuseUnknownVariables(sources.env);
  const given = new Given(sources);
  const compareFile = given.path("compare");
  const against = given.path("against");
  const url = given.url("url");
  const hooks = given.isOn("hooks");
  const isCompared = compareFile !== null || against !== null || hooks;
  const options: PerfOptions = {
    runtime: null,
    mode: chosenMode(given),
    scenarios: chosenScenarios(given, defaultScenarios(url !== null, hooks)),
    durationMs: given.integer("durationMs", 1, durationMsLargest) ?? durationMsDefault,
    warmUpMs: given.integer("warmupMs", 0, durationMsLargest) ?? warmUpMsDefault,
    concurrency: given.integer("concurrency", 1, 20_000) ?? concurrencyDefault,
    poolSize: given.integer("poolSize", 1, 10_000) ?? poolSizeDefault,
    clientTimeoutMs:
      given.integer("clientTimeoutMs", 1, durationMsLargest) ?? clientTimeoutMsDefault,
    port: given.integer("port", 0, 65_535) ?? 0,
    ratePerS: given.number("rate", 0.1, 10_000_000),
    requestsMax: given.integer("requests", 1, Number.MAX_SAFE_INTEGER),
    repeat: given.integer("repeat", 1, repeatLargest) ?? (isCompared ? comparedRoundsDefault : 1),
    edges: given.integer("edges", 1, edgesLargest) ?? 1,
    apps: given.integer("apps", 1, appsLargest) ?? appsDefault,
    seed: given.integer("seed", 0, 0xffff_ffff) ?? 1,
    url,
    outputFile: given.path("outputFile"),
    gateFile: given.path("gateFile"),
    compareFile,
    against,
    hooks,
    configFile: given.path("config"),
    tolerance: (given.number("tolerance", 0, 1000) ?? tolerancePercentDefault) / 100,
    keepFixtures: given.isOn("keepFixtures"),
    fixtureDir: given.path("fixtureDir"),
  };
  const conflict = conflictIn(options);
  if (conflict !== null) throw new PlatformError("INPUT_INVALID", [conflict]);
  return options;
}

/** Whether a variable that is a yes or no says yes. */
export function isOn(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "false", "no", "off"].includes(value.toLowerCase());
}

function chosenMode(given: Given): PerfMode {
  const mode = given.text("mode") ?? "http";
  return mode === "http" || mode === "direct" ? mode : given.refuse("mode", "http or direct");
}

/** Names when none are given. */
function defaultScenarios(isUrl: boolean, isHooks: boolean): readonly string[] {
  // A running app is one address: it is asked for what it is, once.
  if (isUrl) return ["warm-noop"];
  // Hooks see heads: what an app does then is not theirs.
  return isHooks ? ["warm-noop", "echo-1kb"] : scenarioNames;
}

function chosenScenarios(given: Given, byDefault: readonly string[]): readonly Scenario[] {
  const list = given.text("scenarios");
  if (list === null) return SCENARIOS.filter(({ name }) => byDefault.includes(name));
  const names = list.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => !scenarioNames.includes(name));
  if (unknown.length > 0) given.refuse("scenarios", unknownScenarios(unknown));
  return [...new Set(names)].map((name) => SCENARIOS.find((one) => one.name === name)!);
}

/** `not warm-nop (did you mean warm-noop?)` The nearest of each; all of them when one has none near. */
export function unknownScenarios(names: readonly string[]): string {
  const nearest = names.map((name) => didYouMean(name, scenarioNames));
  const said = names.map((name, index) => {
    const near = nearest[index];
    return `${name === "" ? '""' : name}${near === null ? "" : ` (did you mean ${near}?)`}`;
  });
  const known = nearest.includes(null) ? `; known are ${scenarioNames.join(", ")}` : "";
  return `scenarios that there are, not ${said.join(", ")}${known}`;
}

/** Variables that are known, those of flags and `PERF_JSON`. */
const VARIABLES = [
  ...PERF_FLAGS.map(([syntax]) => variableOf(camelCase(syntax.split(" ")[0]!.slice(2)))),
  "PERF_JSON",
];

/** A variable that nobody reads is one that somebody believes in. @throws {PlatformError} `INPUT_INVALID` */
function refuseUnknownVariables(env: OptionSources["env"]): void {
  // An empty variable is how many tools say "none".
  const names = Object.keys(env).filter((name) => name.startsWith("PERF_") && env[name]);
  const problems = names
    .filter((name) => !VARIABLES.includes(name))
    .map((name) => describeUnknownKey(name, VARIABLES).replace("a key", "a variable"));
  if (problems.length === 0) return;
  throw new PlatformError("INPUT_INVALID", [sumUp(problems)], { detail: { problems } });
}

/** Options that do not go together, in words; null when all do. */
function conflictIn(options: PerfOptions): string | null {
  const { mode, url, against, compareFile, hooks, scenarios } = options;
  const bases = [
    ...(against === null ? [] : ["--against"]),
    ...(compareFile === null ? [] : ["--compare"]),
    ...(hooks ? ["--hooks"] : []),
  ];
  if (options.port > 0 && (against !== null || hooks)) {
    return `--port and ${bases[0]} do not go together: two nodes run at once`;
  }
  if (options.edges > 1 && mode === "direct") {
    return "--edges needs --mode http: there is no memory that several processes share";
  }
  if (options.edges > 1 && url !== null) return "--url and --edges do not go together";
  if (bases.length > 1) return `${bases.join(" and ")} do not go together`;
  if (url !== null) {
    if (mode === "direct") return "--url needs --mode http: another process is not in memory";
    if (against !== null || hooks) return `--url and ${bases[0]} do not go together`;
    const local = scenarios.find(({ isLocalOnly }) => isLocalOnly);
    if (local !== undefined) {
      return `scenario ${local.name} stops, freezes or deploys apps, and --url can only ask one`;
    }
  }
  return null;
}

/** Flags and variables as they were given, read by the flag's name in camelCase. */
class Given {
  readonly #sources: OptionSources;
  readonly #defaults: Readonly<Record<string, string>>;

  constructor(sources: OptionSources) {
    this.#sources = sources;
    this.#defaults = this.isOn("smoke") ? SMOKE : {};
  }

  text(name: string): string | null {
    return this.#find(name)?.value ?? this.#defaults?.[name] ?? null;
  }

  isOn(name: string): boolean {
    const flag = this.#sources.flags[name];
    if (typeof flag === "boolean") return flag;
    return isOn(this.#sources.env[variableOf(name)]);
  }

  path(name: string): string | null {
    const text = this.text(name);
    return text === null ? null : resolve(this.#sources.cwd, text);
  }

  url(name: string): URL | null {
    const text = this.text(name);
    if (text === null) return null;
    const url = URL.parse(text);
    if (url === null || url.protocol !== "http:") this.refuse(name, "an address with http://");
    return url;
  }

  integer(name: string, least: number, largest: number): number | null {
    const value = this.number(name, least, largest);
    if (value !== null && !Number.isInteger(value)) this.refuse(name, "a whole number");
    return value;
  }

  number(name: string, least: number, largest: number): number | null {
    const text = this.text(name);
    if (text === null) return null;
    const value = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= largest)) {
      this.refuse(name, `a number from ${least} to ${largest}`);
    }
    return value;
  }

  refuse(name: string, wanted: string): never {
    const { source, value } = this.#find(name) ?? { source: flagOf(name), value: this.text(name) };
    throw new PlatformError("INPUT_INVALID", [`${source} is "${value}", must be ${wanted}`]);
  }

  #find(name: string): { source: string; value: string } | null {
    if (YES_OR_NO.has(name)) return null;
    const flag = this.#sources.flags[name];
    if (typeof flag === "string") return { source: flagOf(name), value: flag };
    const variable = variableOf(name);
    const value = this.#sources.env[variable];
    return value === undefined || value === "" ? null : { source: variable, value };
  }
}

/** `durationMs` → `--duration-ms` */
function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `duration-ms` → `durationMs` */
function camelCase(word: string): string {
  return word.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** `durationMs` → `PERF_DURATION_MS` */
export function variableOf(name: string): string {
  return `PERF_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
