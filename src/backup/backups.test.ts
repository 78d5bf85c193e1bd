/** Backups of a node that runs: one at a time, by a schedule, with what is in their way. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../base/until-for-tests.ts";
import { newMasterKey, writeKeyFile } from "../secrets/key-file.ts";
import { withTestPostgres } from "../store/postgres-for-tests.ts";
import { type BackupPlan, Backups, listBackups } from "./backups.ts";
import { refusal, startTestS3 } from "./s3-for-tests.ts";
import { accessOf } from "./storage.ts";

const postgres = withTestPostgres();
const credentials = accessOf({ AWS_ACCESS_KEY_ID: "who", AWS_SECRET_ACCESS_KEY: "secret" });

function setup(plan: Partial<BackupPlan> = {}, access = credentials) {
  const folder = mkdtempSync(join(tmpdir(), "levain-backups-"));
  const dataDir = join(folder, "data");
  mkdirSync(join(dataDir, "artifacts"), { recursive: true });
  const masterKeyFile = join(dataDir, "master-key");
  writeKeyFile(masterKeyFile, [newMasterKey()]);
  const notes: string[] = [];
  let held = 0;
  const clock = { wallMs: () => Date.now() };
  const open = () =>
    new Backups({
      dataDir,
      plan: { keep: 2, logs: "none", to: join(folder, "to"), ...plan },
      access,
      env: {},
      clock,
      note: (line) => void notes.push(line),
      async hold() {
        held += 1;
        const { connection } = postgres.server;
        const counts = { apps: 0, databases: 0 };
        const facts = { givenKeyIds: [], levain: "0.0.0", settings: {}, counts };
        return {
          job: { connection, masterKeyFile, ...facts },
          release() {
            held -= 1;
          },
        };
      },
    });
  return {
    folder,
    to: join(folder, "to"),
    notes,
    open,
    backups: open(),
    held: () => held,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

describe("a backup", () => {
  test("is made one at a time, and is nowhere when it was given up", async () => {
    await using s3 = startTestS3();
    using given = setup({ to: "s3://backups" }, { ...credentials, endpoint: s3.endpoint });
    const { backups } = given;
    let isPutting = false;
    s3.before = ({ method }) => {
      isPutting ||= method === "PUT";
      return isPutting ? "stall" : null;
    };
    const stop = new AbortController();

    const first = backups.run({}, () => {}, stop.signal);
    first.catch(() => {});
    await until(() => isPutting, 60_000);
    await expect(backups.run({}, () => {})).rejects.toMatchObject({ code: "BACKUP_RUNNING" });
    expect(backups.facts().running).not.toBeNull();
    stop.abort(new Error("given up"));
    await expect(first).rejects.toThrow("given up");

    expect(given.held()).toBe(0);
    expect(backups.facts()).toMatchObject({ running: null, lastGood: null, lastFailure: null });
    s3.before = () => null;
    await backups.run({}, () => {});
    expect(await backups.list()).toHaveLength(1);
  }, 120_000);

  test("whose process is killed has failed, and the next one removes what it left", async () => {
    await using s3 = startTestS3();
    using given = setup({ to: "s3://backups" }, { ...credentials, endpoint: s3.endpoint });
    const { backups, to } = given;
    let isPutting = false;
    s3.before = ({ method }) => {
      isPutting ||= method === "PUT";
      return isPutting ? "stall" : null;
    };

    const doomed = backups.run({}, () => {});
    doomed.catch(() => {});
    await until(() => isPutting, 60_000);
    process.kill(childPid(), "SIGKILL");

    await expect(doomed).rejects.toMatchObject({
      code: "BACKUP_FAILED",
      message: expect.stringContaining("SIGKILL"),
    });
    expect(backups.facts().lastFailure).toMatchObject({ code: "BACKUP_FAILED" });
    mkdirSync(join(to, ".unfinished-20261121T170000Z-aaaaaa"), { recursive: true });
    const { id } = await backups.run({ to }, () => {});
    expect(readdirSync(to)).toEqual([id]);
    // Elsewhere is not where this node's are to be.
    expect(backups.facts().lastFailure).not.toBeNull();
    s3.before = () => null;
    const good = await backups.run({}, () => {});
    expect(backups.facts()).toMatchObject({ lastFailure: null, lastGood: { id: good.id } });
  }, 120_000);
});

describe("a schedule", () => {
  test("makes backups, keeps the newest, and goes on after a restart", async () => {
    using given = setup({ everyMs: 1, keep: 2 });
    given.backups.start();
    await until(() => given.notes.some((line) => line.includes("made way")), 60_000);
    await given.backups.stop();
    const history = JSON.parse(readFileSync(join(given.folder, "data", "backups.json"), "utf8"));

    const again = given.open();
    expect(again.facts().lastGood).toEqual(history.lastGood);
    const listed = await listBackups(given.to, credentials);
    await again.stop();

    expect(listed).toHaveLength(2);
    expect(listed.every(({ trigger }) => trigger === "schedule")).toBe(true);
    expect(given.held()).toBe(0);
  }, 120_000);

  test("keeps a whole backup when an older one cannot be removed, and says so", async () => {
    await using s3 = startTestS3();
    const plan = { to: "s3://backups", everyMs: 1, keep: 1 };
    using given = setup(plan, { ...credentials, endpoint: s3.endpoint });
    const { backups, notes } = given;
    const first = await backups.run({}, () => {});
    // As if the schedule had made it, so that it is to make way.
    const key = `backups/${first.id}/manifest.json`;
    const text = new TextDecoder().decode(s3.objects.get(key));
    s3.objects.set(key, new TextEncoder().encode(text.replace('"command"', '"schedule"')));
    s3.before = ({ method, key: at }) =>
      method === "DELETE" && at.includes(first.id) ? refusal(403, "AccessDenied") : null;

    backups.start();
    await until(() => notes.some((line) => line.includes("could not be removed")), 60_000);
    await backups.stop();

    const { lastGood, lastFailure } = backups.facts();
    expect(lastGood?.id).not.toBe(first.id);
    expect(lastFailure).toBeNull();
    expect((await backups.list()).map(({ id }) => id)).toContain(lastGood!.id);
  }, 120_000);

  test("shows a place that cannot be opened as a failure, and tries again", async () => {
    using given = setup({ everyMs: 1, to: "s3://backups" }, accessOf({}));
    given.backups.start();
    await until(() => given.notes.length > 0, 60_000);
    const facts = given.backups.facts();
    await given.backups.stop();

    expect(facts.lastFailure?.message).toContain("AWS_ACCESS_KEY_ID");
    expect(facts.nextAtMs).toBeGreaterThan(Date.now());
  }, 120_000);

  test("says what went wrong, and when it tries again", async () => {
    using given = setup({ everyMs: 1, to: "/proc/nowhere" });
    given.backups.start();
    await until(() => given.notes.length > 0, 60_000);
    const facts = given.backups.facts();
    await given.backups.stop();

    expect(given.notes[0]).toContain("The backup failed: Cannot use /proc/nowhere");
    expect(facts.lastFailure).toMatchObject({ code: "BACKUP_STORAGE_FAILED" });
    expect(facts.nextAtMs).toBeGreaterThan(Date.now());
  }, 120_000);
});

/** Of the process that makes a backup for this one. */
function childPid(): number {
  const found = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .find((pid) => {
      try {
        const parent = Number(
          /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1],
        );
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return parent === process.pid && words.includes("backup-process.ts");
      } catch {
        return false;
      }
    });
  if (found === undefined) throw new Error("there is no such process");
  return Number(found);
}
