/** `levain backup`: makes a backup of the whole node, lists what there is, or checks one. */
import { resolve } from "node:path";
import type { ListedBackup } from "../backup/backups.ts";
import type { S3Access } from "../backup/storage.ts";
import { PlatformError } from "../base/errors.ts";
import { NodeError } from "./admin-client.ts";
import { usageError } from "./failure.ts";
import { backupRequestTimeoutMs } from "./limits.ts";
import { type Column, renderTable } from "./table.ts";
import { showAge, showBytes, showCount, showDuration, showMinute } from "./units.ts";
import type { Call, Outcome, Verb } from "./verb.ts";

const ACTIONS: Readonly<Record<string, (call: Call) => Promise<Outcome>>> = {
  create,
  list,
  verify,
};

/** Flags of those who read a backup without a node. */
export const STORAGE_FLAGS = [
  ["--passphrase-file <file>", "file whose first line opens it, or encrypts it"],
  ["--endpoint <url>", "address of an S3 storage that is not Amazon's"],
  ["--region <name>", "its region (default us-east-1)"],
] as const;

/** Variables of an S3 storage and of the passphrase. */
export const STORAGE_VARIABLES = [
  ["AWS_ACCESS_KEY_ID", "who asks an S3 storage, with AWS_SECRET_ACCESS_KEY"],
  ["AWS_SESSION_TOKEN", "of credentials that end by themselves"],
  ["AWS_REGION", "as --region"],
  ["AWS_ENDPOINT_URL", "as --endpoint"],
  ["LEVAIN_BACKUP_PASSPHRASE", "in place of --passphrase-file"],
] as const;

export const backup: Verb = {
  name: "backup",
  group: "Node",
  asksNode: true,
  summary: "Back up the whole node, list backups, check one",
  description:
    "Store, databases of all branches, artifacts and settings, as they are at one moment, while the node goes on. " +
    "To a folder on the node's machine or to an S3 storage. With a passphrase everything is encrypted and the master key " +
    "is in it; without one nothing is, and the master key is left out: keep a copy of it apart. `backups` in the node's " +
    "configuration makes them by a schedule. `verify` reads one to its end and checks every file of it, without a " +
    "node. `levain restore` makes a data directory of one.",
  arguments: [
    ["[action]", "create (default), list or verify", ["create", "list", "verify"]],
    ["[from]", "verify: a backup, or where they are: then the newest"],
  ],
  flags: [
    ["--to <place>", "folder or s3://bucket/prefix (default: backups.to of the node)"],
    ...STORAGE_FLAGS,
    ["--logs", "create: with logs and request logs of all apps"],
  ],
  environment: STORAGE_VARIABLES,
  examples: [
    ["levain backup --to /mnt/backups", "into a new folder there"],
    ["levain backup --to s3://acme/levain", "with AWS_ACCESS_KEY_ID and its like"],
    ["levain backup list", "what there is where the node's go"],
    ["levain backup verify /mnt/backups", "whether the newest can be restored"],
  ],
  async run(call) {
    const [action = "create"] = call.args;
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (act === undefined) throw usageError(`"${action}" is none of create, list and verify`);
    return act(call);
  },
};

async function create(call: Call): Promise<Outcome> {
  const { io, paint } = call;
  const { to, logs } = call.flags;
  const access = await accessFrom(call);
  const passphrase = await passphraseFrom(call);
  const startedMs = performance.now();
  const progress = new ProgressLine(call);
  const lines = call.client.stream("backup", {
    input: {
      ...(typeof to === "string" ? { to: placeOf(to, io.cwd) } : {}),
      ...(access.accessKeyId === undefined ? {} : { access: access as never }),
      ...(passphrase === undefined ? {} : { passphrase }),
      ...(logs === true ? { withLogs: true } : {}),
    },
    signal: io.interrupt(),
  });
  for await (const line of lines) {
    if (line.type === "progress") progress.show(`${line.archive} ${showBytes(line.bytes)}`);
    if (line.type === "failed") {
      progress.end();
      throw new NodeError(line.error as never);
    }
    if (line.type !== "done") continue;
    progress.end();
    const { result } = line;
    const ms = Math.round(performance.now() - startedMs);
    return {
      data: { ...result, ms },
      next: [
        call.command(`levain backup verify ${result.where}`),
        call.command("levain backup list"),
      ],
      text: () =>
        [
          `${paint.green("✔")} ${result.where} (${showBytes(result.bytes)}, ${showDuration(ms)})`,
          ...(result.hasMasterKey || result.keyIds.length === 0
            ? []
            : [
                `  ${paint.yellow("The master key is not in it")} (${result.keyIds.join(", ")}): keep a copy apart, or`,
                "  give a passphrase, and everything is encrypted with the key in it.",
              ]),
          ...(result.hasDatabases
            ? []
            : [
                `  ${paint.yellow("The databases are not in it")}: they are on the server of databaseUrl. Back that up now`,
                "  too; docs/backup.md says what belongs together.",
              ]),
          ...result.removed.map((id) => `  ${id} made way`),
        ].join("\n"),
    };
  }
  throw new PlatformError("NODE_CONNECTION_LOST", ["the answer has no end"]);
}

