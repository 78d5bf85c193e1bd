/**
 * Goal: what docs/relay.md says of poolers holds. Method: the cases of its table, put to a relay in each kind of pooling,
 * and to PgBouncer where it is installed in the release of the table.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { pgBouncerMissing, pgBouncerProgram, startPgBouncer } from "../../bench/pgbouncer.ts";
import { type BenchPostgres, startBenchPostgres } from "../../bench/postgres.ts";
import { outcomeOf } from "./pooling-case.ts";
import { poolingCases } from "./pooling-cases.ts";
import { startTestRelay } from "./relay-of-server.ts";

interface Pooler extends AsyncDisposable {
  port: number;
}

const doc = await Bun.file(join(import.meta.dir, "../../docs/relay.md")).text();
const section = /<!-- begin pooling -->([\s\S]*)<!-- end pooling -->/.exec(doc)?.[1] ?? "";
const [head = [], , ...rows] = section
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) => line.slice(2, -2).split(" | "));

/** What the table says, by case. */
function column(name: string): Record<string, string> {
  const index = head.indexOf(name);
  return Object.fromEntries(rows.map((cells) => [cells[0], cells[index]]));
}

async function outcomes(
  server: BenchPostgres,
  pooler: Pooler,
  cases = poolingCases,
): Promise<Record<string, string>> {
  const { host, port, user, password, database } = server;
  const direct = { host, port, user, password, database };
  const access = { config: { ...direct, port: pooler.port }, direct };
  const found: Record<string, string> = {};
  for (const one of cases) found[one.name] = await outcomeOf(one, access);
  return found;
}

describe("the table of poolers", () => {
  test("has every case", () => {
    expect(rows.map(([name]) => name)).toEqual(poolingCases.map(({ name }) => name));
  });

  test.concurrent.each(["session", "transaction"] as const)(
    "is right about the relay with %s pooling",
    async (pooling) => {
      await using server = await startBenchPostgres();
      await using relay = await startTestRelay(server, { pooling });

      expect(await outcomes(server, relay)).toEqual(column(`relay, ${pooling}`));
    },
    60_000,
  );

  const version = /PgBouncer (\S+)/.exec(section)?.[1] ?? "";
  test("is right about PgBouncer with transaction pooling", async () => {
    if (pgBouncerProgram() === null) {
      console.warn(pgBouncerMissing);
      return;
    }
    await using server = await startBenchPostgres();
    await using pooler = await startPgBouncer({
      server,
      pooling: "transaction",
      connectionsMax: 2,
    });
    if (pooler.version !== version) {
      console.warn(`not compared: PgBouncer is ${pooler.version}, the table is of ${version}`);
      return;
    }

    const found = await outcomes(server, pooler);

    expect(found).toEqual(column("PgBouncer, transaction"));
  }, 60_000);
});
