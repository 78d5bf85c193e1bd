/**
 * The node's configuration: flags, then `LEVAIN_*` variables, then `levain.node.ts` or `levain.node.json`, then
 * defaults. Everything is checked before a port is bound, and everything that is wrong is said at once.
 */
import { existsSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { messageOf, PlatformError } from "../base/errors.ts";
import { didYouMean } from "../deploy/did-you-mean.ts";
import { buildMemoryBytesMax, buildTimeoutMs } from "../deploy/limits.ts";
import { defaultDataDir } from "./data-dir.ts";

const port = z.int().min(0).max(65_535);
const domain = z
  .string()
  .max(200)
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
    "must be a host name in lower case",
  );
const proxy = z
  .string()
  .refine(isAddressRange, "must be an IP address or a range such as 10.0.0.0/8");

/** Every setting. The order is that of docs/operating.md. */
export const nodeConfigSchema = z.strictObject({
  /** Port of the apps. 0 = any free one. */
  port: port.default(4000),
  /** Port of the admin API on 127.0.0.1. 0 = any free one. */
  adminPort: port.default(4001),
  /** Address that the apps' port is bound to; `0.0.0.0` for every network. */
  host: z
    .string()
    .refine((text) => isIP(text) !== 0, "must be an IP address")
    .default("127.0.0.1"),
  /** Folder of everything the node keeps. */
  dataDir: z.string().min(1),
  /** Apps answer at `<app>.<domain>`. */
  domain: domain.default("localhost"),
  /** A PostgreSQL server to use instead of the node's own. */
  databaseUrl: z
    .string()
    .regex(/^postgres(ql)?:\/\//, "must begin with postgres://")
    .optional(),
  /** User that the node's own PostgreSQL runs as when the node is root. */
  postgresUser: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, "must be the name of a system user")
    .optional(),
  /** Proxies in front of the node whose `x-forwarded-*` headers are believed. */
  trustedProxies: z.array(proxy).default([]),
  /** How long requests under way may take to finish when the node stops. Milliseconds. */
  drainTimeoutMs: z.int().min(0).max(600_000).default(30_000),
  /** Processes that stand ready for a first start. Count. */
  sparesMax: z.int().min(0).max(100).default(2),
  build: z
    .strictObject({
      /** All steps of one build together. Milliseconds. */
      timeoutMs: z.int().min(1000).max(3_600_000).default(buildTimeoutMs),
      /** A build's processes together. Bytes. */
      memoryBytesMax: z
        .int()
        .min(64 * 1024 * 1024)
        .default(buildMemoryBytesMax),
    })
    .prefault({}),
});

export type NodeConfig = z.infer<typeof nodeConfigSchema>;

/** Flags as the command line read them: text, or absent. Keys are those of the schema. */
export type NodeFlags = Partial<Record<string, string>>;

export interface NodeConfigSources {
  flags: NodeFlags;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Configuration file that was named; default: `levain.node.ts` or `.json` in `cwd` when there is one. */
  file?: string | undefined;
}

/** `LEVAIN_*` variable of each setting. */
export const VARIABLES: Readonly<Record<string, string>> = {
  LEVAIN_PORT: "port",
  LEVAIN_ADMIN_PORT: "adminPort",
  LEVAIN_HOST: "host",
  LEVAIN_DATA_DIR: "dataDir",
  LEVAIN_DOMAIN: "domain",
  LEVAIN_DATABASE_URL: "databaseUrl",
  LEVAIN_POSTGRES_USER: "postgresUser",
  LEVAIN_TRUSTED_PROXIES: "trustedProxies",
  LEVAIN_DRAIN_TIMEOUT_MS: "drainTimeoutMs",
  LEVAIN_SPARES_MAX: "sparesMax",
  LEVAIN_BUILD_TIMEOUT_MS: "build.timeoutMs",
  LEVAIN_BUILD_MEMORY_BYTES_MAX: "build.memoryBytesMax",
};

/** Variables of the same prefix that are somebody else's: the launcher's. */
const OTHER_VARIABLES = ["LEVAIN_BUN"];

const NUMBERS = new Set([
  "port",
  "adminPort",
  "drainTimeoutMs",
  "sparesMax",
  "build.timeoutMs",
  "build.memoryBytesMax",
]);

/**
 * @throws {PlatformError} `NODE_CONFIG_INVALID` that names the source and the key of each problem.
 */
