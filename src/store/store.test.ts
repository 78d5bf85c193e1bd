/** Goal: what the store promises its callers. Method: a real PostgreSQL, emptied before each test. */
import { afterEach, describe, expect, test } from "bun:test";
import { systemClock } from "../base/clock.ts";
import type { ErrorBody } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { Database } from "./database.ts";
import { deploysKeptMax, liveChangesKeptMax } from "./limits.ts";
import { checksum, migrate, nextMigration } from "./migrate.ts";
import { migrations } from "./migrations/all.ts";
import { withTestPostgres } from "./postgres-for-tests.ts";
import type { LiveReason } from "./rollback-target.ts";
import { openStore, type Store } from "./store.ts";
import { digestOf, labelForTests, versionInput } from "./version-for-tests.ts";
import { VersionNumberTaken } from "./versions.ts";

const postgres = withTestPostgres();
const open = new Set<{ close(): Promise<void> }>();
afterEach(async () => {
  for (const store of open) await store.close();
  open.clear();
});

async function emptyStore(): Promise<Store> {
  const store = openStore({ connection: await postgres.emptiedDatabase(), clock: systemClock });
  open.add(store);
  return store;
}

async function migratedStore(): Promise<Store> {
  const store = await emptyStore();
  await store.migrate();
  return store;
}

/** A store whose app `shop` has these versions, none live. */
async function storeWith(...numbers: number[]): Promise<Store> {
  const store = await migratedStore();
  for (const number of numbers) await store.createVersion(versionInput({ number }));
  return store;
}

function live(
  store: Store,
  version: number,
  reason: LiveReason = "deploy",
  branch = "main",
): Promise<{ previous: number | null }> {
  return store.setLive({
    app: "shop",
    branch,
    version,
    reason,
    atMs: 1_700_000_000_000,
    branchLabel: labelForTests,
  });
}

describe("migrate", () => {
  test("two nodes that start at once apply each step once", async () => {
    const connection = await postgres.emptiedDatabase();
    const stores = [1, 2, 3].map(() => openStore({ connection, clock: systemClock }));
    for (const store of stores) open.add(store);

    const applied = await Promise.all(stores.map((store) => store.migrate()));

    expect(applied.flat().sort()).toEqual(migrations.map(({ name }) => name).sort());
    expect(await stores[0]?.routeTable()).toEqual({ revision: 0, apps: {} });
  });

  test("a second run finds nothing to do", async () => {
    const store = await migratedStore();

    expect(await store.migrate()).toEqual([]);
  });

  test("a step that fails leaves the steps before it and nothing of its own", async () => {
    const database = new Database({ connection: await postgres.emptiedDatabase() });
    open.add(database);
    const good = { number: 1, name: "good", sql: "CREATE TABLE levain.one ()" };
    const bad = { number: 2, name: "bad", sql: "CREATE TABLE levain.two (); SELECT 1/0" };

    const failure = migrate(database, [good, bad]);

    await expect(failure).rejects.toThrow("division by zero");
    const [row] = await database.read((queries) =>
      queries.rows(
        "SELECT to_regclass('levain.one') IS NULL AS one, to_regclass('levain.two') IS NULL AS two",
      ),
    );
    expect(row).toEqual({ one: false, two: true });
    expect(await migrate(database, [good, { ...bad, sql: "CREATE TABLE levain.two ()" }])).toEqual([
      "bad",
    ]);
  });

  test("a store that knows more than this release is refused", () => {
    const [first] = migrations;
    const newer = { number: migrations.length + 1, name: "later", checksum: "" };

    expect(() => nextMigration([newer], migrations)).toThrow(
      expect.objectContaining({ code: "STORE_TOO_NEW" }),
    );
    expect(first?.number).toBe(1);
  });

  test("a step that was applied in another form is refused", () => {
    const applied = migrations.map((migration) => ({
      ...migration,
      checksum: checksum(migration),
    }));

    expect(nextMigration(applied, migrations)).toBeNull();
    expect(() => nextMigration([{ ...applied[0]!, checksum: "other" }], migrations)).toThrow(
      expect.objectContaining({ code: "STORE_MIGRATION_CHANGED" }),
    );
  });

  test("calls before the first migration say that the schema is not there yet", async () => {
    const store = await emptyStore();

    await expect(store.apps()).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("schema is not there yet"),
    });
  });
});

