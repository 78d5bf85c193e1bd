/**
 * What each verb prints with `--json`, as schemas. `docs/schemas/<verb>.json` is made from them; the verbs themselves
 * do not load them.
 */
import { z } from "zod";
import { brokerStatus } from "../broker/status-api.ts";
import {
  backupDone,
  deployResult,
  ENDPOINTS,
  errorBody,
  logRecord,
  nodeStatus,
  rolledBack,
} from "../control/api.ts";
import { deployPlanned, deployVerified } from "../deploy/deploy-api.ts";
import { brokerReport } from "../perf/broker-report.ts";
import { perfReport } from "../perf/report.ts";
import { qualifyReport } from "../qualify/report.ts";
import { SHELLS } from "./completion-scripts.ts";
import { VERBS } from "./verbs.ts";

const backupCounts = z.object({ apps: z.int(), databases: z.int(), artifacts: z.int() });

/** Shape of `data`, by verb. */
const DATA: Readonly<Record<string, z.ZodType>> = {
  new: z.union([
    z.object({
      template: z.string(),
      name: z.string(),
      /** Absolute path. */
      folder: z.string(),
      /** Relative to it. */
      files: z.array(z.string()),
    }),
    z
      .object({ templates: z.array(z.object({ name: z.string(), description: z.string() })) })
      .describe("Without arguments"),
  ]),
  demo: z.object({
    url: z.string(),
    versionUrl: z.string(),
    app: z.string(),
    version: z.int(),
    /** Whether the demo started the node, which is gone with it. */
    isOwnNode: z.boolean(),
    dataDir: z.string(),
    steps: z.array(
      z.object({ name: z.string(), ok: z.boolean(), ms: z.number(), detail: z.string() }),
    ),
  }),
  up: nodeStatus.extend({
    isDetached: z.boolean(),
    /** Path of what the node prints, or null in the foreground. */
    log: z.string().nullable(),
  }),
  env: z.union([
    ENDPOINTS.env.output.describe("With `list`"),
    ENDPOINTS.envChange.output.describe("With `set`, `import` and `unset`"),
    ENDPOINTS.envDiff.output.extend({ from: z.string(), to: z.string() }).describe("With `diff`"),
    ENDPOINTS.envApply.output.describe("With `apply`"),
    ENDPOINTS.keyRotate.output.describe("With `rotate-key`"),
  ]),
  token: z.union([
    z.object({
      token: z.string(),
      /** File that the admin token is in. */
      path: z.string(),
      isRotated: z.boolean(),
    }),
    ENDPOINTS.tokenCreate.output.describe("With `create`"),
    ENDPOINTS.tokens.output.describe("With `list`"),
    ENDPOINTS.tokenRevoke.output.describe("With `revoke`"),
  ]),
  login: z.object({
    name: z.string(),
    url: z.string(),
    /** File that the address and the token are kept in. */
    path: z.string(),
    who: ENDPOINTS.whoami.output,
  }),
  context: z.object({
    contexts: z.array(
      z.object({ name: z.string(), url: z.string().nullable(), isCurrent: z.boolean() }),
    ),
    path: z.string(),
  }),
  domains: z.union([
    ENDPOINTS.domains.output,
    ENDPOINTS.domainAdd.output.describe("With `add`"),
    ENDPOINTS.domainRemove.output.describe("With `remove`"),
  ]),
  db: z.union([
    ENDPOINTS.databases.output.describe("With `list` and `stats`"),
    ENDPOINTS.databaseMake.output.describe("With `branch`, `reset` and `readonly`"),
    ENDPOINTS.databaseUrl.output.describe("With `url`"),
    ENDPOINTS.databaseDrop.output.describe("With `drop`"),
    ENDPOINTS.migrations.output.describe("With `migrations`"),
    z
      .object({ app: z.string(), branch: z.string(), path: z.string(), bytes: z.number() })
      .describe("With `dump`"),
    ENDPOINTS.databaseRestore.output
      .extend({ path: z.string(), bytes: z.number() })
      .describe("With `restore`"),
    z
      .object({
        app: z.string(),
        branch: z.string(),
        answers: z.array(
          z.object({
            command: z.string().nullable(),
            /** Rows that it gave or changed. */
            count: z.int().nullable(),
            columns: z.array(z.string()),
            rows: z.array(z.array(z.unknown())),
          }),
        ),
      })
      .describe("With `psql`"),
  ]),
  audit: ENDPOINTS.audit.output,
  down: z.object({ pid: z.int(), ms: z.number() }),
  status: nodeStatus,
  doctor: z.union([
    z.object({
      isReady: z.boolean(),
      findings: z.array(
        z.object({
          name: z.string(),
          value: z.string(),
          ok: z.boolean().nullable(),
          means: z.string(),
        }),
      ),
    }),
    z
      .object({
        /** `present`: there was one before. */
        zram: z.enum(["present", "planned", "set up"]),
        /** Path of the device. */
        device: z.string(),
        /** Uncompressed. Null when it was there before. */
        sizeBytes: z.number().nullable(),
        steps: z.array(z.string()),
        undo: z.array(z.string()),
      })
      .describe("With --setup-zram"),
  ]),
  broker: z.union([
    z
      .object({
        pid: z.int(),
        version: z.string(),
        port: z.int(),
        /** The same as `port` when they share it. */
        dispatchPort: z.int(),
        isOn: z.boolean(),
      })
      .describe("Without an action: one line when it listens"),
    brokerStatus.describe("With `status`, `on` and `off`"),
  ]),
  deploy: z.union([deployResult, deployPlanned, deployVerified]),
  promote: ENDPOINTS.promote.output,
  rollback: rolledBack,
  remove: ENDPOINTS.remove.output,
  gc: ENDPOINTS.gc.output,
  backup: z.union([
    backupDone.extend({ ms: z.int() }),
    ENDPOINTS.backups.output.describe("With `list`"),
    z
      .object({
        id: z.string(),
        where: z.string(),
        startedAtMs: z.number(),
        counts: backupCounts,
        /** That were looked at. */
        bytes: z.number(),
        /** Whether every file was checked, and not only every part of an encrypted backup. */
        isWhole: z.boolean(),
      })
      .describe("With `verify`"),
  ]),
  restore: z.object({
    id: z.string(),
    dataDir: z.string(),
    startedAtMs: z.number(),
    counts: backupCounts,
    /** Of the node that made it, where they are not the default. */
    settings: z.record(z.string(), z.json()),
    /** False: they are on a server that is not the node's. */
    hasDatabases: z.boolean(),
    /** Ids of master keys that were not there. */
    missingKeys: z.array(z.string()),
  }),
  export: z.object({
    app: z.string(),
    /** Of the archive. */
    path: z.string(),
    bytes: z.number(),
  }),
  apps: ENDPOINTS.apps.output,
  versions: ENDPOINTS.versions.output,
  inspect: ENDPOINTS.inspect.output,
  open: z.object({
    app: z.string(),
    branch: z.string(),
    version: z.int(),
    url: z.string(),
    isOpened: z.boolean(),
  }),
  ps: ENDPOINTS.ps.output,
  bench: brokerReport,
  perf: z.union([
    perfReport,
    z
      .object({
        scenarios: z.array(
          z.object({ name: z.string(), catches: z.string(), isLocalOnly: z.boolean() }),
        ),
      })
      .describe("With --list"),
  ]),
  qualify: z.union([
    qualifyReport,
    z
      .object({
        cases: z.array(z.object({ name: z.string(), group: z.string(), catches: z.string() })),
      })
      .describe("With --list"),
  ]),
  errors: z.object({
    errors: z.array(
      z.object({
        code: z.string(),
        message: z.string(),
        status: z.int(),
        owner: z.enum(["user", "platform"]),
        fix: z.string(),
        docs: z.string(),
      }),
    ),
  }),
  completion: z.union([
    z.object({ shell: z.enum(SHELLS), script: z.string() }),
    z
      .object({ candidates: z.array(z.string()) })
      .describe("With --line, which the scripts use: a word, or a word, a tab and what it means"),
  ]),
  version: z.object({ version: z.string(), bun: z.string() }),
  help: z.object({
    topic: z.string().nullable(),
    text: z.string(),
    commands: z.array(z.object({ name: z.string(), summary: z.string() })),
  }),
};

