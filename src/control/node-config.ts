/**
 * The node's configuration: flags, then `LEVAIN_*` variables, then `levain.node.ts` or `levain.node.json`, then
 * defaults. Everything is checked before a port is bound, and everything that is wrong is said at once, with the source
 * that said it.
 */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { z } from "zod";
import {
  describeUnknownKey,
  describeValue,
  type KnownKeys,
  sumUp,
} from "../base/config-problems.ts";
import { messageOf, PlatformError } from "../base/errors.ts";
import type { BrokerConfig } from "../broker/broker-config.ts";
import { brokerConfigOf } from "../broker/read-settings.ts";
import { defaultDataDir } from "./data-dir.ts";
import {
  type NodeConfig,
  nodeConfigSchema,
  OTHER_VARIABLES,
  SECRETS,
  SETTINGS,
  VARIABLES,
} from "./node-settings.ts";

export { type NodeConfig, nodeConfigSchema } from "./node-settings.ts";

/** Flags as the command line read them: text, or absent. Keys are those of the settings. */
export type NodeFlags = Partial<Record<string, string>>;

export interface NodeConfigSources {
  flags: NodeFlags;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Configuration file that was named; default: `levain.node.ts` or `.json` in `cwd` when there is one. */
  file?: string | undefined;
}

/**
 * @throws {PlatformError} `NODE_CONFIG_INVALID` ; `detail.problems` names the source and the key of each problem, the
 *   message the only one
 */
export async function loadNodeConfig(sources: NodeConfigSources): Promise<NodeConfig> {
  const problems: string[] = [];
  const given = await collect(sources, problems);
  const result = nodeConfigSchema.safeParse(given.settings(), { reportInput: true });
  if (!result.success) {
    problems.push(...result.error.issues.flatMap((issue) => describe(issue, given)));
  } else if (result.data.port === result.data.adminPort && result.data.port !== 0) {
    const origin = given.originOf("adminPort") || given.originOf("port");
    problems.push(`${origin}: adminPort is ${result.data.adminPort}, the same as port`);
  }
  if (result.success) problems.push(...databasePortProblems(result.data, given));
  if (result.success) problems.push(...publicUrlProblems(result.data, given));
  if (result.success) problems.push(...exposureProblems(result.data, given));
  const broker = result.success ? brokerOf(result.data, given, problems) : null;
  if (problems.length > 0 || !result.success) {
    throw new PlatformError("NODE_CONFIG_INVALID", ["its configuration", sumUp(problems)], {
      detail: { problems },
    });
  }
  const { dataDir, hooks } = result.data;
  // What a file names counts from that file, like its imports.
  const folderOf = (key: string) =>
    given.originOf(key) === given.file
      ? dirname(resolve(sources.cwd, given.file))
      : resolve(sources.cwd);
  const fileOf = (key: string, path: string) => resolve(folderOf(key), path);
  const folder = folderOf("hooks");
  return {
    ...result.data,
    broker,
    dataDir: resolve(sources.cwd, dataDir),
    ...Object.fromEntries(
      TLS_FILES.flatMap((key) => {
        const path = result.data[key];
        return path === undefined ? [] : [[key, fileOf(key, path)]];
      }),
    ),
    hooks: hooks
      .map((hook) => (typeof hook === "string" ? { module: hook } : hook))
      .map(({ module, options }) => ({
        module,
        folder,
        ...(options === undefined ? {} : { options }),
      })),
  };
}

function databasePortProblems(
  { port, adminPort, databasePort }: Record<"port" | "adminPort" | "databasePort", number>,
  given: Given,
): string[] {
  const other = databasePort === port ? "port" : databasePort === adminPort ? "adminPort" : null;
  if (other === null || databasePort === 0) return [];
  const origin = given.originOf("databasePort") || given.originOf(other);
  return [`${origin}: databasePort is ${databasePort}, the same as ${other}`];
}

