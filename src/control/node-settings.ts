/** Every setting of a node, as data: what it takes, its default, and the variable that sets it. */
import { BlockList, isIP } from "node:net";
import { isAbsolute } from "node:path";
import { z } from "zod";
import { passphraseCharactersMin } from "../backup/limits.ts";
import { SANDBOX_LEVELS } from "../base/permissions.ts";
import type { BrokerConfig } from "../broker/broker-config.ts";
import { brokerSchema } from "../broker/broker-schema.ts";
import { BROKER_SECRETS, BROKER_VARIABLES, NODE_DEFAULTS } from "../broker/broker-settings.ts";
import {
  buildMemoryBytesMax,
  buildTimeoutMs,
  retentionDaysMaxDefault,
  retentionDaysMaxLargest,
  retentionDaysMaxSmallest,
  retentionVersionsMaxDefault,
  retentionVersionsMaxLargest,
  retentionVersionsMaxSmallest,
} from "../deploy/limits.ts";
import { hooksMax } from "../hooks/limits.ts";
import type { HookSource } from "../hooks/loaded-hook.ts";
import {
  adminNamesMax,
  backupEveryMsLargest,
  backupEveryMsSmallest,
  backupsKeepDefault,
  backupsKeepLargest,
  buildMemoryBytesMaxLargest,
  buildMemoryBytesMaxSmallest,
  buildTimeoutMsLargest,
  buildTimeoutMsSmallest,
  dnsServersMax,
  domainCharactersMax,
  drainTimeoutMsDefault,
  drainTimeoutMsLargest,
  edgesLargest,
  instancesMaxDefault,
  instancesMaxLargest,
  logDaysMaxDefault,
  memoryBytesSmallest,
  previewsMaxDefault,
  previewsMaxLargest,
  previewsOfAppMaxDefault,
  sparesMaxDefault,
  sparesMaxLargest,
} from "./limits.ts";
import { memoryBytesOf } from "./memory-size.ts";

const moduleName = z.string().min(1);
const memoryRule = "must be 256MiB or more, such as 8GiB, or a number of bytes";
const hostPattern = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const isAddress = (text: string) => isIP(text) !== 0;
const addressRule = "must be an IP address, such as 0.0.0.0 for every network";
const port = z.int().min(0).max(65_535);

