/** Goal: what happens to a database at once keeps all of it. Method: a real PostgreSQL, a store whose answers wait. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Keyring } from "../secrets/keyring.ts";
import type { BranchDatabases } from "../store/branch-databases.ts";
import { withTestPostgres } from "../store/postgres-for-tests.ts";
import { request, type TestDatabases, testDatabases } from "./databases-for-tests.ts";

const postgres = withTestPostgres();

/** Calls of one method wait for `open` once `isShut`. */
function gated(method: "note" | "put") {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const state = { isShut: false };
  const rows = (setup: TestDatabases): BranchDatabases =>
    new Proxy(setup.store.databases, {
      get(target, key: keyof BranchDatabases) {
        const call = target[key].bind(target) as (...args: unknown[]) => Promise<unknown>;
        if (key !== method || !state.isShut) return call;
        return async (...args: unknown[]) => {
          reached.resolve();
          await gate.promise;
          return call(...args);
        };
      },
    });
  return { rows, state, open: gate.resolve, reached: reached.promise };
}

test("what was seen of a database's use does not bring it back after a reset", async () => {
  const gate = gated("note");
  await using setup: TestDatabases = await testDatabases(postgres, {
    rows: () => gate.rows(setup),
  });
  const { databases, relay } = setup;
  await databases.ensure(request("main"));
  gate.state.isShut = true;

  const noted = databases.noteUse("shop", { bytes: 9, isOver: true, usedAtMs: 1 });
  await gate.reached;
  await databases.reset("shop", "main", { parent: null, from: null });
  const { serverDatabase } = databases.list()[0]!;
  gate.open();
  await noted;

  expect(databases.list()[0]).toMatchObject({ serverDatabase, isOver: true, bytes: 9 });
  expect(relay.databases.get("shop")?.server.database).toBe(serverDatabase!);
});

test("a key that changes while a deploy changes a database opens its password afterwards", async () => {
  const gate = gated("put");
  const folder = mkdtempSync(join(tmpdir(), "levain-key-"));
  const keyring = Keyring.open({ path: join(folder, "master-key") });
  await using setup: TestDatabases = await testDatabases(postgres, {
    rows: () => gate.rows(setup),
    keyring,
  });
  const { databases, store } = setup;
  await databases.ensure(request("main"));
  const url = databases.urlOf("shop", "main");
  gate.state.isShut = true;

  const changed = databases.ensure(request("main", { poolMax: 3 }));
  await gate.reached;
  keyring.begin();
  const resealed = databases.reseal([]);
  // It would be done by then if it did not wait for the deploy.
  for (let call = 0; call < 5; call += 1) await store.apps();
  gate.open();
  await Promise.all([changed, resealed]);
  keyring.settle();

  const [stored] = await store.databases.list();
  expect(keyring.isCurrent(stored!.sealed)).toBe(true);
  expect(stored!.spec.poolMax).toBe(3);
  const next = setup.again();
  await next.load();
  expect([databases, next].map((one) => one.urlOf("shop", "main"))).toEqual([url, url]);
  rmSync(folder, { recursive: true });
});
