import { expect, test } from "bun:test";
import type { DatabaseInfo, Inspection } from "../control/api.ts";
import { databaseDefaults } from "../deploy/database-config.ts";
import { databaseGroups } from "./branch-database-text.ts";

const minuteMs = 60_000;
const nowMs = 1_000 * minuteMs;

const info: DatabaseInfo = {
  ...{ name: "next--shop", app: "shop", branch: "next", role: "next--shop" },
  ...{ state: "ready", note: null, origin: "data", parent: "main", bytes: null, bytesMax: 0 },
  ...{ isReadOnly: false, isOver: false, pooling: "transaction", poolMax: 5, extensions: [] },
  ...{ createdAtMs: nowMs - 90 * minuteMs, usedAtMs: nowMs - 2 * minuteMs, expiresAtMs: null },
  use: null,
};

type Asked = Pick<
  Inspection,
  "database" | "branchDatabase" | "branch" | "stored" | "migrations" | "environment"
>;

const migrations = { way: "sql", source: "migrations" } as unknown as Inspection["migrations"];

/** What is shown, by the rows' names. */
function shown(
  change: Partial<DatabaseInfo> | null,
  more: Partial<Asked> = {},
): Record<string, string> | null {
  const branchDatabase = change === null ? null : { ...info, ...change };
  const asked = {
    database: databaseDefaults,
    branchDatabase,
    branch: "next",
    stored: null,
    migrations,
    environment: [],
    ...more,
  };
  const [group] = databaseGroups(asked as Inspection, nowMs);
  return group === undefined ? null : { title: group.title, ...Object.fromEntries(group.rows) };
}

test("a version without a database has none shown, and one with its own address says so", () => {
  expect(shown({}, { database: null })).toBeNull();
  expect(shown(null, { environment: ["DATABASE_URL"] })).toEqual({
    title: "Database",
    state: "none of the node's: DATABASE_URL is set in the environment",
  });
  expect(shown(null)?.state).toBe("there is none on next any more; the next deploy makes it anew");
});

test("a new copy says what it is, and what is not known yet", () => {
  expect(shown({})).toEqual({
    title: "Database next--shop",
    state: "ready",
    size: "not measured yet",
    began: "as a copy of main, 1h 30m ago",
    pooling: "transaction, at most 5 connections",
    "in use": "nobody has connected since the relay was started",
    used: "2m 0s ago",
    migrated: "not known while the store cannot be reached",
  });
});

test("bounds, ends, extensions and migrations are said", () => {
  const migrated = { names: ["0001_a", "0002_b"], version: 3, atMs: nowMs - minuteMs };
  const stored = { migrated } as Inspection["stored"];
  const full = shown(
    {
      isOver: true,
      bytes: 2 * 1024 ** 2,
      bytesMax: 1024 ** 2,
      extensions: ["citext"],
      expiresAtMs: nowMs + 60 * minuteMs,
    },
    { stored },
  );

  expect(full).toMatchObject({
    state: "takes no writes: it has more than its bytesMax",
    size: "2.0 MiB, at most 1.0 MiB",
    used: "2m 0s ago; dropped in 1h 0m unless it is used",
    migrated: "1m 0s ago for v3: 0001_a, 0002_b",
    extensions: "citext",
  });
  expect(shown({}, { migrations: null })).not.toHaveProperty("migrated");
  expect(shown({ state: "dropped", note: "unused for 7d" })?.state).toBe("dropped: unused for 7d");
});