/** It says scheme and port of the apps' addresses, so it has to be at their domain. */
function publicUrlProblems(
  { publicUrl, domain }: { publicUrl?: string | undefined; domain: string },
  given: Given,
): string[] {
  const host = publicUrl === undefined ? domain : new URL(publicUrl).hostname;
  if (host === domain) return [];
  return [
    `${given.originOf("publicUrl")}: publicUrl is at ${host}, must be at the domain ${domain}`,
  ];
}

/** Ways into the node that can be opened beyond the machine, by the settings that say so. */
const EXPOSED = [
  { host: "adminHost", cert: "adminTlsCert", key: "adminTlsKey", plain: "adminHttp" },
  { host: "databaseHost", cert: "databaseTlsCert", key: "databaseTlsKey", plain: "databasePlain" },
] as const;

const TLS_FILES = EXPOSED.flatMap(({ cert, key }) => [cert, key]);

/** Tokens, passwords and rows must not cross a network in the clear because nobody thought of it. */
function exposureProblems(settings: z.infer<typeof nodeConfigSchema>, given: Given): string[] {
  return EXPOSED.flatMap(({ host, cert, key, plain }) => {
    if ((settings[cert] === undefined) !== (settings[key] === undefined)) {
      const named = settings[cert] === undefined ? key : cert;
      return [`${given.originOf(named)}: ${cert} and ${key} belong together`];
    }
    const isOpen = !/^(127\.|::1$)/.test(settings[host]) && settings[cert] === undefined;
    if (!isOpen || settings[plain] === "anywhere") return [];
    return [
      `${given.originOf(host)}: ${host} ${settings[host]} needs ${cert} and ${key}, or ${plain} "anywhere" on a network that encrypts by itself`,
    ];
  });
}

/** Null for a node without one: its port decides. */
function brokerOf(
  { broker }: Pick<z.infer<typeof nodeConfigSchema>, "broker">,
  given: Given,
  problems: string[],
): BrokerConfig | null {
  // Without a default in a node, whatever the type of a broker that runs alone says.
  if ((broker.port as number | undefined) === undefined) return null;
  const found = brokerConfigOf(broker, (key) => given.originOf(`broker.${key}`));
  problems.push(...found.problems);
  return found.config;
}

/** What a socket that could not be bound means. Other errors are given back as they are. Pure. */
export function bindError(error: unknown, setting: string, port: number): unknown {
  switch ((error as { code?: unknown } | null)?.code) {
    case "EADDRINUSE":
      return new PlatformError("PORT_IN_USE", [setting, port], { cause: error });
    case "EACCES":
    case "EPERM":
      return new PlatformError("PORT_FORBIDDEN", [setting, port], { cause: error });
    case "EADDRNOTAVAIL":
      return new PlatformError(
        "NODE_CONFIG_INVALID",
        [
          setting.replace(/port$/, "host").replace(/Port$/, "Host"),
          "this machine has no such address",
        ],
        {
          cause: error,
        },
      );
    default:
      return error;
  }
}

/** Values as they were given, the later source over the earlier one, each with where it came from. */
class Given {
  readonly #values = new Map<string, { value: unknown; origin: string }>();
  /** The configuration file, as its problems name it; empty when there is none. */
  file = "";

  /** @param key a dot leads into a group */
  set(key: string, value: unknown, origin: string): void {
    this.#values.set(key, { value, origin });
  }

  /** Where the value of a key, or the first one of a group, came from; empty for a default. */
  originOf(key: string): string {
    for (const [name, { origin }] of this.#values) {
      if (name === key || name.startsWith(`${key}.`)) return origin;
    }
    return "";
  }

  /** As one object, groups nested. */
  settings(): Record<string, unknown> {
    const settings: Record<string, unknown> = {};
    for (const [key, { value }] of this.#values) {
      const [first = "", name] = key.split(".");
      if (name === undefined) {
        settings[first] = value;
        continue;
      }
      settings[first] ??= {};
      const group = settings[first];
      // A group that was given as something else stays what it is: the schema refuses it.
      if (isObject(group)) group[name] = value;
    }
    return settings;
  }
}

