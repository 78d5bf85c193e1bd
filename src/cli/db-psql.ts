/** `levain db psql`: the machine's own psql on a branch's database, or a shell of a few lines where there is none. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Client } from "pg";
import { dbApp, dbBranch, dbHost, textFlag } from "./db-words.ts";
import { usageError } from "./failure.ts";
import { printable } from "./printable.ts";
import { type Column, renderTable } from "./table.ts";
import { showCount } from "./units.ts";
import type { Call, Outcome } from "./verb.ts";

/** What a statement came to. */
interface Answer {
  /** `SELECT`, `INSERT` … */
  command: string | null;
  /** Rows that it gave or changed. */
  count: number | null;
  columns: string[];
  rows: unknown[][];
}

export async function psql(call: Call): Promise<Outcome> {
  const app = await dbApp(call);
  const host = dbHost(call);
  const { url, branch } = await call.client.call("databaseUrl", {
    app,
    query: { branch: dbBranch(call), ...(host === null ? {} : { host }) },
  });
  const command = textFlag(call, "command");
  const program = Bun.which("psql", { PATH: call.io.env.PATH ?? "" });
  const way: Way = { url: new URL(url), ca: call.nodeCa };
  if (call.isJson) {
    if (command === undefined) throw usageError("--json needs --command");
    const answers = await withClient(way, (client) => run(client, command));
    return { data: { app, branch, answers } };
  }
  if (program !== null) return runProgram(program, way, command, { app, branch });
  if (command !== undefined) {
    const answers = await withClient(way, (client) => run(client, command));
    return {
      data: { app, branch, answers },
      text: () => answers.map((answer) => textOf(answer, call)).join("\n"),
    };
  }
  await withClient(way, (client) => shell(client, call, branch));
  return { data: { app, branch, answers: [] }, isPrinted: true };
}

/** How a database is reached. */
interface Way {
  url: URL;
  /** What its certificate has to come from, in PEM; null for what this machine trusts. Without meaning without TLS. */
  ca: string | null;
}

async function runProgram(
  program: string,
  { url, ca }: Way,
  command: string | undefined,
  data: object,
): Promise<Outcome> {
  const { hostname, port, username, password, pathname, searchParams } = url;
  await using cleanup = new AsyncDisposableStack();
  const tls: Record<string, string> = {};
  const mode = searchParams.get("sslmode");
  if (mode !== null) {
    tls.PGSSLMODE = mode;
    if (ca !== null) {
      const folder = await mkdtemp(join(tmpdir(), "levain-psql-"));
      cleanup.defer(() => rm(folder, { recursive: true, force: true }));
      tls.PGSSLROOTCERT = join(folder, "ca.pem");
      await writeFile(tls.PGSSLROOTCERT, ca);
    } else tls.PGSSLROOTCERT = process.env.PGSSLROOTCERT ?? "system";
  }
  // In the environment: arguments of a process are for all to see.
  const env = {
    ...process.env,
    PGHOST: hostname.replace(/^\[(.*)\]$/, "$1"),
    PGPORT: port,
    PGUSER: username,
    PGPASSWORD: password,
    PGDATABASE: pathname.slice(1),
    ...tls,
  };
  const words = command === undefined ? [] : ["--command", command];
  const child = Bun.spawn([program, ...words], { stdio: ["inherit", "inherit", "inherit"], env });
  // Ctrl-C in it cancels a statement; it is psql's, not ours.
  const ignore = () => {};
  process.on("SIGINT", ignore);
  const code = await child.exited;
  process.off("SIGINT", ignore);
  return { data: { ...data, answers: [] }, isPrinted: true, exitCode: code === 0 ? 0 : 1 };
}

async function withClient<Result>(
  { url, ca }: Way,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const { default: pg } = await import("pg");
  const isSecured = url.searchParams.has("sslmode");
  const plain = new URL(url);
  plain.search = "";
  const client = new pg.Client({
    connectionString: plain.href,
    application_name: "levain db psql",
    ...(isSecured ? { ssl: ca === null ? true : { ca }, enableChannelBinding: true } : {}),
  });
  client.on("error", () => {});
  await client.connect();
  try {
    return await work(client);
  } catch (error) {
    if (error instanceof pg.DatabaseError) throw usageError(error.message);
    throw error;
  } finally {
    await client.end();
  }
}

async function run(client: Client, sql: string): Promise<Answer[]> {
  const results = await client.query({ text: sql, rowMode: "array" });
  return [results].flat().map(({ command, rowCount, fields, rows }) => ({
    command,
    count: rowCount,
    columns: fields.map(({ name }) => name),
    rows: rows as unknown[][],
  }));
}

/** Statements end with a semicolon at the end of a line, `\q` or Ctrl-D ends the shell. */
async function shell(client: Client, call: Call, branch: string): Promise<void> {
  const { stdout } = call.io;
  const lines = createInterface({ input: process.stdin, terminal: false });
  const prompt = (isFirst: boolean) => {
    if (stdout.isTerminal) stdout.write(isFirst ? `${branch}=> ` : `${branch}-> `);
  };
  let sql = "";
  if (stdout.isTerminal) stdout.write("Statements end with a semicolon; \\q ends this.\n");
  prompt(true);
  for await (const line of lines) {
    if (sql === "" && /^\s*(\\q|exit|quit)\s*;?\s*$/.test(line)) break;
    sql += `${line}\n`;
    if (sql.trim() === "") sql = "";
    if (/;\s*$/.test(sql)) {
      try {
        for (const answer of await run(client, sql)) stdout.write(`${textOf(answer, call)}\n`);
      } catch (error) {
        stdout.write(
          `${call.paint.red("✘")} ${printable((error as Error).message, stdout.isTerminal)}\n`,
        );
      }
      sql = "";
    }
    prompt(sql === "");
  }
}

function textOf({ command, count, columns, rows }: Answer, { io, paint }: Call): string {
  if (columns.length === 0) return `${command ?? "done"}${count === null ? "" : ` ${count}`}`;
  const shown: Column<unknown[]>[] = columns.map((title, index) => ({
    title,
    cell: (row) => cellOf(row[index]),
    cutTo: 8,
  }));
  const size = { columns: io.stdout.columns, paintTitle: paint.dim };
  return `${renderTable(rows, shown, size)}\n${paint.dim(showCount(rows.length, "row"))}`;
}

function cellOf(value: unknown): string {
  if (value === null) return "";
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