async function list(call: Call): Promise<Outcome> {
  const { to } = call.flags;
  const data =
    typeof to === "string"
      ? await listAt(call, placeOf(to, call.io.cwd))
      : await call.client.call("backups", { answerTimeoutMs: backupRequestTimeoutMs });
  return {
    data,
    next: [
      call.command(`levain backup verify ${data.to}`),
      call.command(`levain restore ${data.to} --data-dir <new>`),
    ],
    text() {
      if (data.backups.length === 0) return `No backups in ${data.to}.`;
      const columns: Column<ListedBackup>[] = [
        { title: "ID", cell: ({ id }) => id, paint: call.paint.bold },
        { title: "BEGUN", cell: ({ startedAtMs }) => showMinute(startedAtMs) },
        { title: "TOOK", cell: (row) => showDuration(row.finishedAtMs - row.startedAtMs) },
        { title: "SIZE", cell: ({ bytes }) => showBytes(bytes) },
        { title: "BY", cell: ({ trigger }) => trigger },
        { title: "KEY", cell: (row) => (row.hasMasterKey ? "in it" : "apart") },
      ];
      const size = { columns: call.io.stdout.columns, paintTitle: call.paint.dim };
      return `${renderTable(data.backups, columns, size)}\n${call.paint.dim(`in ${data.to}`)}`;
    },
  };
}

async function listAt(call: Call, to: string): Promise<{ to: string; backups: ListedBackup[] }> {
  const { listBackups } = await import("../backup/backups.ts");
  return { to, backups: await listBackups(to, await accessFrom(call)) };
}

async function verify(call: Call): Promise<Outcome> {
  const [, from] = call.args;
  if (from === undefined) throw usageError("`backup verify` needs a backup, or where they are");
  const { findBackup } = await import("../backup/storage.ts");
  const { checkBackup, checkParts, readManifest } = await import("../backup/check-backup.ts");
  const found = await findBackup(placeOf(from, call.io.cwd), await accessFrom(call));
  const passphrase = await passphraseFrom(call);
  const progress = new ProgressLine(call);
  let bytes = 0;
  const onBytes = (more: number) => {
    bytes += more;
    progress.show(`checked ${showBytes(bytes)}`);
  };
  const manifest = await readManifest(found);
  const isWhole = manifest.encryption === null || passphrase !== undefined;
  try {
    if (isWhole) await checkBackup(found, passphrase, onBytes);
    else await checkParts(found, manifest, onBytes);
  } finally {
    progress.end();
  }
  const { id, startedAtMs, counts } = manifest;
  const where = `${found.storage.where}/${id}`;
  return {
    data: { id, where, startedAtMs, counts, bytes, isWhole },
    next: [call.command(`levain restore ${where} --data-dir <new>`)],
    text: () =>
      [
        `${call.paint.green("✔")} ${where}`,
        `  ${showAge(Date.now() - startedAtMs)} old: ${showCount(counts.apps, "app")}, ${showCount(counts.databases, "database")}, ${showCount(counts.artifacts, "artifact")}`,
        isWhole
          ? `  every file is what was written (${showBytes(bytes)})`
          : `  every part is what was written (${showBytes(bytes)}); with its passphrase every file can be checked too`,
      ].join("\n"),
  };
}

/** A folder as it is meant from here, or an S3 address as it is. */
export function placeOf(text: string, cwd: string): string {
  return text.startsWith("s3://") ? text : resolve(cwd, text);
}

/** From flags and variables. */
export async function accessFrom({ flags, io }: Call): Promise<S3Access> {
  const { accessOf } = await import("../backup/storage.ts");
  const own = accessOf(io.env);
  return {
    ...own,
    endpoint: typeof flags.endpoint === "string" ? flags.endpoint : own.endpoint,
    region: typeof flags.region === "string" ? flags.region : own.region,
  };
}

/** @throws {PlatformError} `INPUT_INVALID` */
export async function passphraseFrom({ flags, io }: Call): Promise<string | undefined> {
  const { passphraseOf } = await import("../backup/passphrase-file.ts");
  const { passphraseFile } = flags;
  if (typeof passphraseFile === "string") {
    return passphraseOf(undefined, resolve(io.cwd, passphraseFile));
  }
  return passphraseOf(io.env.LEVAIN_BACKUP_PASSPHRASE, undefined);
}

/** One line on a terminal that says how far it is, and is gone in the end. */
export class ProgressLine {
  readonly #call: Call;
  #saidMs = Number.NEGATIVE_INFINITY;
  #isShown = false;

  constructor(call: Call) {
    this.#call = call;
  }

  show(text: string): void {
    const { io, isJson, paint } = this.#call;
    const nowMs = performance.now();
    if (isJson || !io.stderr.isTerminal || nowMs - this.#saidMs < 100) return;
    this.#saidMs = nowMs;
    this.#isShown = true;
    io.stderr.write(`\r\x1b[K${paint.dim(text)}`);
  }

  end(): void {
    if (this.#isShown) this.#call.io.stderr.write("\r\x1b[K");
    this.#isShown = false;
  }
}