describe("versions", () => {
  test("the first version makes the app, its branch and its artifact, and nothing live", async () => {
    const store = await migratedStore();
    expect(await store.nextVersionNumber("shop")).toBe(1);

    await store.createVersion({
      ...versionInput({ branch: "feature/x" }),
      message: "first try",
      commit: "abc123",
    });

    expect(await store.nextVersionNumber("shop")).toBe(2);
    expect(await store.apps()).toEqual([
      {
        name: "shop",
        branches: [{ name: "feature/x", label: "feature-x", live: null }],
        versions: 1,
        createdAtMs: 1_700_000_000_001,
      },
    ]);
    expect(await store.versions("shop")).toEqual([
      {
        number: 1,
        branch: "feature/x",
        digest: digestOf(1),
        liveOn: [],
        message: "first try",
        commit: "abc123",
        bytes: 1001,
        runtime: null,
        createdAtMs: 1_700_000_000_001,
      },
    ]);
  });

  test("a number that is taken is a conflict that leaves nothing behind", async () => {
    const store = await storeWith(1);
    const { revision } = await store.routeTable();

    const failure = store.createVersion(versionInput({ number: 1, branch: "other" }));

    await expect(failure).rejects.toBeInstanceOf(VersionNumberTaken);
    expect((await store.apps())[0]?.branches.map(({ name }) => name)).toEqual(["main"]);
    expect((await store.routeTable()).revision).toBe(revision);
  });

  test("that an earlier release wrote is published with what it did not know", async () => {
    const store = await storeWith();
    const input = versionInput();
    const { instances: _instances, ...spec } = input.spec;
    const { requestsMax: _requestsMax, ...limits } = spec.limits;

    await store.createVersion({ ...input, spec: { ...spec, limits } as VersionSpec });

    expect((await store.routeTable()).apps["shop"]!.versions["1"]).toEqual(input.spec);
  });

  test("two versions can share an artifact, and two apps a number", async () => {
    const store = await storeWith(1);

    await store.createVersion(versionInput({ number: 2, digest: digestOf(1) }));
    await store.createVersion(versionInput({ app: "blog" }));

    expect((await store.versions("shop")).map(({ digest }) => digest)).toEqual([
      digestOf(1),
      digestOf(1),
    ]);
    expect((await store.apps()).map(({ name }) => name)).toEqual(["blog", "shop"]);
  });

  test("two branches with the same label get different ones", async () => {
    const store = await storeWith(1);

    await store.createVersion(versionInput({ number: 2, branch: "a/b" }));
    await store.createVersion(versionInput({ number: 3, branch: "a-b" }));

    const labels = (await store.apps())[0]?.branches.map(({ label }) => label);
    expect(new Set(labels).size).toBe(3);
  });

  test.each([
    ["app", { app: "Shop" }],
    ["app that reads as a version", { app: "v7" }],
    ["app with two dashes", { app: "a--b" }],
    ["branch", { branch: "two words" }],
    ["digest", { digest: "abc" }],
    ["number", { number: 0 }],
  ])("a wrong %s is refused by the database itself", async (_, spec) => {
    const store = await migratedStore();

    await expect(store.createVersion(versionInput(spec))).rejects.toMatchObject({ code: "23514" });
  });

  test("a text with a zero character is the user's to correct", async () => {
    const store = await migratedStore();

    await expect(store.createVersion({ ...versionInput(), message: "a\0b" })).rejects.toMatchObject(
      { code: "INPUT_INVALID" },
    );
    await expect(store.createVersion(versionInput({ env: { KEY: "a\0b" } }))).rejects.toMatchObject(
      { code: "INPUT_INVALID" },
    );
  });

  test("versions of an unknown app are an error", async () => {
    await expect((await migratedStore()).versions("shop")).rejects.toMatchObject({
      code: "APP_UNKNOWN",
    });
  });
});

