/**
 * Puts the cases of pooling-cases.ts to PgBouncer and to the relay, in session and in transaction pooling, and prints a
 * table of what came of them.
 *
 *   bun test/relay/pooling-table.ts            prints it
 *   bun test/relay/pooling-table.ts --write    puts it into docs/relay.md
 */
import { join } from "node:path";
import { pgBouncerMissing, pgBouncerProgram, startPgBouncer } from "../../bench/pgbouncer.ts";
import { type BenchPostgres, startBenchPostgres } from "../../bench/postgres.ts";
import { outcomeOf } from "./pooling-case.ts";
import { poolingCases } from "./pooling-cases.ts";
import { startTestRelay } from "./relay-of-server.ts";

interface Column {
  head: string;
  start(server: BenchPostgres): Promise<{ port: number } & AsyncDisposable>;
}

const columns: Column[] = (["session", "transaction"] as const).flatMap((pooling) => [
  {
    head: `PgBouncer, ${pooling}`,
    start: (server) => startPgBouncer({ server, pooling, connectionsMax: 2 }),
  },
  { head: `relay, ${pooling}`, start: (server) => startTestRelay(server, { pooling }) },
]);

if (pgBouncerProgram() === null) {
  console.error(pgBouncerMissing);
  process.exit(1);
}
await using server = await startBenchPostgres();
const outcomes: string[][] = [];
let version = "";
for (const { start } of columns) {
  await using pooler = await start(server);
  if ("version" in pooler) version = String(pooler.version);
  const { host, port, user, password, database } = server;
  const direct = { host, port, user, password, database };
  const access = { config: { ...direct, port: pooler.port }, direct };
  const column: string[] = [];
  for (const each of poolingCases) column.push(await outcomeOf(each, access));
  outcomes.push(column);
}
const head = ["what a client does", ...columns.map((column) => column.head)];
const rows = poolingCases.map(({ name }, row) => [name, ...outcomes.map((column) => column[row]!)]);
const table = [head, head.map(() => "---"), ...rows]
  .map((cells) => `| ${cells.join(" | ")} |`)
  .join("\n");
const text = `PgBouncer ${version} with its defaults, two server connections each, clients \`pg\` and \`postgres\`.\n\n${table}`;
console.log(text);
if (process.argv.includes("--write")) {
  const path = join(import.meta.dir, "../../docs/relay.md");
  const doc = await Bun.file(path).text();
  const between = /(<!-- begin pooling -->\n)[\s\S]*(<!-- end pooling -->)/;
  await Bun.write(
    path,
    doc.replace(between, (_, begin, end) => `${begin}${text}\n${end}`),
  );
}
