/** Goal: the admin API on a store as it is. Method: real PostgreSQL, real sockets, a real file for the route table. */
import { expect, test } from "bun:test";
import { systemClock } from "../base/clock.ts";
import { testSpec } from "../base/version-spec-for-tests.ts";
import { emptyRouteTable, type RouteTable } from "../router/route-table.ts";
import { withTestPostgres } from "../store/postgres-for-tests.ts";
import { openStore, type Store } from "../store/store.ts";
import { startTestNode, type TestNode, testWallMs } from "./admin-deps-for-tests.ts";
import { ENDPOINTS } from "./api.ts";
import { Publisher } from "./publisher.ts";

const postgres = withTestPostgres();

interface StoreNode extends AsyncDisposable {
  node: TestNode;
  store: Store;
  /** What the router would serve from. */
  inEffect(): RouteTable;
  post(path: string, input: unknown): Promise<unknown>;
}

async function startStoreNode(): Promise<StoreNode> {
  const store = openStore({ connection: await postgres.database(), clock: systemClock });
  await store.migrate();
  let inEffect: RouteTable = emptyRouteTable;
  // Bound later: the publisher writes into the node's data directory.
  let publisher: Publisher | undefined;
  const publish = async () => publisher?.publish();
  const node = await startTestNode({ store, publish, hasApp: (app) => app in inEffect.apps });
  publisher = new Publisher({
    dataDir: node.dataDir,
    store,
    apply: (table) => {
      inEffect = table;
    },
    note: () => {},
  });
  return {
    node,
    store,
    inEffect: () => inEffect,
    async post(path, input) {
      const response = await node.request(path, { method: "POST", body: JSON.stringify(input) });
      return response.json();
    },
    async [Symbol.asyncDispose]() {
      await publisher?.close();
      await node[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

async function addVersion(store: Store, number: number): Promise<void> {
  const digest = String(number).repeat(64);
  const spec = testSpec({ number, digest, createdAtMs: testWallMs });
  await store.createVersion({
    spec,
    branchLabel: () => "main",
    message: null,
    commit: null,
    artifactBytes: 10,
    provenance: {},
    packages: null,
  });
}

test("promote and rollback move what is live in the store, on disk and in effect", async () => {
  await using world = await startStoreNode();
  const { node, store, inEffect, post } = world;
  for (const number of [1, 2, 3]) await addVersion(store, number);
  const promote = (version: number, branch = "main") =>
    post("/v1/apps/shop/promote", { version, branch });

  expect(await promote(1)).toMatchObject({ version: 1, previous: null });
  expect(await promote(2)).toMatchObject({ version: 2, previous: 1 });
  expect(await promote(2)).toMatchObject({ version: 2, previous: 2 });
  expect(await promote(3, "feature/Cart")).toMatchObject({
    branch: "feature/Cart",
    previous: null,
  });
  expect(inEffect().apps.shop?.branches["feature/Cart"]).toEqual({
    label: "feature-cart",
    live: 3,
  });
  expect(await post("/v1/apps/shop/rollback", {})).toMatchObject({ version: 1, previous: 2 });
  expect(await post("/v1/apps/shop/rollback", {})).toMatchObject({
    error: { code: "ROLLBACK_NO_TARGET" },
  });
  expect(await post("/v1/apps/shop/rollback", { to: 3 })).toMatchObject({ version: 3 });

  expect(inEffect().apps.shop?.branches.main?.live).toBe(3);
  const onDisk = await Bun.file(`${node.dataDir}/route-table.json`).json();
  expect(onDisk).toEqual(JSON.parse(JSON.stringify(inEffect())));
});

test("what the store refuses has its own code", async () => {
  await using world = await startStoreNode();
  await addVersion(world.store, 1);

  for (const [path, input, code] of [
    ["/v1/apps/nothing/promote", { version: 1 }, "APP_UNKNOWN"],
    ["/v1/apps/shop/promote", { version: 9 }, "VERSION_UNKNOWN"],
    ["/v1/apps/shop/promote", { version: 1, branch: "a b" }, "NAME_INVALID"],
    ["/v1/apps/shop/promote", { version: 1, branch: "" }, "NAME_INVALID"],
    ["/v1/apps/shop/rollback", { branch: "nothing" }, "BRANCH_UNKNOWN"],
  ] as const) {
    expect(await world.post(path, input), path).toMatchObject({ error: { code } });
  }
});

test("apps and versions are listed as the contract says, and are gone after delete", async () => {
  await using world = await startStoreNode();
  const { node, store, inEffect, post } = world;
  await addVersion(store, 1);
  await addVersion(store, 2);
  await post("/v1/apps/shop/promote", { version: 2 });

  const get = async (path: string) => (await node.request(path)).json();
  const { apps } = ENDPOINTS.apps.output.strict().parse(await get("/v1/apps"));
  const { versions } = ENDPOINTS.versions.output
    .strict()
    .parse(await get("/v1/apps/shop/versions"));
  const gone = await node.request("/v1/apps/shop?confirm=shop", { method: "DELETE" });

  expect(apps).toHaveLength(1);
  expect(apps[0]?.branches).toEqual([{ name: "main", live: 2, url: "http://shop.localhost:4000" }]);
  expect(versions.map(({ number, liveOn }) => [number, liveOn])).toEqual([
    [2, ["main"]],
    [1, []],
  ]);
  expect(await gone.json()).toMatchObject({ app: "shop", versions: 2 });
  expect(inEffect().apps).toEqual({});
  expect(await get("/v1/apps/shop/versions")).toMatchObject({ error: { code: "APP_UNKNOWN" } });
});