/** The keys are those of `levain.node.ts`; docs/operating.md lists the same ones in the same order. */
export const nodeConfigSchema = z.strictObject({
  /** Port of the apps. 0 = any free one. */
  port: port.default(4000),
  /** Port of the admin API. 0 = any free one. */
  adminPort: port.default(4001),
  /** Address that the admin port is bound to; beyond this machine with TLS only, unless `adminHttp` says otherwise. */
  adminHost: z.string().refine(isAddress, addressRule).default("127.0.0.1"),
  /** Certificate of the admin API, in PEM, with those between it and the root. */
  adminTlsCert: z.string().min(1).optional(),
  /** Its key, in PEM. */
  adminTlsKey: z.string().min(1).optional(),
  /** Where the admin API may be served without TLS: `anywhere` is for a network that encrypts by itself. */
  adminHttp: z.enum(["loopback", "anywhere"]).default("loopback"),
  /** Names that the admin API is called by when a proxy in front of it passes the host on. */
  adminNames: z
    .array(z.string().regex(hostPattern, "must be host names in lower case"))
    .max(adminNamesMax)
    .default([]),
  /** Address that the apps' port is bound to; `0.0.0.0` for every network. */
  host: z.string().refine(isAddress, addressRule).default("127.0.0.1"),
  /** Processes that accept connections; 1 = the node's own alone. Count. */
  edges: z.int().min(1).max(edgesLargest).default(1),
  /** Folder of everything the node keeps. */
  dataDir: z.string().min(1),
  /** Apps answer at `<app>.<domain>`. */
  domain: z
    .string()
    .max(domainCharactersMax)
    .regex(hostPattern, "must be a host name in lower case, such as apps.example.com")
    .default("localhost"),
  /** Where the apps' domain is reached when that is not this port, such as a proxy that speaks HTTPS. */
  publicUrl: z
    .string()
    .refine(isOrigin, "must be an address such as https://apps.example.com")
    .optional(),
  /** Name servers that are asked for proofs of domains; none: the machine's. */
  dnsServers: z
    .array(z.string().refine(isNameServer, "must be addresses such as 9.9.9.9 or [::1]:5353"))
    .max(dnsServersMax)
    .default([]),
  /** A PostgreSQL server to use instead of the node's own. */
  databaseUrl: z
    .string()
    .refine(isPostgresUrl, "must be an address such as postgres://user:password@host:5432/database")
    .optional(),
  /** Port on this machine that apps reach their databases at. 0 = any free one. */
  databasePort: port.default(4002),
  /** Address that databases are served at beside 127.0.0.1; beyond this machine with TLS only, unless `databasePlain` says otherwise. */
  databaseHost: z.string().refine(isAddress, addressRule).default("127.0.0.1"),
  /** Certificate that databases are served with, in PEM, with those between it and the root. */
  databaseTlsCert: z.string().min(1).optional(),
  /** Its key, in PEM. */
  databaseTlsKey: z.string().min(1).optional(),
  /** Where databases may be reached without TLS: `anywhere` is for a network that encrypts by itself. */
  databasePlain: z.enum(["loopback", "anywhere"]).default("loopback"),
  databases: z
    .strictObject({
      /** Branches of one app beside production that have a database. Count. */
      previewsOfAppMax: z.int().min(0).max(previewsMaxLargest).default(previewsOfAppMaxDefault),
      /** The same of all apps. Count. */
      previewsMax: z.int().min(0).max(previewsMaxLargest).default(previewsMaxDefault),
    })
    .prefault({}),
  /** What seals the environment values, instead of a file: the key in use, then any that still open. */
  masterKey: z.string().min(1).optional(),
  /** File of that key. Default: `master-key` in the data directory. */
  masterKeyFile: z.string().refine(isAbsolute, "must be an absolute path").optional(),
  /** User that the node's own PostgreSQL runs as when the node is root. */
  postgresUser: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, "must be the name of a system user")
    .optional(),
  /** Proxies in front of the node whose `x-forwarded-*` headers are believed. */
  trustedProxies: z
    .array(z.string().refine(isAddressRange, "must be IP addresses or ranges such as 10.0.0.0/8"))
    .default([]),
  /** Modules that see each request and answer; a relative one counts from the folder of the file that names it. */
  hooks: z
    .array(
      z.union(
        [
          moduleName,
          z.strictObject({
            module: moduleName,
            /** Given to the module's default export. */
            options: z.json().optional(),
          }),
        ],
        "must be modules, or objects with `module` and plain data as `options`",
      ),
    )
    .max(hooksMax)
    .default([]),
  /** How long requests under way may take to finish when the node stops. Milliseconds. */
  drainTimeoutMs: z.int().min(0).max(drainTimeoutMsLargest).default(drainTimeoutMsDefault),
  /** Instances that run at once; beyond it an idle one makes way. Count. */
  instancesMax: z.int().min(1).max(instancesMaxLargest).default(instancesMaxDefault),
  /** What the node and all it runs may use together, such as `8GiB`; default: most of what there is. Bytes. */
  memory: z
    .union([z.string(), z.number()], memoryRule)
    .refine((written) => (memoryBytesOf(written) ?? 0) >= memoryBytesSmallest, memoryRule)
    .transform((written) => memoryBytesOf(written) ?? 0)
    .optional(),
  /** Processes that stand ready for a first start. Count. */
  sparesMax: z.int().min(0).max(sparesMaxLargest).default(sparesMaxDefault),
  /** The least level at which a version may ask to be held; see docs/sandbox.md. */
  sandboxMin: z.enum(SANDBOX_LEVELS).default("relaxed"),
  /** Folders beneath which versions may be given folders to write to. */
  writeRoots: z.array(z.string().refine(isAbsolute, "must be absolute paths")).default([]),
  retention: z
    .strictObject({
      /** Newest versions of each branch of an app that are kept, where the app does not say it. Count. */
      versionsMax: z
        .int()
        .min(retentionVersionsMaxSmallest)
        .max(retentionVersionsMaxLargest)
        .default(retentionVersionsMaxDefault),
      /** Age at which those go too; 0 = never. Days. */
      daysMax: z
        .int()
        .min(retentionDaysMaxSmallest)
        .max(retentionDaysMaxLargest)
        .default(retentionDaysMaxDefault),
      /** How long the logs of apps that are gone are kept; 0 = for ever. Days. */
      logDaysMax: z
        .int()
        .min(retentionDaysMaxSmallest)
        .max(retentionDaysMaxLargest)
        .default(logDaysMaxDefault),
    })
    .prefault({}),
  backups: z
    .strictObject({
      /** Where backups go: an absolute folder, or `s3://bucket/prefix`. */
      to: z
        .string()
        .regex(/^(\/|s3:\/\/)/, "must be an absolute path or s3://bucket/prefix")
        .optional(),
      /** One is made so long after the last good one was begun. Milliseconds. */
      everyMs: z.int().min(backupEveryMsSmallest).max(backupEveryMsLargest).optional(),
      /** One is made each day at this time, UTC. */
      at: z
        .string()
        .regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time of day in UTC, such as 03:30")
        .optional(),
      /** Newest scheduled ones that stay. Count. */
      keep: z.int().min(1).max(backupsKeepLargest).default(backupsKeepDefault),
      /** What they are encrypted with; without it they are not, and the master key is not in them. */
      passphrase: z.string().min(passphraseCharactersMin).optional(),
      /** File whose first line it is. */
      passphraseFile: z.string().refine(isAbsolute, "must be an absolute path").optional(),
      /** Whether logs are in them. */
      logs: z.enum(["none", "all"]).default("none"),
      /** Address of the S3 storage, when that is not Amazon's. */
      endpoint: z
        .string()
        .refine(isOrigin, "must be an address such as https://s3.example.com")
        .optional(),
      /** Its region. */
      region: z.string().min(1).optional(),
    })
    .refine(
      ({ everyMs, at }) => everyMs === undefined || at === undefined,
      "has everyMs and at; keep one of them",
    )
    .prefault({}),
  build: z
    .strictObject({
      /** All steps of one build together. Milliseconds. */
      timeoutMs: z
        .int()
        .min(buildTimeoutMsSmallest)
        .max(buildTimeoutMsLargest)
        .default(buildTimeoutMs),
      /** A build's processes together. Bytes. */
      memoryBytesMax: z
        .int()
        .min(buildMemoryBytesMaxSmallest)
        .max(buildMemoryBytesMaxLargest)
        .default(buildMemoryBytesMax),
    })
    .prefault({}),
  /** The warm-start broker, which runs when its port is given. */
  broker: brokerSchema(NODE_DEFAULTS).prefault({}),
});

