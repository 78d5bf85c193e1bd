/** `levain restore`: makes a data directory of a backup, for a node that is started on it. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf } from "../base/errors.ts";
import {
  accessFrom,
  ProgressLine,
  passphraseFrom,
  placeOf,
  STORAGE_FLAGS,
  STORAGE_VARIABLES,
} from "./backup.ts";
import { usageError } from "./failure.ts";
import { showAge, showBytes, showCount } from "./units.ts";
import type { Call, Verb } from "./verb.ts";

export const restore: Verb = {
  name: "restore",
  group: "Node",
  summary: "Make a data directory of a backup",
  description:
    "Checks the whole backup first, then writes into a folder that is empty or not there, and lets PostgreSQL read its log to " +
    "the end. A restore that was cut off begins anew when it is run again; no node starts on what it left. `levain up " +
    "--data-dir` then serves what the old node served. Do not run both with the same domain.",
  arguments: [["<from>", "a backup, or where they are: then the newest"]],
  flags: [
    ...STORAGE_FLAGS,
    ["--key <file>", "the old node's master-key, for a backup that has none"],
    ["--without-key", "go on without it: environment values and passwords stay sealed"],
    ["--postgres-user <name>", "system user of the node's own PostgreSQL"],
  ],
  environment: [
    ...STORAGE_VARIABLES,
    ["LEVAIN_MASTER_KEY", "in place of --key, for a node that is given it too"],
  ],
  examples: [
    ["levain restore /mnt/backups --data-dir ./data --key master-key", "the newest there"],
    ["levain restore s3://acme/levain/20261121T170000Z-1a2b3c --data-dir ./data", "that one"],
  ],
  async run(call) {
    const [from = ""] = call.args;
    const { dataDir, io, paint, flags } = call;
    if (flags.dataDir === undefined && !io.env.LEVAIN_DATA_DIR) {
      throw usageError(
        "`restore` needs --data-dir: the folder to make, which is empty or not there",
      );
    }
    const { findBackup } = await import("../backup/storage.ts");
    const { assertRestorable, restoreBackup } = await import("../backup/restore.ts");
    const { acquireNodeLock } = await import("../control/node-lock.ts");
    const found = await findBackup(placeOf(from, io.cwd), await accessFrom(call));
    assertRestorable(dataDir);
    const progress = new ProgressLine(call);
    let lock: { release(): void } | null = null;
    let bytes = 0;
    let step = "";
    try {
      const { manifest, missingKeys } = await restoreBackup({
        found,
        dataDir,
        passphrase: await passphraseFrom(call),
        ...keysFrom(call),
        withoutKey: flags.withoutKey === true,
        postgresUser: typeof flags.postgresUser === "string" ? flags.postgresUser : undefined,
        // Nothing is made before the backup is checked.
        lock: () => {
          lock = acquireNodeLock(dataDir);
        },
        onStep(now, more) {
          bytes = now === step ? bytes + more : 0;
          step = now;
          progress.show(`${now} ${showBytes(bytes)}`);
        },
      });
      progress.end();
      const { id, counts, settings, startedAtMs } = manifest;
      const hasDatabases = manifest.kind === "cluster";
      const server = hasDatabases ? "" : " --database-url <the restored server>";
      const up = `levain up --data-dir ${dataDir}${server}`;
      return {
        data: { id, dataDir, startedAtMs, counts, settings, missingKeys, hasDatabases },
        next: [up],
        text: () =>
          [
            `${paint.green("✔")} ${dataDir} is ${id}, ${showAge(Date.now() - startedAtMs)} old`,
            `  ${showCount(counts.apps, "app")}, ${showCount(counts.databases, "database")}, ${showCount(counts.artifacts, "artifact")}`,
            ...(missingKeys.length === 0
              ? []
              : [
                  `  ${paint.yellow(`without master key ${missingKeys.join(", ")}`)}: what it seals cannot be opened`,
                ]),
            ...settingLines(settings),
            `  start   ${up}`,
          ].join("\n"),
      };
    } finally {
      progress.end();
      (lock as { release(): void } | null)?.release();
    }
  },
};

/** What the old node was started with, which is not in a data directory. */
function settingLines(settings: Readonly<Record<string, unknown>>): string[] {
  const entries = Object.entries(settings);
  if (entries.length === 0) return [];
  const shown = entries.map(([key, value]) => `    ${key}: ${JSON.stringify(value)}`);
  return ["  the old node's settings, which this one needs to be given:", ...shown];
}

function keysFrom({ flags, io }: Call): { keys: string | undefined; isKeyGiven: boolean } {
  const given = io.env.LEVAIN_MASTER_KEY;
  if (typeof flags.key !== "string") {
    return { keys: given === "" ? undefined : given, isKeyGiven: Boolean(given) };
  }
  const path = resolve(io.cwd, flags.key);
  if (!existsSync(path)) throw usageError(`there is no file ${path}`);
  try {
    return { keys: readFileSync(path, "latin1"), isKeyGiven: false };
  } catch (error) {
    throw usageError(`${path} cannot be read: ${messageOf(error)}`);
  }
}
