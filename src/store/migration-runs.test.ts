/** Goal: what happened to a branch's database is known, also after a node that ended; kits go with the last that needs them. */
import { afterEach, expect, test } from "bun:test";
import { systemClock } from "../base/clock.ts";
import type { VersionMigrations } from "../base/version-migrations.ts";
import { migrationRunsKeptMax } from "./limits.ts";
import type { StartRunInput } from "./migration-runs.ts";
import { withTestPostgres } from "./postgres-for-tests.ts";
import { openStore, type Store } from "./store.ts";
import { digestOf, labelForTests, versionInput } from "./version-for-tests.ts";

const postgres = withTestPostgres();
const open = new Set<Store>();
afterEach(async () => {
  for (const store of open) await store.close();
  open.clear();
});

async function emptyStore(): Promise<Store> {
  const store = openStore({ connection: await postgres.emptiedDatabase(), clock: systemClock });
  open.add(store);
  await store.migrate();
  return store;
}

const run = (change: Partial<StartRunInput> = {}): StartRunInput => ({
  app: "shop",
  branch: "main",
  reason: "deploy",
  stage: "target",
  way: "sql",
  source: "migrations",
  pending: ["0001_orders"],
  ...change,
});

test("a run is listed as it ended, with its version, newest first; one of a dead node as interrupted", async () => {
  const store = await emptyStore();
  const { migrationRuns } = store;
  const first = await migrationRuns.start(run({ stage: "trial" }), 1);
  await migrationRuns.finish(first, "succeeded", { ms: 12 }, 2);
  const second = await migrationRuns.start(run(), 3);
  await migrationRuns.start(run({ branch: "cart-fix" }), 4);
  await migrationRuns.finish(second, "failed", null, 5);
  await migrationRuns.belong([first, second], 7);

  const counts = [await migrationRuns.interrupt(9), await migrationRuns.interrupt(10)];

  expect(counts).toEqual([1, 0]);
  expect(await migrationRuns.list("shop", null, 10)).toMatchObject([
    { branch: "cart-fix", state: "interrupted", version: null, report: null, endedAtMs: 9 },
    { stage: "target", state: "failed", version: 7, startedAtMs: 3 },
    {
      stage: "trial",
      state: "succeeded",
      version: 7,
      report: { ms: 12 },
      pending: ["0001_orders"],
    },
  ]);
  expect(await migrationRuns.list("shop", "cart-fix", 10)).toHaveLength(1);
  expect(await migrationRuns.list("blog", null, 10)).toEqual([]);
});

test("what has changed a database since a time are runs on itself that are over, oldest first", async () => {
  const { migrationRuns } = await emptyStore();
  for (const [atMs, stage] of [
    [1, "target"],
    [2, "trial"],
    [3, "target"],
    [4, "target"],
  ] as const) {
    const id = await migrationRuns.start(run({ stage, pending: [String(atMs)] }), atMs);
    if (atMs < 4) await migrationRuns.finish(id, "succeeded", null, atMs);
  }

  const since = await migrationRuns.since("shop", "main", 1);

  expect(since.map(({ pending }) => pending)).toEqual([["3"]]);
});

test("runs of a branch are bounded, and go with the branch and the app", async () => {
  const store = await emptyStore();
  const { migrationRuns } = store;
  await store.createVersion(versionInput());
  await store.createVersion(versionInput({ number: 2, branch: "cart-fix" }));
  for (let count = 0; count < migrationRunsKeptMax + 5; count += 1) {
    const id = await migrationRuns.start(run(), count);
    await migrationRuns.finish(id, "succeeded", null, count);
  }
  await migrationRuns.start(run({ branch: "cart-fix" }), 1);

  const kept = await migrationRuns.list("shop", "main", 10_000);
  await store.removeBranch("shop", "cart-fix");
  const left = await migrationRuns.list("shop", "cart-fix", 10);
  await store.removeApp("shop");

  expect(kept).toHaveLength(migrationRunsKeptMax);
  expect(kept[0]?.startedAtMs).toBe(migrationRunsKeptMax + 4);
  expect(left).toEqual([]);
  expect(await migrationRuns.list("shop", null, 10)).toEqual([]);
}, 60_000);

test("a kit stays as long as a version names it, and goes with the last", async () => {
  const store = await emptyStore();
  const kit = "f".repeat(64);
  const migrations: VersionMigrations = {
    way: "sql",
    source: "migrations",
    kit,
    folder: "",
    module: null,
    inputs: "e".repeat(64),
    timeoutMs: 1000,
    lockMs: 100,
    trial: true,
  };
  for (const number of [1, 2, 3]) {
    const named = number === 3 ? {} : { migrations };
    await store.createVersion({ ...versionInput({ number, ...named }), kitBytes: 12 });
  }
  const at = { atMs: 1, branchLabel: labelForTests, reason: "deploy" as const };
  await store.setLive({ app: "shop", branch: "main", version: 3, ...at });

  const all = await store.artifactDigests();
  const first = await store.removeVersions("shop", [1], true);
  const kept = await store.keptVersions("shop");
  const second = await store.removeVersions("shop", [2], true);

  expect(all.sort()).toEqual([digestOf(1), digestOf(2), digestOf(3), kit].sort());
  expect(first.digests).toEqual([digestOf(1)]);
  expect(kept.map((version) => version.kit)).toEqual([null, kit]);
  expect(second.digests.sort()).toEqual([digestOf(2), kit]);
  expect(await store.artifactDigests()).toEqual([digestOf(3)]);
});