async function collect(sources: NodeConfigSources, problems: string[]): Promise<Given> {
  const { flags, env } = sources;
  const given = new Given();
  given.set("dataDir", defaultDataDir(env), "");

  const file = await readConfigFile(sources, problems);
  given.file = file.name;
  for (const [key, value] of Object.entries(file.settings)) {
    if (isObject(value) && isGroup(key)) {
      for (const [name, inner] of Object.entries(value)) {
        given.set(`${key}.${name}`, inner, file.name);
      }
    } else if (value !== undefined) given.set(key, value, file.name);
  }

  for (const [name, text] of Object.entries(env)) {
    // An empty variable is how many tools say "none".
    if (!name.startsWith("LEVAIN_") || OTHER_VARIABLES.includes(name) || !text) continue;
    const key = VARIABLES[name];
    if (key !== undefined) given.set(key, parse(key, text), name);
    else problems.push(describeUnknownKey(name, Object.keys(VARIABLES)));
  }

  for (const [key, text] of Object.entries(flags)) {
    if (text !== undefined) given.set(key, parse(key, text), `--${kebab(key)}`);
  }
  return given;
}

interface ConfigFile {
  /** As in problems; empty when there is none. */
  name: string;
  settings: Record<string, unknown>;
}

async function readConfigFile(
  { cwd, file }: NodeConfigSources,
  problems: string[],
): Promise<ConfigFile> {
  const names = file === undefined ? ["levain.node.ts", "levain.node.json"] : [file];
  const found = names.filter((name) => existsSync(resolve(cwd, name)));
  const [name] = found;
  if (name === undefined) {
    if (file !== undefined) problems.push(`--config: there is no file ${file}`);
    return { name: "", settings: {} };
  }
  if (found.length > 1) problems.push(`${found.join(" and ")} are both there; keep one of them`);
  try {
    const path = resolve(cwd, name);
    const value: unknown = name.endsWith(".json")
      ? await Bun.file(path).json()
      : ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
    if (isObject(value)) return { name, settings: value };
    problems.push(
      name.endsWith(".json")
        ? `${name}: must hold an object`
        : `${name}: must export an object as its default`,
    );
  } catch (error) {
    problems.push(`${name}: cannot be read: ${messageOf(error)}`);
  }
  return { name, settings: {} };
}

/** Text of a flag or a variable as the setting's kind of value; what is no number stays text and is refused later. */
function parse(key: string, text: string): unknown {
  const type = SETTINGS[key]?.type;
  if (type === "integer") return /^\d+$/.test(text.trim()) ? Number(text) : text;
  if (type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  if (type === "array") {
    const parts = text.split(",").map((part) => part.trim());
    return parts.filter((part) => part !== "");
  }
  return text;
}

const KNOWN: KnownKeys = {
  keys: Object.keys(SETTINGS),
  rangeOf(key) {
    const { type, minimum, maximum } = SETTINGS[key] ?? {};
    if (type !== "integer" || minimum === undefined || maximum === undefined) return undefined;
    return { smallest: minimum, largest: maximum };
  },
  isSecret: (key) => SECRETS.includes(key),
};

/** One line for each problem: source, key, value, what is allowed. */
function describe(issue: z.core.$ZodIssue, given: Given): string[] {
  const path = issue.path.map(String);
  const from = (key: string) => {
    const origin = given.originOf(key);
    return origin === "" ? "" : `${origin}: `;
  };
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) => {
      const key = [...path, name].join(".");
      return from(key) + describeUnknownKey(key, KNOWN.keys);
    });
  }
  // Below a setting's key are the indexes of a list.
  const key =
    [path.slice(0, 2).join("."), path[0] ?? ""].find((name) => name in SETTINGS) ?? path.join(".");
  return [from(key) + describeValue(issue, key, KNOWN)];
}

function isGroup(key: string): boolean {
  return Object.keys(SETTINGS).some((name) => name.startsWith(`${key}.`));
}

function kebab(key: string): string {
  return key.replace(".", "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
