import { expect, test } from "bun:test";
import { type ErrorBody, PlatformError } from "../base/errors.ts";
import { startTestNode, type TestNode } from "./admin-deps-for-tests.ts";
import { type Inspection, inspection } from "./api.ts";

async function inspect(node: TestNode, path: string): Promise<Inspection> {
  const response = await node.request(`/v1/apps/${path}`);
  return inspection.strict().parse(await response.json());
}

async function errorOf(node: TestNode, path: string): Promise<ErrorBody> {
  const response = await node.request(`/v1/apps/${path}`);
  const { error } = (await response.json()) as { error: ErrorBody };
  return error;
}

test("without a version it is the one that is live on the branch, and main without a branch", async () => {
  await using node = await startTestNode();

  expect(await inspect(node, "shop/inspect")).toMatchObject({ number: 3, liveOn: ["main"] });
  expect(await inspect(node, "shop/inspect?branch=cart-fix")).toMatchObject({
    number: 2,
    branch: "cart-fix",
    liveOn: ["cart-fix"],
  });
  expect(await inspect(node, "shop/inspect?version=1")).toMatchObject({
    number: 1,
    liveOn: [],
    processes: [],
  });
});

test("the version has what was said at its deploy, and of its environment the names only", async () => {
  await using node = await startTestNode();

  const found = await inspect(node, "shop/inspect");

  expect(found).toMatchObject({
    app: "shop",
    url: "http://v3--shop.localhost:4000",
    stored: { bytes: 144_633, message: null, commit: null },
    environment: ["GREETING", "STRIPE_KEY"],
    sandbox: "strict",
  });
  expect(JSON.stringify(found)).not.toContain("hush");
  expect((await inspect(node, "shop/inspect?version=2")).stored?.message).toStartWith("Fix the");
});

test("a version that asks for a database says what its branch has, and another says nothing", async () => {
  await using node = await startTestNode();

  const found = await inspect(node, "shop/inspect");

  expect(found.branchDatabase).toMatchObject({ name: "shop", state: "ready", bytes: 7_600_000 });
  expect(found.stored?.migrated).toBeNull();
  expect((await inspect(node, "shop/inspect?version=1")).branchDatabase).toBeNull();
});

test("each process says what it was given, and what not", async () => {
  await using node = await startTestNode();

  const { processes } = await inspect(node, "shop/inspect");

  expect(processes.map(({ pid, sandbox }) => [pid, sandbox.notHeld.length])).toEqual([
    [4242, 0],
    [4243, 3],
  ]);
});

test("while the store is away only what it alone knows is missing", async () => {
  await using node = await startTestNode();
  const { store } = node.deps;
  const away = new PlatformError("STORE_UNAVAILABLE", ["connection refused"]);
  await using without = await startTestNode({
    store: { ...store, versions: () => Promise.reject(away) },
  });

  expect(await inspect(without, "shop/inspect")).toEqual({
    ...(await inspect(node, "shop/inspect")),
    stored: null,
  });
});

test("what is not there has the code that other verbs give it", async () => {
  await using node = await startTestNode();
  const cases: [path: string, code: ErrorBody["code"]][] = [
    ["nothing/inspect", "APP_UNKNOWN"],
    ["shop/inspect?version=99", "VERSION_UNKNOWN"],
    ["shop/inspect?branch=none", "BRANCH_UNKNOWN"],
    ["shop/inspect?branch=constructor", "BRANCH_UNKNOWN"],
    ["blog/inspect", "BRANCH_NOT_LIVE"],
    ["shop/inspect?version=seven", "INPUT_INVALID"],
    ["shop/inspect?colour=red", "INPUT_INVALID"],
    ["Shop!/inspect", "INPUT_INVALID"],
  ];

  for (const [path, code] of cases) expect((await errorOf(node, path)).code, path).toBe(code);
});
