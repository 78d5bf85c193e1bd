/**
 * Goal: a branch's database goes from a deploy to a branch, to production and back, and survives what goes wrong on the way.
 * Method: a real node with its relay, the example as it stands. docs/databases.md itself is followed by `migrations.suite.ts`.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const ROOT = join(import.meta.dir, "..");
/** A node's start with its PostgreSQL on a busy machine. Milliseconds. */
const startTimeoutMs = 60_000;
/** Several deploys on a busy machine. Milliseconds. */
const deploysTimeoutMs = 120_000;

let node: TestNode;
const folders: string[] = [];
beforeAll(async () => {
  node = await startTestNode();
}, startTimeoutMs);
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const folder = () => {
  const made = mkdtempSync(join(tmpdir(), "levain-migrations-"));
  folders.push(made);
  return made;
};

describe("examples/sql-migrations", () => {
  let source: string;
  const deploy = async (...flags: string[]) => (await node.cli(["deploy", source, ...flags])).json;
  const notes = async (host = "notes") => (await node.fetch(host, "/notes")).json();
  const write = (text: string, host = "notes") =>
    node.fetch(host, `/notes?text=${text}`, { method: "POST" });
  const migration = (name: string, text: string) =>
    writeFileSync(join(source, "migrations", name), text);

  test(
    "is migrated at its first deploy, branched with data, promoted and rolled back with its data kept",
    async () => {
      source = folder();
      cpSync(join(ROOT, "examples/sql-migrations"), source, { recursive: true });

      const first = await deploy();
      await write("flour");
      const branch = await deploy("--branch", "stars");
      const copied = await notes("stars--notes");
      migration("0003_stars.sql", "ALTER TABLE notes ADD stars int NOT NULL DEFAULT 1");
      writeFileSync(
        join(source, "index.ts"),
        `import { sql } from "bun";
       export default { fetch: async () => Response.json(await sql\`SELECT text, stars FROM notes ORDER BY id\`) };`,
      );
      const migrated = await deploy("--branch", "stars");
      const onBranch = await notes("stars--notes");
      await write("water");
      const before = await notes();
      const promoted = await node.cli(["promote", "notes", `v${migrated.data.version}`]);
      const after = await notes();
      const back = await node.cli(["rollback", "notes"]);
      const kept = await notes();
      const other = await node.cli(["rollback", "notes", "--to", `v${migrated.data.version}`]);

      expect(first.error).toBeUndefined();
      expect(first.data.migrations).toMatchObject({
        pending: ["0001_notes", "0002_newest_first"],
        trial: { state: "succeeded" },
        target: {
          state: "succeeded",
          applied: [{ name: "0001_notes" }, { name: "0002_newest_first" }],
        },
      });
      expect(branch.data.migrations).toMatchObject({ pending: [], trial: null, target: null });
      expect(copied).toMatchObject([{ text: "flour" }]);
      expect(migrated.data.migrations).toMatchObject({ pending: ["0003_stars"] });
      expect(migrated.data.migrations.trial.held).toBeDefined();
      expect(onBranch).toEqual([{ text: "flour", stars: 1 }]);
      expect(before).toMatchObject([{ text: "water" }, { text: "flour" }]);
      expect(promoted.json.data.migrations).toMatchObject({
        pending: ["0003_stars"],
        target: { state: "succeeded" },
      });
      expect(after).toEqual([
        { text: "flour", stars: 1 },
        { text: "water", stars: 1 },
      ]);
      expect(back.json.data.version).toBe(first.data.version);
      expect(back.json.data.warnings[0]).toContain("0003_stars");
      expect(kept).toMatchObject([{ text: "water" }, { text: "flour" }]);
      expect(other.json.error.code).toBe("VERSION_OTHER_DATABASE");
    },
    deploysTimeoutMs,
  );

  test(
    "a migration that fails on the copy stops the deploy, with the branch as it was",
    async () => {
      migration("0004_bad.sql", "ALTER TABLE notes DROP COLUMN text; SELECT 1 / 0");

      const failed = await deploy();

      expect(failed.error).toMatchObject({
        code: "MIGRATION_FAILED",
        detail: { migrations: { trial: { state: "failed" }, target: null } },
      });
      expect(failed.error.message).toContain("division by zero");
      expect(await notes()).toMatchObject([{ text: "water" }, { text: "flour" }]);
      const runs = await node.cli(["db", "migrations", "--app", "notes"]);
      expect(runs.json.data.runs[0]).toMatchObject({
        stage: "trial",
        state: "failed",
        version: null,
      });
    },
    deploysTimeoutMs,
  );

  test(
    "one that holds a lock for longer than its budget stops there too, and says which",
    async () => {
      migration("0004_bad.sql", "ALTER TABLE notes ADD slow int; SELECT pg_sleep(0.6)");
      writeFileSync(
        join(source, "levain.config.ts"),
        `export default { name: "notes", database: true, migrate: { folder: "migrations", lockMs: 200 } };`,
      );

      const failed = await deploy();

      expect(failed.error.code).toBe("MIGRATION_LOCK_EXCEEDED");
      expect(failed.error.message).toContain("held ACCESS EXCLUSIVE on public.notes");
      expect(await notes()).toMatchObject([{ text: "water" }, { text: "flour" }]);
    },
    deploysTimeoutMs,
  );

  test(
    "a node that is killed in the middle knows it afterwards, and the next deploy goes on",
    async () => {
      migration("0004_bad.sql", "ALTER TABLE notes ADD slow int; SELECT pg_sleep(30)");
      writeFileSync(
        join(source, "levain.config.ts"),
        `export default { name: "notes", database: true, migrate: { folder: "migrations", trial: false, lockMs: 60_000 } };`,
      );
      const runsOf = async () =>
        (await node.cli(["db", "migrations", "--app", "notes"])).json.data.runs;
      const running = node.cli(["deploy", source]);
      for (let state = ""; state !== "running"; await Bun.sleep(50))
        state = (await runsOf())[0].state;
      await node.kill();
      await running;
      await node.start();
      const [run] = await runsOf();
      migration("0004_bad.sql", "ALTER TABLE notes ADD quick int");
      const next = await deploy();

      expect(run).toMatchObject({ stage: "target", state: "interrupted", pending: ["0004_bad"] });
      expect(next.error).toBeUndefined();
      expect(next.data.migrations).toMatchObject({
        pending: ["0004_bad"],
        target: { state: "succeeded" },
      });
    },
    deploysTimeoutMs,
  );
});