export type NodeConfig = Omit<z.infer<typeof nodeConfigSchema>, "hooks" | "broker"> & {
  /** In order. */
  hooks: HookSource[];
  /** Null: there is none. */
  broker: BrokerConfig | null;
};

/** Setting of each `LEVAIN_*` variable; a dot leads into a group. */
export const VARIABLES: Readonly<Record<string, string>> = {
  LEVAIN_PORT: "port",
  LEVAIN_ADMIN_PORT: "adminPort",
  LEVAIN_ADMIN_HOST: "adminHost",
  LEVAIN_ADMIN_TLS_CERT: "adminTlsCert",
  LEVAIN_ADMIN_TLS_KEY: "adminTlsKey",
  LEVAIN_ADMIN_HTTP: "adminHttp",
  LEVAIN_ADMIN_NAMES: "adminNames",
  LEVAIN_HOST: "host",
  LEVAIN_EDGES: "edges",
  LEVAIN_DATA_DIR: "dataDir",
  LEVAIN_DOMAIN: "domain",
  LEVAIN_PUBLIC_URL: "publicUrl",
  LEVAIN_DNS_SERVERS: "dnsServers",
  LEVAIN_DATABASE_URL: "databaseUrl",
  LEVAIN_DATABASE_PORT: "databasePort",
  LEVAIN_DATABASE_HOST: "databaseHost",
  LEVAIN_DATABASE_TLS_CERT: "databaseTlsCert",
  LEVAIN_DATABASE_TLS_KEY: "databaseTlsKey",
  LEVAIN_DATABASE_PLAIN: "databasePlain",
  LEVAIN_DATABASES_PREVIEWS_OF_APP_MAX: "databases.previewsOfAppMax",
  LEVAIN_DATABASES_PREVIEWS_MAX: "databases.previewsMax",
  LEVAIN_MASTER_KEY: "masterKey",
  LEVAIN_MASTER_KEY_FILE: "masterKeyFile",
  LEVAIN_POSTGRES_USER: "postgresUser",
  LEVAIN_TRUSTED_PROXIES: "trustedProxies",
  LEVAIN_HOOKS: "hooks",
  LEVAIN_DRAIN_TIMEOUT_MS: "drainTimeoutMs",
  LEVAIN_INSTANCES_MAX: "instancesMax",
  LEVAIN_MEMORY: "memory",
  LEVAIN_SPARES_MAX: "sparesMax",
  LEVAIN_SANDBOX_MIN: "sandboxMin",
  LEVAIN_WRITE_ROOTS: "writeRoots",
  LEVAIN_RETENTION_VERSIONS_MAX: "retention.versionsMax",
  LEVAIN_RETENTION_DAYS_MAX: "retention.daysMax",
  LEVAIN_RETENTION_LOG_DAYS_MAX: "retention.logDaysMax",
  LEVAIN_BACKUPS_TO: "backups.to",
  LEVAIN_BACKUPS_EVERY_MS: "backups.everyMs",
  LEVAIN_BACKUPS_AT: "backups.at",
  LEVAIN_BACKUPS_KEEP: "backups.keep",
  LEVAIN_BACKUP_PASSPHRASE: "backups.passphrase",
  LEVAIN_BACKUPS_PASSPHRASE_FILE: "backups.passphraseFile",
  LEVAIN_BACKUPS_LOGS: "backups.logs",
  LEVAIN_BACKUPS_ENDPOINT: "backups.endpoint",
  LEVAIN_BACKUPS_REGION: "backups.region",
  LEVAIN_BUILD_TIMEOUT_MS: "build.timeoutMs",
  LEVAIN_BUILD_MEMORY_BYTES_MAX: "build.memoryBytesMax",
  ...Object.fromEntries(
    Object.entries(BROKER_VARIABLES).map(([name, key]) => [name, `broker.${key}`]),
  ),
};

