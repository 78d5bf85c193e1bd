/**
 * `levain.config.ts|json` as data: what it may contain, what is assumed when a key is left out, and what a version is
 * made of in the end. Pure; `build.ts` reads the file.
 */
import { z } from "zod";
import { PlatformError } from "../base/errors.ts";
import {
  resourceLimitsDefault,
  type StandbyPolicy,
  type VersionSpec,
} from "../base/version-spec.ts";
import { describeUnknownKey, describeValue, type KnownKeys, sumUp } from "./config-problems.ts";
import * as limits from "./limits.ts";
import { appNameProblem } from "./names.ts";
import { PERMISSION_KEYS, permissionsSchema, sandboxSchema } from "./permissions-config.ts";

/** A number of the config: what is assumed, what is accepted. */
interface NumberKey {
  default: number;
  smallest: number;
  largest: number;
  unit: "bytes" | "milliseconds" | "count" | "cores";
}

export const LIMIT_KEYS = {
  memoryBytesMax: {
    default: limits.memoryBytesMaxDefault,
    smallest: limits.memoryBytesMaxSmallest,
    largest: limits.memoryBytesMaxLargest,
    unit: "bytes",
  },
  requestTimeoutMs: {
    default: limits.requestTimeoutMsDefault,
    smallest: limits.requestTimeoutMsSmallest,
    largest: limits.requestTimeoutMsLargest,
    unit: "milliseconds",
  },
  streamIdleMs: {
    default: limits.streamIdleMsDefault,
    smallest: limits.streamIdleMsSmallest,
    largest: limits.streamIdleMsLargest,
    unit: "milliseconds",
  },
  concurrencyMax: {
    default: limits.concurrencyMaxDefault,
    smallest: limits.concurrencyMaxSmallest,
    largest: limits.concurrencyMaxLargest,
    unit: "count",
  },
  queueMax: {
    default: limits.queueMaxDefault,
    smallest: limits.queueMaxSmallest,
    largest: limits.queueMaxLargest,
    unit: "count",
  },
  bodyBytesMax: {
    default: limits.bodyBytesMaxDefault,
    smallest: limits.bodyBytesMaxSmallest,
    largest: limits.bodyBytesMaxLargest,
    unit: "bytes",
  },
  bootTimeoutMs: {
    default: limits.bootTimeoutMsDefault,
    smallest: limits.bootTimeoutMsSmallest,
    largest: limits.bootTimeoutMsLargest,
    unit: "milliseconds",
  },
  requestsMax: {
    default: limits.requestsMaxDefault,
    smallest: limits.requestsMaxSmallest,
    largest: limits.requestsMaxLargest,
    unit: "count",
  },
  cpuCoresMax: {
    default: resourceLimitsDefault.cpuCoresMax,
    smallest: limits.cpuCoresMaxSmallest,
    largest: limits.cpuCoresMaxLargest,
    unit: "cores",
  },
  processesMax: {
    default: resourceLimitsDefault.processesMax,
    smallest: limits.processesMaxSmallest,
    largest: limits.processesMaxLargest,
    unit: "count",
  },
  openFilesMax: {
    default: resourceLimitsDefault.openFilesMax,
    smallest: limits.openFilesMaxSmallest,
    largest: limits.openFilesMaxLargest,
    unit: "count",
  },
  diskBytesMax: {
    default: resourceLimitsDefault.diskBytesMax,
    smallest: limits.diskBytesMaxSmallest,
    largest: limits.diskBytesMaxLargest,
    unit: "bytes",
  },
  diskFilesMax: {
    default: resourceLimitsDefault.diskFilesMax,
    smallest: limits.diskFilesMaxSmallest,
    largest: limits.diskFilesMaxLargest,
    unit: "count",
  },
} as const satisfies Record<keyof VersionSpec["limits"], NumberKey>;

