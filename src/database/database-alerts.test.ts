import { expect, test } from "bun:test";
import type { RelayDatabaseFacts } from "../relay/relay-api.ts";
import { databaseAlerts } from "./database-alerts.ts";

const calm = { name: "shop", oldestTransactionMs: 500, waiting: 0, serverConnections: 3 };
const of = (change: Partial<RelayDatabaseFacts>) => ({
  strangers: 0,
  databases: [{ ...calm, ...change } as RelayDatabaseFacts],
});

test("alerts name what waits and what stays open, and nothing that is ordinary", () => {
  expect(databaseAlerts(null, new Map())).toEqual([]);
  expect(databaseAlerts(of({}), new Map([["shop", { waiting: 1, longestMs: 300 }]]))).toEqual([]);
  expect(
    databaseAlerts(
      of({ oldestTransactionMs: 90_000, waiting: 4 }),
      new Map([["shop", { waiting: 2, longestMs: 7200 }]]),
    ),
  ).toEqual([
    "shop: 2 statements wait for a lock, the longest for 7 s",
    "shop: a transaction has been open for 90 s",
    "shop: 4 waiting for one of 3 connections",
  ]);
});
