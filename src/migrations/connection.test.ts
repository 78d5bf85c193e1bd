/** Goal: a connection that migrations use keeps nothing of what it was asked, and says so when it is lost. */
import { expect, test } from "bun:test";
import { withTestPostgres } from "../store/postgres-for-tests.ts";
import { MigrationConnection } from "./connection.ts";

const postgres = withTestPostgres();
const open = () => MigrationConnection.open(postgres.server.connection, "levain test");

test("rows() keeps no rows: a watch asks fifty times a second for as long as a migration runs", async () => {
  await using connection = await open();
  const asked: WeakRef<object>[] = [];
  for (let times = 0; times < 100; times += 1) {
    asked.push(new WeakRef(await connection.rows("SELECT generate_series(1, 10) AS number")));
  }

  // A turn of its own: within one, what a WeakRef leads to stays.
  await Bun.sleep(0);
  Bun.gc(true);

  expect(asked.filter((rows) => rows.deref() !== undefined).length).toBeLessThan(10);
});

test("rows() rejects when the connection is lost, and from then on", async () => {
  await using connection = await open();
  await using other = await open();
  const asked = connection.rows("SELECT pg_sleep(60)");
  asked.catch(() => {});

  await other.rows("SELECT pg_terminate_backend($1)", [connection.pid]);

  await expect(asked).rejects.toThrow("terminating connection");
  await expect(connection.rows("SELECT 1")).rejects.toThrow();
});

test("rows() rejects when the connection is dropped", async () => {
  await using connection = await open();
  const asked = connection.rows("SELECT pg_sleep(60)");
  asked.catch(() => {});

  connection.drop();

  await expect(asked).rejects.toThrow();
});