export async function loadNodeConfig(sources: NodeConfigSources): Promise<NodeConfig> {
  const { flags, env, cwd } = sources;
  const problems: string[] = [];
  const settings: Record<string, unknown> = {};
  /** Where a setting came from, to name it in a problem. */
  const origins = new Map<string, string>();

  const file = await readFile(sources);
  for (const [key, value] of Object.entries(file.settings))
    set(settings, origins, key, value, file.name);
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith("LEVAIN_") || OTHER_VARIABLES.includes(name) || text === undefined)
      continue;
    const key = VARIABLES[name];
    if (key === undefined) {
      problems.push(`${name} is no setting${suggestion(name, Object.keys(VARIABLES))}`);
    } else {
      set(settings, origins, key, parse(key, text), name);
    }
  }
  for (const [key, text] of Object.entries(flags)) {
    if (text !== undefined) set(settings, origins, key, parse(key, text), `--${kebab(key)}`);
  }
  settings["dataDir"] ??= defaultDataDir(env);

  const result = nodeConfigSchema.safeParse(settings);
  if (!result.success)
    problems.push(...result.error.issues.flatMap((issue) => describe(issue, origins, file.name)));
  if (problems.length > 0) {
    throw new PlatformError("NODE_CONFIG_INVALID", [
      problems.length === 1 ? "its configuration" : `${problems.length} settings`,
      problems.join("; "),
    ]);
  }
  const config = result.data as NodeConfig;
  const isTwice = config.port === config.adminPort && config.port !== 0;
  if (isTwice) {
    throw new PlatformError("NODE_CONFIG_INVALID", [
      "adminPort",
      `it is ${config.port}, the same as port`,
    ]);
  }
  return { ...config, dataDir: resolve(cwd, config.dataDir) };
}

/** What a socket that could not be bound means. Other errors are given back as they are. */
export function bindError(error: unknown, setting: string, port: number): unknown {
  const { code } = (error ?? {}) as { code?: unknown };
  if (code === "EADDRINUSE")
    return new PlatformError("PORT_IN_USE", [setting, port], { cause: error });
  if (code === "EACCES" || code === "EPERM") {
    return new PlatformError("PORT_FORBIDDEN", [setting, port], { cause: error });
  }
  return error;
}

async function readFile({
  cwd,
  file,
}: NodeConfigSources): Promise<{ name: string; settings: Record<string, unknown> }> {
  const candidates = file === undefined ? ["levain.node.ts", "levain.node.json"] : [file];
  const name = candidates.find((candidate) => existsSync(resolve(cwd, candidate)));
  if (name === undefined) {
    if (file !== undefined)
      throw new PlatformError("NODE_CONFIG_INVALID", [file, "there is no such file"]);
    return { name: "", settings: {} };
  }
  try {
    const path = join(resolve(cwd, name));
    const value: unknown = name.endsWith(".json")
      ? await Bun.file(path).json()
      : ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
    if (typeof value === "object" && value !== null)
      return { name, settings: value as Record<string, unknown> };
  } catch (error) {
    throw new PlatformError("NODE_CONFIG_INVALID", [name, messageOf(error)], { cause: error });
  }
  throw new PlatformError("NODE_CONFIG_INVALID", [name, "it must export an object as its default"]);
}

function set(
  settings: Record<string, unknown>,
  origins: Map<string, string>,
  key: string,
  value: unknown,
  origin: string,
): void {
  origins.set(key, origin);
  const [group = "", name] = key.split(".");
  if (name === undefined) {
    settings[key] = value;
    return;
  }
  settings[group] = { ...(settings[group] as object | undefined), [name]: value };
}

/** Text of a flag or a variable as the schema's kind of value; what is no number stays text and is refused there. */
function parse(key: string, text: string): unknown {
  if (NUMBERS.has(key)) return /^\d+$/.test(text.trim()) ? Number(text) : text;
  if (key === "trustedProxies")
    return text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  return text;
}

function describe(
  issue: z.core.$ZodIssue,
  origins: ReadonlyMap<string, string>,
  file: string,
): string[] {
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(nodeConfigSchema.shape);
    return issue.keys.map(
      (key) => `${origins.get(key) ?? file}: ${key} is no setting${suggestion(key, known)}`,
    );
  }
  const key = issue.path.slice(0, issue.path[0] === "build" ? 2 : 1).join(".");
  const origin = origins.get(key) ?? origins.get(String(issue.path[0])) ?? "";
  return [`${origin === "" ? "" : `${origin}: `}${issue.path.join(".")}: ${issue.message}`];
}

function suggestion(word: string, known: readonly string[]): string {
  const near = didYouMean(word, known);
  return near === null ? "" : `; did you mean ${near}?`;
}

function kebab(key: string): string {
  return key.replace(".", "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function isAddressRange(text: string): boolean {
  const [address = "", bits, rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest !== undefined) return false;
  if (bits === undefined) return true;
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) return false;
  new BlockList().addSubnet(address, Number(bits), family === 4 ? "ipv4" : "ipv6");
  return true;
}
