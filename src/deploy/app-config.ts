/**
 * `levain.config.ts|json` as data: what it may contain, what is assumed when a key is left out, and what a version is
 * made of in the end. Pure; `build.ts` reads the file.
 */
import { z } from "zod";
import { type AssetsConfig, assetsSchema, topFolder } from "../assets/assets-config.ts";
import {
  describeUnknownKey,
  describeValue,
  type KnownKeys,
  sumUp,
} from "../base/config-problems.ts";
import { PlatformError } from "../base/errors.ts";
import type { StandbyPolicy, VersionSpec } from "../base/version-spec.ts";
import type { PlanWishes } from "../project/build-plan.ts";
import { FRAMEWORKS } from "../project/frameworks.ts";
import { assertRunsApps } from "../runtimes/runtime-name.ts";
import type { EnvDeclaration } from "../secrets/rules.ts";
import {
  IDLE_KEYS,
  INSTANCE_KEYS,
  LIMIT_KEYS,
  NUMBER_RANGES,
  number,
  RETENTION_KEYS,
} from "./config-numbers.ts";
import { DATABASE_KEYS, databaseSchema } from "./database-config.ts";
import { envSchema } from "./env-config.ts";
import { DECLARES_KEYS, declaresSchema, retentionSchema } from "./lasting-config.ts";
import * as limits from "./limits.ts";
import { MIGRATE_KEYS, type MigrateConfig, migrateSchema } from "./migrate-config.ts";
import { appNameProblem } from "./names.ts";
import { PERMISSION_KEYS, permissionsSchema, sandboxSchema } from "./permissions-config.ts";

/** What `framework` may say. */
const FRAMEWORK_NAMES = ["none", ...FRAMEWORKS.map(({ name }) => name)];

const STANDBY_POLICIES = ["keep-memory", "stop-allowed"] as const satisfies StandbyPolicy[];