const next = z.array(z.string()).describe("Useful commands to run next, most useful first");

/** A line of `levain dev --json`. */
const devEvent = z.union([
  z.object({ type: z.literal("ready"), url: z.string(), port: z.int() }),
  z.object({
    type: z.literal("reloaded"),
    version: z.int(),
    files: z.array(z.string()),
    ms: z.int(),
  }),
  z.object({
    type: z.literal("failed"),
    code: z.string(),
    message: z.string(),
    fix: z.string(),
    problems: z.array(z.string()),
    output: z.array(z.string()),
    excerpt: z
      .object({
        path: z.string(),
        line: z.int(),
        column: z.int(),
        lines: z.array(z.object({ number: z.int(), text: z.string() })),
      })
      .nullable(),
  }),
  z.object({ type: z.literal("note"), message: z.string() }),
  z.object({ type: z.literal("output"), line: z.string() }),
  z.object({ type: z.literal("record"), record: logRecord }),
]);

/** What a verb prints when it failed. */
const failure = z.object({
  ok: z.literal(false),
  command: z.string().describe("The verb as it was typed"),
  error: errorBody,
  next,
});

/** The JSON Schema of each verb's output, by its path relative to the repository. */
export function schemaFiles(): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of Object.keys(VERBS)) {
    const title = `levain ${name} --json`;
    const schema = z.toJSONSchema(outputSchema(name), { io: "output" });
    files[`docs/schemas/${name}.json`] = `${JSON.stringify({ title, ...schema }, null, 2)}\n`;
  }
  return files;
}

function outputSchema(name: string): z.ZodType {
  if (name === "dev") return z.union([devEvent, failure]);
  // A stream: one record a line, and a failure as the last line when it breaks off.
  if (name === "logs") return z.union([logRecord, failure]);
  const data = DATA[name];
  if (data === undefined)
    throw new Error(`Add the data of \`levain ${name}\` to src/cli/outputs.ts`);
  const success = z.object({ ok: z.literal(true), command: z.literal(name), data, next });
  return z.union([success, failure]);
}
