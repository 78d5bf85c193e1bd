/**
 * What a new branch's database costs its parent: how long the parent's queries are held while it is copied, as the node
 * measures it and as an app under load sees it, for databases of several sizes.
 *
 *   bun bench/branch-copy.ts            10 MB, 100 MB and 1 GB; some minutes, and 2.5 GB of disk
 *   bun bench/branch-copy.ts --tiny     one small database, two copies: that it runs
 *   bun bench/branch-copy.ts --write    puts the table into bench/RESULTS.md
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { Databases } from "../src/database/databases.ts";
import type { MadeDatabase } from "../src/database/make-database.ts";
import { Server } from "../src/database/server.ts";
import { databaseDefaults } from "../src/deploy/database-config.ts";
import { branchLabel } from "../src/deploy/names.ts";
import { startRelay } from "../src/relay/relay.ts";
import { Keyring } from "../src/secrets/keyring.ts";
import { startEmbeddedPostgres } from "../src/store/embedded-postgres.ts";
import { openStore } from "../src/store/store.ts";
import { percentile } from "./ratios.ts";
import { machine, withSection } from "./report.ts";

interface Size {
  name: string;
  /** Of 1,000 bytes each, with their index. */
  rows: number;
  copies: number;
}

interface Seen {
  queries: number;
  errors: number;
  longestMs: number;
}

const isTiny = process.argv.includes("--tiny");
const sizes: Size[] = isTiny
  ? [{ name: "tiny", rows: 1_000, copies: 2 }]
  : [
      { name: "10 MB", rows: 2_000, copies: 20 },
      { name: "100 MB", rows: 90_000, copies: 12 },
      { name: "1 GB", rows: 960_000, copies: 5 },
    ];
const sessions = 4;
const mebibyte = 1024 * 1024;

const dataDir = mkdtempSync(join(tmpdir(), "levain-bench-branch-"));
const before = machine();
const lines: string[] = [];
await using cleanup = new AsyncDisposableStack();
cleanup.defer(() => rmSync(dataDir, { recursive: true, force: true }));
const postgres = await startEmbeddedPostgres({
  dataDir,
  clock: systemClock,
  log: () => {},
  memoryBytes: 4096 * mebibyte,
});
cleanup.defer(() => postgres.stop());
const { connection } = postgres;
const store = openStore({ connection, clock: systemClock });
cleanup.defer(() => store.close());
await store.migrate();
const relay = startRelay({ port: 0 });
cleanup.defer(() => relay.stop());
const address = { kind: "socket", folder: connection.host, port: connection.port } as const;
const server = new Server(() => ({
  ...{ address, isOwn: true },
  config: { ...connection, database: "postgres" },
}));
const databases = new Databases({
  file: join(dataDir, "databases.json"),
  server,
  rows: () => store.databases,
  apps: () => store.apps(),
  branchLabel: (app) => (branch, taken) => branchLabel(branch, new Set(taken), app),
  relay: async () => relay,
  port: () => relay.port,
  keyring: Keyring.open({ path: join(dataDir, "master-key") }),
  clock: systemClock,
  log: { write() {} },
  bounds: { previewsOfAppMax: 100, previewsMax: 100 },
});

let app = 0;
for (const size of sizes) {
  app += 1;
  lines.push(await measure(`app-${app}`, size));
  console.log(lines.at(-1));
}

async function measure(name: string, { name: shown, rows, copies }: Size): Promise<string> {
  const request = { app: name, spec: databaseDefaults, mask: null, parent: null };
  await databases.ensure({ ...request, branch: "main" });
  const { database, login } = databases.loginOf(name, "main");
  await server.within(
    database,
    ({ run }) =>
      run(
        `CREATE TABLE clicks (at timestamptz);
         CREATE TABLE pages AS SELECT id, repeat(md5(id::text), 31) AS pad FROM generate_series(0, ${rows}) AS id;
         ALTER TABLE pages ADD PRIMARY KEY (id)`,
      ),
    { login, statementMs: 600_000 },
  );
  await server.run("CHECKPOINT", 600_000);
  const script = join(import.meta.dir, "branch-copy-client.ts");
  const client = Bun.spawn(
    [process.execPath, script, databases.urlOf(name, "main"), String(sessions)],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const answers = linesOf(client.stdout);
  const ask = async (): Promise<Seen> => {
    client.stdin.write("\n");
    await client.stdin.flush();
    return JSON.parse((await answers.next()).value as string);
  };
  // Until all of them work.
  while ((await ask()).queries < 100) await Bun.sleep(50);
  const made: MadeDatabase[] = [];
  const seen: Seen[] = [];
  for (let copy = 0; copy < copies; copy += 1) {
    await ask();
    const ensured = await databases.ensure({ ...request, branch: `copy-${copy}` });
    made.push(ensured.made!);
    // A query that was held is counted when it ends.
    await Bun.sleep(20);
    seen.push(await ask());
    await ensured.undo();
  }
  client.stdin.write("end\n");
  await client.stdin.flush();
  await client.exited;
  await databases.remove(name, null);
  return row(shown, made, seen);
}

function row(name: string, made: readonly MadeDatabase[], seen: readonly Seen[]): string {
  const of = (values: number[]) => {
    const shown = (value: number) => value.toFixed(value < 100 ? 1 : 0);
    return `${shown(percentile(values, 0.5))} | ${shown(percentile(values, 0.99))}`;
  };
  const mebibytes = Math.round((made[0]?.bytes ?? 0) / mebibyte);
  const queries = seen.reduce((sum, one) => sum + one.queries, 0);
  const errors = seen.reduce((sum, one) => sum + one.errors, 0);
  return `| ${[
    name,
    mebibytes,
    made.length,
    of(made.map(({ pauseMs }) => pauseMs)),
    of(seen.map(({ longestMs }) => longestMs)),
    of(made.map(({ copyMs }) => copyMs)),
    of(made.map(({ totalMs }) => totalMs)),
    queries,
    errors,
  ].join(" | ")} |`;
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const found = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = found.pop() ?? "";
    yield* found;
  }
}

const table = [
  "## A copy of a database for a new branch",
  "",
  before,
  "",
  `${sessions} sessions of an app ask and write through the relay in closed loops while their database is copied for a branch, again and again, each copy dropped before the next. The pause is what the node reports: from the wish to copy until queries go on; the app's longest query is what a client saw. The embedded PostgreSQL, with fsync; the file system does not clone files.`,
  "",
  "| database | MiB | copies | pause p50 ms | p99 | app's longest query p50 ms | p99 | copy p50 ms | p99 | new branch p50 ms | p99 | queries meanwhile | failed |",
  "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
  ...lines,
].join("\n");
if (process.argv.includes("--write")) {
  const path = join(import.meta.dir, "RESULTS.md");
  await Bun.write(path, withSection(await Bun.file(path).text(), "branch-copy", table));
}