export const IDLE_KEYS = {
  idleFreezeMs: {
    default: limits.idleFreezeMsDefault,
    smallest: limits.idleMsSmallest,
    largest: limits.idleMsLargest,
    unit: "milliseconds",
  },
  idlePageMs: {
    default: limits.idlePageMsDefault,
    smallest: limits.idleMsSmallest,
    largest: limits.idleMsLargest,
    unit: "milliseconds",
  },
  idleStopMs: {
    default: limits.idleStopMsDefault,
    smallest: limits.idleMsSmallest,
    largest: limits.idleMsLargest,
    unit: "milliseconds",
  },
} as const satisfies Record<string, NumberKey>;

const instances = {
  default: limits.instancesDefault,
  smallest: limits.instancesSmallest,
  largest: limits.instancesLargest,
  unit: "count",
} as const satisfies NumberKey;

/** `max` is at least `min` when it is left out. */
export const INSTANCE_KEYS = { min: instances, max: instances } as const satisfies Record<
  keyof VersionSpec["instances"],
  NumberKey
>;

const STANDBY_POLICIES = ["keep-memory", "stop-allowed"] as const satisfies StandbyPolicy[];

const number = (key: NumberKey) =>
  (key.unit === "cores" ? z.number() : z.int()).min(key.smallest).max(key.largest);

/** Names that the node sets for every instance; an app's own value would be lost. */
const ENV_NAMES_RESERVED = ["HOME", "TMPDIR"];

const envName = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]*$/,
    "a name has only letters, digits and _, and does not begin with a digit",
  )
  .refine((name) => !name.startsWith("LEVAIN_"), "names that begin with LEVAIN_ are Levain's own")
  .refine((name) => !ENV_NAMES_RESERVED.includes(name), "HOME and TMPDIR are set by Levain");

const envValue = z
  .union([z.string(), z.number(), z.boolean()], {
    error: "must be a string, a number or a boolean",
  })
  .transform(String)
  .refine((value) => !value.includes("\0"), "must not contain a NUL character");

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
  build: z.string().min(1).max(limits.sourcePathBytesMax).optional(),
  bundle: z.boolean().default(true),
  env: z
    .record(envName, envValue)
    .refine(
      (env) => Buffer.byteLength(Object.entries(env).flat().join("\0")) <= limits.envBytesMax,
      `all values together must have at most ${limits.envBytesMax} bytes`,
    )
    .default({}),
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
    | "env"
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
  entry: string | null;
  build: string | null;
  bundle: boolean;
}

/**
 * Checks what a config file gave and fills in the defaults.
 *
 * @param raw the file's default export; `{}` when there is no file
 * @param file its name, for messages
 * @throws {PlatformError} `CONFIG_INVALID`; `detail.problems` has every problem, the message the only one
 */
export function parseAppConfig(raw: unknown, file: string): AppConfig {
  const parsed = appConfigSchema.safeParse(raw, { reportInput: true });
  if (!parsed.success) {
    const problems = [...new Set(parsed.error.issues.flatMap(problemsOf))];
    throw new PlatformError("CONFIG_INVALID", [file, sumUp(problems)], {
      detail: { problems },
    });
  }
  const { name, entry, build, limits: given, idleStopMs, standby, ...rest } = parsed.data;
  if (standby === "keep-memory" && (idleStopMs ?? 0) > 0) {
    const problem = `idleStopMs is ${idleStopMs}, must be 0 or left out with standby "keep-memory"`;
    throw new PlatformError("CONFIG_INVALID", [file, problem], { detail: { problems: [problem] } });
  }
  return {
    name: name ?? null,
    entry: entry ?? null,
    build: build ?? null,
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
};

const RANGES: Readonly<Record<string, NumberKey>> = {
  ...IDLE_KEYS,
  ...Object.fromEntries(
    [["limits", LIMIT_KEYS] as const, ["instances", INSTANCE_KEYS] as const].flatMap(
      ([group, keys]) => Object.entries(keys).map(([key, range]) => [`${group}.${key}`, range]),
    ),
  ),
};

const KNOWN: KnownKeys = {
  keys: Object.keys(appConfigSchema.shape).flatMap((key) =>
    key in GROUPS ? Object.keys(GROUPS[key] ?? {}).map((inner) => `${key}.${inner}`) : [key],
  ),
  rangeOf: (key) => RANGES[key],
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
