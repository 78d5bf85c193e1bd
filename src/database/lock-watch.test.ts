/** Goal: who waits for a lock is said, with shapes and without values. Method: real locks in a real PostgreSQL. */
import { describe, expect, test } from "bun:test";
import pg from "pg";
import { until } from "../base/until-for-tests.ts";
import type { GuardEvent } from "../relay/guard-event.ts";
import { withTestPostgres } from "../store/postgres-for-tests.ts";
import { LockWatch } from "./lock-watch.ts";
import { Server } from "./server.ts";

const postgres = withTestPostgres();

async function setup() {
  const config = await postgres.database();
  const address = { kind: "socket", folder: config.host, port: config.port } as const;
  const access = { address, isOwn: true, config: { ...config, database: "postgres" } };
  const server = new Server(() => access);
  const events: GuardEvent[] = [];
  const notes: string[] = [];
  const databases = new Map([[config.database, { name: "shop", app: "shop", branch: "main" }]]);
  const watch = new LockWatch({
    server,
    databases: async () => databases,
    say: (event) => void events.push(event),
    note: (line) => void notes.push(line),
  });
  const client = async () => {
    const one = new pg.Client(config);
    one.on("error", () => {});
    await one.connect();
    return one;
  };
  return { watch, events, notes, databases, client };
}

describe("a wait for a lock", () => {
  test("is counted at once and reported once when it lasts, by shapes", async () => {
    const { watch, events, client } = await setup();
    const [holder, waiter] = [await client(), await client()];
    await holder.query("CREATE TABLE t (id int, name text)");
    await holder.query("INSERT INTO t VALUES (1, 'a')");
    await holder.query("BEGIN");
    await holder.query("UPDATE t SET name = 'SECRET' WHERE id = 1");
    const waiting = waiter.query("UPDATE t SET name = 'OTHER SECRET' WHERE id = 1");

    await until(async () => {
      await watch.look();
      return watch.waits.get("shop")?.waiting === 1;
    });
    expect(events).toEqual([]);
    await until(async () => {
      await watch.look();
      return events.length > 0;
    });
    await watch.look();

    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      kind: "lock-wait",
      app: "shop",
      fields: {
        shape: "update t set name = ? where id = ?",
        heldBy: "update t set name = ? where id = ?",
        heldByState: "idle in transaction",
      },
    });
    expect(JSON.stringify(events)).not.toContain("SECRET");

    await holder.query("ROLLBACK");
    await waiting;
    await watch.look();
    expect(watch.waits.size).toBe(0);
    await Promise.all([holder.end(), waiter.end(), watch.stop()]);
  }, 60_000);

  test("is not looked for while no app has a connection, nor in databases that are none of Levain's", async () => {
    const { watch, databases, client } = await setup();
    const [holder, waiter] = [await client(), await client()];
    await holder.query(
      "BEGIN; LOCK TABLE pg_class IN ACCESS SHARE MODE; SELECT pg_advisory_xact_lock(7)",
    );
    const waiting = waiter.query("SELECT pg_advisory_xact_lock(7)");
    databases.clear();

    await watch.look();

    expect(watch.waits.size).toBe(0);
    await holder.query("COMMIT");
    await waiting;
    await Promise.all([holder.end(), waiter.end(), watch.stop()]);
  }, 60_000);
});
