/** Goal: the soak cannot rot, and sees what must not be. Method: a few events over two apps; and books with a mistake each. */
import { describe, expect, test } from "bun:test";
import type { QueryOutcome } from "../src/qualify/sql-recovery/recovery-client.ts";
import { soakDatabase } from "./soak-database.ts";
import { SoakLedger } from "./soak-ledger.ts";
import { openPlainBakeries } from "./soak-plain-bakeries.ts";

const ok: QueryOutcome = { kind: "ok", tookMs: 3, error: null };
const failed: QueryOutcome = { kind: "failed", tookMs: 5, error: "57P01: ended" };

const books = () => {
  const ledger = new SoakLedger();
  ledger.add("shop", [1], false, ok);
  ledger.add("shop", [2, 3], true, ok);
  ledger.add("shop", [4, 5], true, failed);
  ledger.add("shop", [6], false, { kind: "hung", tookMs: 9, error: null });
  return ledger;
};

describe("a ledger", () => {
  test("finds nothing wrong when what was acknowledged is there once", () => {
    expect(books().compare([3, 2, 1])).toEqual([]);
    // Nobody knows of a query that hangs, or of a COMMIT whose answer was lost.
    expect(books().compare([1, 2, 3, 4, 5, 6])).toEqual([]);
  });

  test("finds what is missing, there twice, there in part, or asked for by nobody", () => {
    expect(books().compare([2, 3])).toEqual(["row 1 was acknowledged and is missing"]);
    expect(books().compare([1, 1, 2, 3])).toEqual(["row 1 was written twice"]);
    expect(books().compare([1, 2, 3, 4])).toEqual(["transaction 4, 5 is there in part"]);
    expect(books().compare([1, 2, 3, 7])).toEqual(["row 7 was asked for by nobody"]);
  });

  test("counts transactions and other queries apart", () => {
    const { single, transactions, errors } = books();

    expect([single.done, single.failed, single.hung]).toEqual([1, 0, 1]);
    expect([transactions.done, transactions.failed, transactions.failedMsMax]).toEqual([1, 1, 5]);
    expect([...errors]).toEqual([["shop transaction: 57P01: ended", 1]]);
  });
});

test("apps that sleep, wake and lose their connections while they work see no failing query", async () => {
  await using bakeries = await openPlainBakeries(2);

  const soak = await soakDatabase(bakeries, { events: 12, seed: 7 });

  expect(soak.wrong).toEqual([]);
  expect(soak.single.done).toBeGreaterThan(0);
  expect(Object.values(soak.events).reduce((sum, count) => sum + count)).toBe(12);
}, 60_000);