/** Variables of the same prefix that are no settings: the launcher's, the command line's, and the tests'. */
export const OTHER_VARIABLES: readonly string[] = [
  "LEVAIN_BROKER_URL",
  "LEVAIN_BUN",
  "LEVAIN_CONTEXT",
  "LEVAIN_DEBUG",
  "LEVAIN_NODE",
  "LEVAIN_TEST_SEED",
  "LEVAIN_TOKEN",
];

/** Settings whose value can hold a secret and is never shown. */
export const SECRETS: readonly string[] = [
  "databaseUrl",
  "masterKey",
  "backups.passphrase",
  ...BROKER_SECRETS.map((key) => `broker.${key}`),
];

/** What JSON Schema says about one setting. */
export interface SettingShape {
  type?: string;
  minimum?: number;
  maximum?: number;
  default?: unknown;
  properties?: Record<string, SettingShape>;
}

/** Shape of each setting by its key, groups opened: `build.timeoutMs`. */
export const SETTINGS: Readonly<Record<string, SettingShape>> = openGroups(
  z.toJSONSchema(nodeConfigSchema, { io: "input" }).properties as Record<string, SettingShape>,
);

function openGroups(
  properties: Record<string, SettingShape>,
  prefix = "",
): Record<string, SettingShape> {
  return Object.assign(
    {},
    ...Object.entries(properties).map(([key, shape]) =>
      shape.properties === undefined
        ? { [prefix + key]: shape }
        : openGroups(shape.properties, `${prefix}${key}.`),
    ),
  );
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return url.pathname === "/" && url.search + url.hash + url.username === "";
}

function isNameServer(text: string): boolean {
  const host =
    /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1] ?? text.replace(/^([\d.]+):\d{1,5}$/, "$1");
  return isIP(host) !== 0;
}

function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^postgres(ql)?:$/.test(url.protocol);
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
