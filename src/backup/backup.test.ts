/** Backups of a real cluster and real artifacts, and what comes back out of them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { systemClock } from "../base/clock.ts";
import { ArtifactStore } from "../deploy/artifact-store.ts";
import { masterKeyPath, newMasterKey, writeKeyFile } from "../secrets/key-file.ts";
import { masterKeyOf } from "../secrets/seal.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../store/embedded-postgres.ts";
import type { PostgresConnection } from "../store/postgres-server.ts";
import { newBackupId } from "./backup-manifest.ts";
import { checkBackup, checkParts, readManifest } from "./check-backup.ts";
import { type BackupJob, makeBackup } from "./make-backup.ts";
import { restoreBackup, unfinishedRestore } from "./restore.ts";
import { accessOf, findBackup } from "./storage.ts";

const passphrase = "correct horse battery staple";
let folder: string;
let dataDir: string;
let server: EmbeddedPostgres;
let key: string;
let digest: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "levain-backup-"));
  // PostgreSQL runs as another user when the tests run as root.
  chmodSync(folder, 0o755);
  dataDir = join(folder, "data");
  mkdirSync(dataDir, { mode: 0o700 });
  server = await startEmbeddedPostgres({ dataDir, clock: systemClock, log: () => {} });
  await query(
    server.connection,
    "CREATE TABLE notes AS SELECT number, 'note ' || number AS text FROM generate_series(1, 20000) AS number",
  );
  key = newMasterKey();
  writeKeyFile(masterKeyPath(dataDir), [key]);
  const source = join(folder, "app");
  mkdirSync(join(source, "deep"), { recursive: true });
  writeFileSync(join(source, "main.js"), "export default {}");
  writeFileSync(join(source, "deep", `${"ü".repeat(60)}.txt`), "x".repeat(100_000));
  const artifacts = new ArtifactStore({ dir: join(dataDir, "artifacts") });
  ({ digest } = await artifacts.add(source));
}, 60_000);
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

async function query(connection: PostgresConnection, sql: string): Promise<unknown[]> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function job(to: string, more: Partial<BackupJob> = {}): BackupJob {
  const startedAtMs = Date.now();
  return {
    id: newBackupId(startedAtMs, crypto.getRandomValues(new Uint8Array(3))),
    to,
    access: accessOf({}),
    passphrase: null,
    trigger: "command",
    keep: null,
    withLogs: false,
    dataDir,
    connection: server.connection,
    masterKeyFile: masterKeyPath(dataDir),
    givenKeyIds: [],
    levain: "0.0.0",
    startedAtMs,
    settings: {},
    counts: { apps: 0, databases: 0 },
    ...more,
  };
}

const make = (given: BackupJob) => makeBackup(given, { onProgress() {}, wallMs: () => Date.now() });

function restore(from: Awaited<ReturnType<typeof findBackup>>, to: string, more: object = {}) {
  return restoreBackup({
    found: from,
    dataDir: to,
    passphrase: undefined,
    keys: undefined,
    isKeyGiven: false,
    withoutKey: false,
    postgresUser: undefined,
    lock() {},
    onStep() {},
    ...more,
  });
}

describe("a backup in a folder", () => {
  test("comes back as the same cluster and the same artifacts, with another password", async () => {
    const to = join(folder, "plain");
    const done = await make(job(to));
    const restored = join(folder, "restored-plain");

    await restore(await findBackup(to, accessOf({})), restored, { keys: key });

    expect(done).toMatchObject({ isEncrypted: false, hasMasterKey: false, artifacts: 1 });
    expect(done.keyIds).toEqual([masterKeyOf(key).id]);
    const password = (from: string) => readFileSync(join(from, "postgres", "password"), "utf8");
    expect(password(restored)).not.toBe(password(dataDir));
    expect(
      await new ArtifactStore({ dir: join(restored, "artifacts") }).entries(digest),
    ).toHaveLength(2);
    const again = await startEmbeddedPostgres({
      dataDir: restored,
      clock: systemClock,
      log: () => {},
    });
    try {
      const rows = await query(again.connection, "SELECT count(*)::int, max(number) FROM notes");
      expect(rows).toEqual([{ count: 20_000, max: 20_000 }]);
    } finally {
      await again.stop();
    }
    expect(unfinishedRestore(restored)).toBeNull();
    expect(readFileSync(masterKeyPath(restored), "utf8")).toContain(key);
  }, 60_000);

  test("with a passphrase has the keys in it and nothing that can be read without", async () => {
    const to = join(folder, "sealed");
    await make(job(to, { passphrase }));
    const found = await findBackup(to, accessOf({}));
    const restored = join(folder, "restored-sealed");

    await expect(checkBackup(found, undefined, () => {})).rejects.toMatchObject({
      code: "BACKUP_PASSPHRASE_NEEDED",
    });
    await expect(checkBackup(found, "another passphrase", () => {})).rejects.toMatchObject({
      code: "BACKUP_PASSPHRASE_WRONG",
    });
    await checkParts(found, await readManifest(found), () => {});
    await restore(found, restored, { passphrase });

    expect(readFileSync(masterKeyPath(restored), "utf8")).toContain(key);
    for (const name of readdirSync(join(to, found.id))) {
      const bytes = readFileSync(join(to, found.id, name));
      expect(bytes.includes(key) || bytes.includes("note 1")).toBe(false);
    }
  }, 60_000);

  test("whose part was changed, cut off or lost is refused by its name, and nothing is written", async () => {
    const to = join(folder, "damaged");
    await make(job(to));
    const found = await findBackup(to, accessOf({}));
    const path = join(to, found.id, "cluster.00001");
    const whole = readFileSync(path);
    const flipped = Buffer.from(whole);
    flipped[whole.length >> 1]! ^= 1;
    const restored = join(folder, "restored-damaged");

    for (const bytes of [flipped, whole.subarray(0, -1), Buffer.alloc(0), null]) {
      rmSync(path);
      if (bytes !== null) writeFileSync(path, bytes);
      await expect(restore(found, restored, { keys: key })).rejects.toMatchObject({
        code: "BACKUP_DAMAGED",
        message: expect.stringContaining("cluster.00001"),
      });
    }
    expect(existsSync(restored)).toBe(false);
  }, 60_000);

  test("of a node with a server of its own has everything but the databases", async () => {
    const to = join(folder, "files");
    const done = await make(job(to, { connection: null, passphrase }));
    const restored = join(folder, "restored-files");

    const { manifest } = await restore(await findBackup(to, accessOf({})), restored, {
      passphrase,
    });

    expect(done).toMatchObject({ hasDatabases: false, hasMasterKey: true, artifacts: 1 });
    expect(manifest.kind).toBe("files");
    expect(readdirSync(restored).sort()).toEqual(["artifacts", "master-key"]);
  });
});