export const appConfigSchema = z.strictObject({
  name: z
    .string()
    .superRefine((name, context) => {
      const problem = appNameProblem(name);
      if (problem !== null) context.addIssue({ code: "custom", message: problem, input: name });
    })
    .optional(),
  entry: z
    .string()
    .min(1)
    .max(limits.sourcePathBytesMax)
    .refine(isInside, "must be a path inside the project, such as src/index.ts")
    .optional(),
  framework: z.enum(FRAMEWORK_NAMES).optional(),
  build: z
    .union([z.string().min(1).max(limits.sourcePathBytesMax), z.literal(false)], {
      error: "must be a shell command, or false for none",
    })
    .optional(),
  start: z.string().min(1).max(limits.sourcePathBytesMax).optional(),
  bundle: z.boolean().optional(),
  assets: assetsSchema.optional(),
  env: envSchema,
  limits: z
    .strictObject({
      memoryBytesMax: number(LIMIT_KEYS.memoryBytesMax).optional(),
      requestTimeoutMs: number(LIMIT_KEYS.requestTimeoutMs).optional(),
      streamIdleMs: number(LIMIT_KEYS.streamIdleMs).optional(),
      concurrencyMax: number(LIMIT_KEYS.concurrencyMax).optional(),
      queueMax: number(LIMIT_KEYS.queueMax).optional(),
      bodyBytesMax: number(LIMIT_KEYS.bodyBytesMax).optional(),
      bootTimeoutMs: number(LIMIT_KEYS.bootTimeoutMs).optional(),
      requestsMax: number(LIMIT_KEYS.requestsMax).optional(),
      cpuCoresMax: number(LIMIT_KEYS.cpuCoresMax).optional(),
      processesMax: number(LIMIT_KEYS.processesMax).optional(),
      openFilesMax: number(LIMIT_KEYS.openFilesMax).optional(),
      diskBytesMax: number(LIMIT_KEYS.diskBytesMax).optional(),
      diskFilesMax: number(LIMIT_KEYS.diskFilesMax).optional(),
    })
    .default({}),
  instances: z
    .strictObject({
      min: number(INSTANCE_KEYS.min).default(INSTANCE_KEYS.min.default),
      max: number(INSTANCE_KEYS.max).optional(),
    })
    .refine(({ min, max }) => max === undefined || min <= max, "min must not be more than max")
    .transform(({ min, max }) => ({ min, max: max ?? min }))
    .prefault({}),
  idleFreezeMs: number(IDLE_KEYS.idleFreezeMs).default(IDLE_KEYS.idleFreezeMs.default),
  idlePageMs: number(IDLE_KEYS.idlePageMs).default(IDLE_KEYS.idlePageMs.default),
  idleStopMs: number(IDLE_KEYS.idleStopMs).optional(),
  standby: z.enum(STANDBY_POLICIES).optional(),
  ephemeral: z.boolean().default(false),
  permissions: permissionsSchema,
  sandbox: sandboxSchema,
  declares: declaresSchema,
  retention: retentionSchema,
  database: databaseSchema,
  migrate: migrateSchema,
  runtime: z.string().max(100).nullable().default(null),
  healthPath: z
    .string()
    .max(limits.sourcePathBytesMax)
    .regex(/^\/[!-"$-~]*$/, "must begin with / and have no spaces and no #")
    .default("/"),
});

/** What idle versions are; who says when to stop them allows it. */
function standbyOf(
  idleStopMs: number | undefined,
  standby: StandbyPolicy | undefined,
): Pick<VersionSpec, "idleStopMs" | "standby"> {
  const mayStop = standby === "stop-allowed" || (standby === undefined && (idleStopMs ?? 0) > 0);
  return mayStop
    ? { standby: "stop-allowed", idleStopMs: idleStopMs ?? IDLE_KEYS.idleStopMs.default }
    : { standby: "keep-memory", idleStopMs: 0 };
}

/** The config with every default filled in. */
export interface AppConfig
  extends Pick<
    VersionSpec,
    | "permissions"
    | "sandbox"
    | "declares"
    | "retention"
    | "database"
    | "runtime"
    | "limits"
    | "instances"
    | "idleFreezeMs"
    | "idlePageMs"
    | "idleStopMs"
    | "standby"
    | "ephemeral"
    | "healthPath"
  > {
  name: string | null;
  env: EnvDeclaration;
  entry: string | null;
  /** A row of the table of frameworks, "none", or null: it is found out. */
  framework: string | null;
  /** Null: it is found out; false: none. */
  build: string | false | null;
  start: string | null;
  /** Null: as the framework needs it. */
  bundle: boolean | null;
  /** Null: what is found; false: none, whatever is found. */
  assets: AssetsConfig | false | null;
  /** Null: nothing does. */
  migrate: MigrateConfig | null;
}

/** What the plan of a build has to go by. */
export function wishesOf(config: AppConfig): PlanWishes {
  const { framework, build, start, entry, bundle, assets: given } = config;
  const assets = given === null || given === false ? given : topFolder(given);
  return { framework, build, start, entry, bundle, assets };
}

/**
 * Checks what a config file gave and fills in the defaults.
 *
 * @param raw the file's default export; `{}` when there is no file
 * @param file its name, for messages
 * @throws {PlatformError} `RUNTIME_INVALID`, `RUNTIME_TOO_OLD`; `CONFIG_INVALID`; `detail.problems` has every problem, the message the only one
 */
export function parseAppConfig(raw: unknown, file: string): AppConfig {
  const parsed = appConfigSchema.safeParse(raw, { reportInput: true });
  if (!parsed.success) {
    const problems = [...new Set(parsed.error.issues.flatMap(problemsOf))];
    throw new PlatformError("CONFIG_INVALID", [file, sumUp(problems)], {
      detail: { problems },
    });
  }
  const { name, entry, framework, build, start, bundle, assets, ...others } = parsed.data;
  const { limits: given, idleStopMs, standby, ...rest } = others;
  if (standby === "keep-memory" && (idleStopMs ?? 0) > 0) {
    const problem = `idleStopMs is ${idleStopMs}, must be 0 or left out with standby "keep-memory"`;
    throw new PlatformError("CONFIG_INVALID", [file, problem], { detail: { problems: [problem] } });
  }
  if (rest.migrate !== null && rest.database === null) {
    const problem = "migrate is given, and no database to migrate; add `database: true`";
    throw new PlatformError("CONFIG_INVALID", [file, problem], { detail: { problems: [problem] } });
  }
  if (rest.runtime !== null) assertRunsApps(rest.runtime, rest.ephemeral);
  return {
    name: name ?? null,
    entry: entry ?? null,
    framework: framework ?? null,
    build: build ?? null,
    start: start ?? null,
    bundle: bundle ?? null,
    assets: assets ?? null,
    ...rest,
    ...standbyOf(idleStopMs, standby),
    limits: {
      memoryBytesMax: given.memoryBytesMax ?? LIMIT_KEYS.memoryBytesMax.default,
      requestTimeoutMs: given.requestTimeoutMs ?? LIMIT_KEYS.requestTimeoutMs.default,
      streamIdleMs: given.streamIdleMs ?? LIMIT_KEYS.streamIdleMs.default,
      concurrencyMax:
        given.concurrencyMax ??
        (rest.ephemeral
          ? limits.concurrencyMaxEphemeralDefault
          : LIMIT_KEYS.concurrencyMax.default),
      queueMax: given.queueMax ?? LIMIT_KEYS.queueMax.default,
      bodyBytesMax: given.bodyBytesMax ?? LIMIT_KEYS.bodyBytesMax.default,
      bootTimeoutMs: given.bootTimeoutMs ?? LIMIT_KEYS.bootTimeoutMs.default,
      requestsMax: given.requestsMax ?? LIMIT_KEYS.requestsMax.default,
      cpuCoresMax: given.cpuCoresMax ?? LIMIT_KEYS.cpuCoresMax.default,
      processesMax: given.processesMax ?? LIMIT_KEYS.processesMax.default,
      openFilesMax: given.openFilesMax ?? LIMIT_KEYS.openFilesMax.default,
      diskBytesMax: given.diskBytesMax ?? LIMIT_KEYS.diskBytesMax.default,
      diskFilesMax: given.diskFilesMax ?? LIMIT_KEYS.diskFilesMax.default,
    },
  };
}

/** Keys below a key. */
export const GROUPS: Readonly<Record<string, object>> = {
  limits: LIMIT_KEYS,
  instances: INSTANCE_KEYS,
  permissions: PERMISSION_KEYS,
  declares: DECLARES_KEYS,
  retention: RETENTION_KEYS,
  database: DATABASE_KEYS,
  migrate: MIGRATE_KEYS,
};

const KNOWN: KnownKeys = {
  keys: Object.keys(appConfigSchema.shape).flatMap((key) =>
    key in GROUPS ? Object.keys(GROUPS[key] ?? {}).map((inner) => `${key}.${inner}`) : [key],
  ),
  rangeOf: (key) => NUMBER_RANGES[key],
  isSecret: (key) => key.startsWith("env."),
};

/** One sentence for each thing that is wrong. */
function problemsOf(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.map(String);
  const where = path.join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => describeUnknownKey([...path, key].join("."), KNOWN.keys));
  }
  // The name of an environment value is a key of a record: its own problems are one level below.
  if (issue.code === "invalid_key") {
    return issue.issues.map((inner) => `${where} cannot be set: ${inner.message}`);
  }
  if (where === "") return ["its default export must be an object"];
  return [describeValue(issue, where, KNOWN)];
}

/** Whether a relative path stays in the folder it starts from. */
function isInside(path: string): boolean {
  if (path.startsWith("/") || path.includes("\\") || path.includes("\0")) return false;
  return !path.split("/").includes("..");
}