describe("live", () => {
  test("taking a version live answers which one was live before", async () => {
    const store = await storeWith(1, 2);

    const answers = [await live(store, 1), await live(store, 2), await live(store, 2)];

    expect(answers).toEqual([{ previous: null }, { previous: 1 }, { previous: 2 }]);
    expect((await store.versions("shop")).map(({ liveOn }) => liveOn)).toEqual([["main"], []]);
  });

  test("promoting to a branch that does not exist makes it", async () => {
    const store = await storeWith(1);

    await live(store, 1, "promote", "Preview/Big");

    expect((await store.apps())[0]?.branches).toContainEqual({
      name: "Preview/Big",
      label: "preview-big",
      live: 1,
    });
  });

  test("what does not exist cannot be live, and asking for it makes nothing", async () => {
    const store = await storeWith(1);

    await expect(live(store, 7, "promote", "new")).rejects.toMatchObject({
      code: "VERSION_UNKNOWN",
      message: expect.stringContaining('"v7"'),
    });
    await expect(live(store, 2 ** 50)).rejects.toMatchObject({ code: "VERSION_UNKNOWN" });
    await store.removeApp("shop");
    await expect(live(store, 1)).rejects.toMatchObject({ code: "APP_UNKNOWN" });
    expect(await store.apps()).toEqual([]);
  });

  test("rolling back twice goes two steps back, and a deploy starts anew", async () => {
    const store = await storeWith(1, 2, 3, 4);
    for (const number of [1, 2, 3]) await live(store, number);

    const targets = [await store.rollbackTarget("shop", "main")];
    await live(store, 2, "rollback");
    targets.push(await store.rollbackTarget("shop", "main"));
    await live(store, 1, "rollback");
    targets.push(await store.rollbackTarget("shop", "main"));
    await live(store, 4);
    targets.push(await store.rollbackTarget("shop", "main"));

    expect(targets).toEqual([2, 1, null, 1]);
  });

  test("a rollback of what does not exist says what is missing", async () => {
    const store = await storeWith(1);

    await expect(store.rollbackTarget("blog", "main")).rejects.toMatchObject({
      code: "APP_UNKNOWN",
    });
    await expect(store.rollbackTarget("shop", "dev")).rejects.toMatchObject({
      code: "BRANCH_UNKNOWN",
    });
    expect(await store.rollbackTarget("shop", "main")).toBeNull();
  });

  test("the history of a branch is bounded, and a rollback still finds its target", async () => {
    const connection = await postgres.emptiedDatabase();
    const store = openStore({ connection, clock: systemClock });
    const database = new Database({ connection });
    open.add(store).add(database);
    await store.migrate();
    for (const number of [1, 2]) await store.createVersion(versionInput({ number }));
    await live(store, 1);
    await database.write((queries) =>
      queries.run(
        `INSERT INTO levain.live_changes (app, branch, version, previous, reason, at_ms)
         SELECT 'shop', 'main', 1 + n % 2, 2 - n % 2, 'deploy', n FROM generate_series(1, $1) n`,
        [liveChangesKeptMax * 2],
      ),
    );

    await live(store, 2);

    const [row] = await database.read((queries) =>
      queries.rows<{ kept: number }>("SELECT count(*) AS kept FROM levain.live_changes"),
    );
    expect(row?.kept).toBe(liveChangesKeptMax);
    expect(await store.rollbackTarget("shop", "main")).toBe(1);
  });
});

describe("route table", () => {
  test("it has every branch and version, as they were frozen", async () => {
    const store = await storeWith(1, 2);
    await live(store, 1);
    await store.createVersion(versionInput({ app: "blog", branch: "constructor" }));

    const table = await store.routeTable();

    expect(table.apps.shop?.branches).toEqual({ main: { label: "main", live: 1 } });
    expect(table.apps.shop?.versions).toEqual({
      1: versionInput({ number: 1 }).spec,
      2: versionInput({ number: 2 }).spec,
    });
    expect(Object.entries(table.apps.blog?.branches ?? {})).toEqual([
      ["constructor", { label: "constructor", live: null }],
    ]);
  });

  test("its revision grows with everything that changes it and with nothing else", async () => {
    const store = await migratedStore();
    const revisions: number[] = [];
    const note = async (): Promise<void> => {
      revisions.push((await store.routeTable()).revision);
    };

    await note();
    await store.createVersion(versionInput());
    await note();
    await live(store, 1);
    await note();
    await store.startDeploy({ app: "shop", branch: "main", message: null, commit: null });
    await note();
    await store.removeApp("shop");
    await note();

    expect(revisions).toEqual([0, 1, 2, 2, 3]);
  });
});

