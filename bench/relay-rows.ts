/**
 * How much memory the relay takes while rows pass that are far larger than it: many of a megabyte each, one that is huge,
 * to a client that reads at once and to one that is slow, and as COPY data in both directions.
 *
 *   bun bench/relay-rows.ts          1 GB each
 *   bun bench/relay-rows.ts --tiny   16 MB each, with transaction pooling: that it runs
 */
import { once } from "node:events";
import { join } from "node:path";
import pg from "pg";
import postgres from "postgres";
import { type BenchPostgres, startBenchPostgres } from "./postgres.ts";
import { holdingsOf, mebibytes } from "./process-tree.ts";
import { start } from "./processes.ts";

const isTiny = process.argv.includes("--tiny");
const megabytes = isTiny ? 16 : 1024;
/** One row of it makes PostgreSQL and the client hold it several times. */
const hugeMegabytes = megabytes / 4;
/** How often memory is looked at. Milliseconds. */
const lookMs = 20;

interface Way {
  name: string;
  run(server: BenchPostgres, port: number): Promise<number>;
}

const ways: Way[] = [
  { name: "rows of 1 MB, read at once", run: (server, port) => rows(server, port, 1, false) },
  { name: "rows of 1 MB, read slowly", run: (server, port) => rows(server, port, 1, true) },
  {
    name: `one row of ${hugeMegabytes} MB`,
    run: (server, port) => rows(server, port, hugeMegabytes, false),
  },
  { name: "COPY TO STDOUT", run: copyOut },
  { name: "COPY FROM STDIN", run: copyIn },
];

await using server = await startBenchPostgres({ autovacuum: "off" });
for (const pooling of isTiny ? (["transaction"] as const) : (["session", "transaction"] as const)) {
  for (const { name, run } of ways) {
    const options = JSON.stringify({ server, pooling, connectionsMax: 4 });
    const script = join(import.meta.dir, "serve-postgres-relay.ts");
    await using relay = await start([process.execPath, script, options], "listening on");
    const port = Number(/(\d+)$/.exec(relay.line)?.[1]);
    const before = holdingsOf(relay.pid).residentBytes;
    let most = before;
    const timer = setInterval(() => {
      most = Math.max(most, holdingsOf(relay.pid).residentBytes);
    }, lookMs);
    const beganMs = performance.now();
    const bytes = await run(server, port).finally(() => clearInterval(timer));
    const tookMs = performance.now() - beganMs;
    const rate = bytes / 1024 / 1024 / (tookMs / 1000);
    console.log(
      `${pooling}, ${name}: ${mebibytes(bytes)} at ${rate.toFixed(0)} MiB/s, relay ${mebibytes(before)} before, ${mebibytes(most)} at most`,
    );
  }
}

/** @returns bytes of rows */
async function rows(
  { user, password, database }: BenchPostgres,
  port: number,
  rowMegabytes: number,
  isSlow: boolean,
): Promise<number> {
  const client = new pg.Client({ host: "127.0.0.1", port, user, password, database });
  await client.connect();
  const count = megabytes >= rowMegabytes * 2 && rowMegabytes > 1 ? 1 : megabytes / rowMegabytes;
  const sql = `SELECT repeat('x', ${rowMegabytes} * 1024 * 1024) AS text FROM generate_series(1, ${count})`;
  const { stream } = (client as unknown as { connection: { stream: Stream } }).connection;
  let bytes = 0;
  let seen = 0;
  const query = client.query(new pg.Query(sql));
  query.on("row", (row: { text: string }) => {
    bytes += row.text.length;
    seen += 1;
    if (!isSlow || seen % 16 !== 0) return;
    stream.pause();
    setTimeout(() => stream.resume(), 20);
  });
  await once(query, "end");
  await client.end();
  return bytes;
}

interface Stream {
  pause(): void;
  resume(): void;
}

function clientOf({ user, password, database }: BenchPostgres, port: number): postgres.Sql {
  return postgres({ host: "127.0.0.1", port, user, password, database, max: 1, onnotice() {} });
}

async function copyOut(server: BenchPostgres, port: number): Promise<number> {
  const sql = clientOf(server, port);
  let bytes = 0;
  const text = `COPY (SELECT repeat('x', 1024 * 1024) FROM generate_series(1, ${megabytes})) TO STDOUT`;
  for await (const chunk of await sql.unsafe(text).readable()) bytes += (chunk as Buffer).length;
  await sql.end();
  return bytes;
}

async function copyIn(server: BenchPostgres, port: number): Promise<number> {
  const sql = clientOf(server, port);
  await sql`DROP TABLE IF EXISTS copied`;
  await sql`CREATE UNLOGGED TABLE copied (text text)`;
  await sql`ALTER TABLE copied ALTER text SET STORAGE MAIN`;
  const sink = await sql`COPY copied FROM STDIN`.writable();
  const line = Buffer.from(`${"x".repeat(1024 * 1024 - 1)}\n`);
  for (let index = 0; index < megabytes; index += 1) {
    if (!sink.write(line)) await once(sink, "drain");
  }
  const finished = once(sink, "finish");
  sink.end();
  await finished;
  await sql`DROP TABLE copied`;
  await sql.end();
  return megabytes * line.length;
}
