/** Goal: removing versions takes nothing that somebody needs. Method: a real PostgreSQL; chance, compared with a model. */
import { afterEach, expect, test } from "bun:test";
import { systemClock } from "../base/clock.ts";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import { withTestPostgres } from "./postgres-for-tests.ts";
import type { LiveReason } from "./rollback-target.ts";
import { openStore, type Store } from "./store.ts";
import { digestOf, labelForTests, versionInput } from "./version-for-tests.ts";

const seed = testSeed();
const timeoutMs = 60_000;
const postgres = withTestPostgres();
const open = new Set<Store>();
afterEach(async () => {
  for (const store of open) await store.close();
  open.clear();
});

async function storeWith(...numbers: number[]): Promise<Store> {
  const store = openStore({ connection: await postgres.emptiedDatabase(), clock: systemClock });
  open.add(store);
  await store.migrate();
  for (const number of numbers) await store.createVersion(versionInput({ number }));
  return store;
}

function live(store: Store, version: number, reason: LiveReason = "deploy", branch = "main") {
  const at = { atMs: 1_700_000_000_000, branchLabel: labelForTests };
  return store.setLive({ app: "shop", branch, version, reason, ...at });
}

async function numbersOf(store: Store): Promise<number[]> {
  return (await store.versions("shop")).map(({ number }) => number).reverse();
}

test("neither a live version nor a last known good is removed, and their artifacts stay", async () => {
  const store = await storeWith(1, 2, 3, 4);
  for (const version of [1, 2, 3, 4]) await live(store, version);

  const removed = await store.removeVersions("shop", [1, 2, 3, 4], true);

  expect(removed).toEqual({ versions: [1, 2], digests: [digestOf(1), digestOf(2)] });
  expect(await numbersOf(store)).toEqual([3, 4]);
  expect(await store.rollbackTarget("shop", "main")).toBe(3);
  expect((await store.artifactDigests()).sort()).toEqual([digestOf(3), digestOf(4)]);
});

test("a last known good that is removed by name leaves the one before", async () => {
  const store = await storeWith(1, 2, 3);
  for (const version of [1, 2, 3]) await live(store, version);

  expect((await store.removeVersions("shop", [2, 3], false)).versions).toEqual([2]);
  expect(await store.rollbackTarget("shop", "main")).toBe(1);
});

test("a version that was rolled back from does not come back as a last known good", async () => {
  const store = await storeWith(1, 2, 3, 4, 5);
  for (const version of [1, 2, 3]) await live(store, version);
  await live(store, 2, "rollback");
  await live(store, 4);
  await live(store, 5);

  await store.removeVersions("shop", [2], true);
  await live(store, 4, "rollback");

  expect(await store.rollbackTarget("shop", "main")).toBe(1);
});

test("the number of a version that is gone is not used again", async () => {
  const store = await storeWith(1, 2);
  await live(store, 1);

  await store.removeVersions("shop", [2], true);

  expect(await store.nextVersionNumber("shop")).toBe(3);
});

test("an artifact and a list of packages stay as long as another version has them", async () => {
  const store = await storeWith();
  const packages = { sha256: "a".repeat(64), list: { format: 1 } };
  for (const number of [1, 2]) {
    const input = versionInput({ number, digest: digestOf(7) });
    await store.createVersion({ ...input, packages });
  }

  expect((await store.removeVersions("shop", [1], true)).digests).toEqual([]);
  expect((await store.versionPackages("shop", 2)).list).toEqual({ format: 1 });
  expect((await store.removeVersions("shop", [2], true)).digests).toEqual([digestOf(7)]);
});

test("a branch goes with its own versions, but for those that another branch needs", async () => {
  const store = await storeWith(1);
  await live(store, 1);
  for (const number of [2, 3, 4]) {
    await store.createVersion(versionInput({ number, branch: "fix" }));
    await live(store, number, "deploy", "fix");
  }
  await live(store, 3, "promote");

  expect((await store.removeBranch("shop", "fix")).versions).toEqual([2, 4]);
  expect(await numbersOf(store)).toEqual([1, 3]);
  expect(await store.removeBranch("shop", "fix").catch(({ code }) => code)).toBe("BRANCH_UNKNOWN");
  expect(await store.removeVersions("none", [1], true).catch(({ code }) => code)).toBe(
    "APP_UNKNOWN",
  );
});

test(
  `whatever happens, a clean-up changes neither what is live nor where rollbacks lead (LEVAIN_TEST_SEED=${seed})`,
  async () => {
    const chance = randomOf(seed);
    const store = await storeWith();
    const branches = ["main", "a", "b"];
    const known = async () => {
      const kept = await store.keptVersions("shop");
      return kept.flatMap(({ number, liveOn, rollbackOf }) =>
        liveOn.length + rollbackOf.length === 0 ? [] : [{ number, liveOn, rollbackOf }],
      );
    };
    for (let step = 0, made = 0; step < 150; step += 1) {
      const branch = pick(chance, branches);
      const there = made === 0 ? [] : await numbersOf(store);
      const some = there[chance(Math.max(1, there.length))];
      const what = chance(10);
      if (what < 4 || some === undefined) {
        made += 1;
        expect(await store.nextVersionNumber("shop")).toBe(made);
        await store.createVersion(versionInput({ number: made, branch }));
        await live(store, made, "deploy", branch);
      } else if (what < 5) {
        await live(store, some, "promote", branch);
      } else if (what < 7) {
        const target = await store.rollbackTarget("shop", branch).catch(() => null);
        if (target !== null) await live(store, target, "rollback", branch);
      } else {
        const before = await known();
        await store.removeVersions(
          "shop",
          there.filter(() => chance(2) === 0),
          true,
        );
        expect(await known()).toEqual(before);
      }
    }
  },
  timeoutMs,
);