describe("removing an app", () => {
  test("it removes everything of the app and names the artifacts nobody uses now", async () => {
    const store = await storeWith(1, 2);
    await live(store, 1);
    await live(store, 2);
    await live(store, 1, "promote", "dev");
    await store.createVersion(versionInput({ app: "blog", digest: digestOf(2) }));
    await store.startDeploy({ app: "shop", branch: "main", message: null, commit: null });

    const removed = await store.removeApp("shop");

    expect(removed).toEqual({ versions: 2, digests: [digestOf(1)] });
    expect((await store.apps()).map(({ name }) => name)).toEqual(["blog"]);
    expect(await store.deploys("shop", 10)).toEqual([]);
    expect(await store.nextVersionNumber("shop")).toBe(1);
  });

  test("an unknown app is an error", async () => {
    await expect((await migratedStore()).removeApp("shop")).rejects.toMatchObject({
      code: "APP_UNKNOWN",
    });
  });
});

describe("deploys", () => {
  const input = { app: "shop", branch: "main", message: "hi", commit: "abc" };
  const error: ErrorBody = {
    code: "BUILD_FAILED",
    message: "Cannot build the app: x",
    cause: null,
    fix: "Read the build output",
    docs: "docs/errors.md#build_failed",
  };

  test("each ends as what became of it, newest first", async () => {
    const store = await migratedStore();
    const ids = [await store.startDeploy(input), await store.startDeploy(input)];
    const running = await store.startDeploy(input);

    await store.finishDeploy(ids[0]!, { state: "failed", error });
    await store.finishDeploy(ids[1]!, { state: "succeeded", version: 1 });

    const deploys = await store.deploys("shop", 10);
    expect(deploys.map(({ id, state, version }) => [id, state, version])).toEqual([
      [running, "running", null],
      [ids[1]!, "succeeded", 1],
      [ids[0]!, "failed", null],
    ]);
    expect(deploys[2]?.error).toEqual(error);
    expect(deploys[0]).toMatchObject({ branch: "main", message: "hi", commit: "abc" });
    expect(deploys[0]?.endedAtMs).toBeNull();
  });

  test("what a dead node left running is interrupted, once", async () => {
    const store = await migratedStore();
    const id = await store.startDeploy(input);

    const counts = [await store.interruptDeploys(), await store.interruptDeploys()];
    expect((await store.deploys("shop", 1))[0]?.state).toBe("interrupted");
    await store.finishDeploy(id, { state: "succeeded", version: 3 });

    expect(counts).toEqual([1, 0]);
    expect((await store.deploys("shop", 1))[0]?.state).toBe("succeeded");
  });

  test("they are bounded, and running ones stay", async () => {
    const connection = await postgres.emptiedDatabase();
    const store = openStore({ connection, clock: systemClock });
    const database = new Database({ connection });
    open.add(store).add(database);
    await store.migrate();
    const running = await store.startDeploy(input);
    await database.write((queries) =>
      queries.run(
        `INSERT INTO levain.deploys (app, branch, state, started_at_ms, ended_at_ms)
         SELECT 'shop', 'main', 'interrupted', 0, 0 FROM generate_series(1, $1)`,
        [deploysKeptMax * 2],
      ),
    );

    await store.startDeploy(input);

    const [row] = await database.read((queries) =>
      queries.rows<{ kept: number; oldest: number }>(
        "SELECT count(*) AS kept, min(id) AS oldest FROM levain.deploys",
      ),
    );
    expect(row).toEqual({ kept: deploysKeptMax + 1, oldest: running });
  });

  test("an error with too much evidence is kept without it", async () => {
    const store = await migratedStore();
    const id = await store.startDeploy(input);

    await store.finishDeploy(id, {
      state: "failed",
      error: { ...error, detail: { lines: "x".repeat(100_000) } },
    });

    expect((await store.deploys("shop", 1))[0]?.error).toEqual(error);
  });
});
