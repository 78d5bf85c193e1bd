/** Goal: an app that says `database: true` has one, on each branch its own. Method: a whole node, apps with Bun's own client. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../src/base/until-for-tests.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const timeoutMs = 180_000;

/** An app that keeps notes; POST adds one. */
const code = `
import { SQL } from "bun";
const sql = new SQL(process.env.DATABASE_URL, { max: 3 });
await sql\`CREATE TABLE IF NOT EXISTS notes (text text)\`;
export default {
  async fetch(request) {
    if (request.method === "POST") await sql\`INSERT INTO notes VALUES (\${await request.text()})\`;
    const notes = await sql\`SELECT text FROM notes ORDER BY text\`;
    const [{ role }] = await sql\`SELECT current_user AS role\`;
    return Response.json({ notes: notes.map(({ text }) => text), role, pg: process.env.PGDATABASE });
  },
};`;

class Notes implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "levain-notes-"));
  readonly node: TestNode;

  constructor(node: TestNode) {
    this.node = node;
    writeFileSync(join(this.folder, "package.json"), '{ "name": "notes" }');
    writeFileSync(join(this.folder, "index.js"), code);
    this.configure({ database: true });
    writeFileSync(join(this.folder, "mask.sql"), "UPDATE notes SET text = 'hidden'");
  }

  configure(config: Record<string, unknown>): void {
    writeFileSync(join(this.folder, "levain.config.json"), JSON.stringify(config));
  }

  async cli(args: string[]) {
    return this.node.cli(args, { cwd: this.folder });
  }

  async data(args: string[]) {
    const { json, stdout, stderr } = await this.cli(args);
    if (json?.ok !== true) throw new Error(stdout + stderr + this.node.output());
    return json.data;
  }

  async ask(host: string, text?: string) {
    const init = text === undefined ? {} : { method: "POST", body: text };
    const response = await this.node.fetch(host, "/", init);
    const body = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${body}`);
    return JSON.parse(body);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test(
  "a branch is deployed with its parent's data, promoted onto production's own, and leaves nothing behind",
  async () => {
    await using node = await startTestNode();
    using notes = new Notes(node);

    const first = await notes.data(["deploy", "--branch", "main"]);
    expect(first.database).toMatchObject({ name: "notes", origin: "empty" });
    expect(await notes.ask("notes", "one")).toEqual({ notes: ["one"], role: "notes", pg: "notes" });

    const branch = await notes.data(["deploy", "--branch", "next"]);
    expect(branch.database).toMatchObject({ name: "next--notes", origin: "data", parent: "main" });
    expect(await notes.ask("next--notes", "two")).toEqual({
      notes: ["one", "two"],
      role: "next--notes",
      pg: "next--notes",
    });
    expect((await notes.ask("notes")).notes).toEqual(["one"]);

    const promoted = await notes.data([
      "promote",
      "notes",
      `v${branch.version}`,
      "--branch",
      "main",
    ]);
    expect(promoted.version).not.toBe(branch.version);
    expect(await notes.ask("notes")).toEqual({ notes: ["one"], role: "notes", pg: "notes" });

    await node.kill();
    await node.start();
    expect((await notes.ask("notes", "three")).notes).toEqual(["one", "three"]);
    expect((await notes.ask("next--notes")).notes).toEqual(["one", "two"]);
  },
  timeoutMs,
);

test(
  "levain db lists, asks, resets, drops and removes; a failed deploy leaves no database",
  async () => {
    await using node = await startTestNode();
    using notes = new Notes(node);
    notes.configure({ database: { mask: "mask.sql" } });
    await notes.data(["deploy", "--branch", "main"]);
    await notes.ask("notes", "secret");
    const ask = async (branch: string, sql: string) => {
      const { answers } = await notes.data(["db", "psql", branch, "--command", sql]);
      return answers.at(-1).rows;
    };

    const made = await notes.data(["db", "branch", "early"]);
    expect(made.made).toMatchObject({ name: "early--notes", parent: "main", masks: ["mask.sql"] });
    expect(await ask("early", "SELECT text FROM notes")).toEqual([["hidden"]]);
    expect(await ask("main", "SELECT text, current_user FROM notes")).toEqual([
      ["secret", "notes"],
    ]);

    writeFileSync(join(notes.folder, "index.js"), "throw new Error('broken')");
    const failed = await notes.cli(["deploy", "--branch", "broken"]);
    expect(failed.json.error.code).toBe("BOOT_CRASHED");
    writeFileSync(join(notes.folder, "index.js"), code);
    const names = async () =>
      (await notes.data(["db"])).databases.map((row: { branch: string; state: string }) => [
        row.branch,
        row.state,
      ]);
    expect(await names()).toEqual([
      ["main", "ready"],
      ["early", "ready"],
    ]);

    await notes.data(["deploy", "--branch", "early"]);
    await notes.ask("early--notes", "mine");
    expect((await notes.cli(["db", "reset", "early"])).json.error.code).toBe("CONSENT_MISSING");
    // An app that runs goes on with what has taken the place of its database.
    await notes.data(["db", "reset", "early", "--from", "empty", "--confirm", "early"]);
    await ask("early", "CREATE TABLE notes AS SELECT 'new' AS text");
    expect((await notes.ask("early--notes")).notes).toEqual(["new"]);

    await notes.data(["db", "readonly", "on", "early"]);
    expect((await notes.data(["db"])).databases[1]).toMatchObject({
      branch: "early",
      isReadOnly: true,
    });
    await notes.data(["db", "readonly", "off", "early"]);

    await notes.data(["db", "drop", "early", "--confirm", "early"]);
    expect(await names()).toContainEqual(["early", "dropped"]);
    expect((await notes.cli(["db", "url", "early"])).json.error.code).toBe("DATABASE_DROPPED");
    // Also where the app has been running with it.
    await expect(notes.ask("early--notes")).rejects.toThrow("DATABASE_DROPPED");
    expect((await notes.data(["deploy", "--branch", "early"])).database).toMatchObject({
      origin: "data",
    });
    expect((await notes.ask("early--notes")).notes).toEqual(["hidden"]);

    await notes.data(["env", "rotate-key"]);
    await notes.data(["remove", "notes", "--branch", "early", "--confirm", "early"]);
    expect(await names()).toEqual([["main", "ready"]]);
    expect((await notes.ask("notes")).notes).toEqual(["secret"]);
    await notes.data(["remove", "notes", "--confirm", "notes"]);
    expect(await names()).toEqual([]);
  },
  timeoutMs,
);

test(
  "the processes of the relay and the broker count to what the node uses of its memory",
  async () => {
    await using node = await startTestNode({ flags: ["--broker-port", "0"] });
    using notes = new Notes(node);
    await notes.data(["deploy"]);
    const memoryOf = async () => (await notes.data(["status"])).memory;

    await until(async () => (await memoryOf()).relayBytes > 0, 60_000);

    const { usedBytes, nodeBytes, relayBytes, brokerBytes, postgresBytes } = await memoryOf();
    expect(Math.min(relayBytes, brokerBytes)).toBeGreaterThan(5 * 1024 * 1024);
    expect(usedBytes).toBeGreaterThan(nodeBytes + postgresBytes + relayBytes + brokerBytes);
  },
  timeoutMs,
);
