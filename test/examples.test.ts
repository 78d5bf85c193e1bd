/**
 * Goal: every example does what its README says. Method: the real request lane, each app started from its own folder,
 * dependencies as they are installed for the repository.
 */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseAppConfig } from "../src/deploy/app-config.ts";
import { findEntry } from "../src/project/entry.ts";
import type { Manifest } from "../src/project/framework.ts";
import { startTestLane, type TestLane } from "./lane-for-tests.ts";

const ROOT = join(import.meta.dir, "..");
const EXAMPLES = join(ROOT, "examples");
/** These are deployed by tests of their own: test/example-deploys.test.ts, test/migrations.test.ts, test/migrations.suite.ts and test/frameworks/. */
const DEPLOYED = [
  "astro",
  "bun-fullstack",
  "drizzle",
  "monorepo",
  "nest",
  "next",
  "nuxt",
  "react-router",
  "sql-migrations",
  "static",
  "sveltekit",
  "vite-spa",
];
const names = readdirSync(EXAMPLES);
/** Far longer than anything here takes. Milliseconds. */
const deadlineMs = 10_000;

async function manifestOf(folder: string): Promise<Manifest & Record<string, unknown>> {
  const file = Bun.file(join(folder, "package.json"));
  return (await file.exists()) ? await file.json() : {};
}

async function configOf(name: string) {
  const file = join(EXAMPLES, name, "levain.config.ts");
  const raw = (await Bun.file(file).exists()) ? (await import(file)).default : {};
  return parseAppConfig(raw, `${name}/levain.config.ts`);
}

/** One example alone on a lane; a deploy would have bundled the packages that it finds in the repository. */
async function start(name: string, change: { idleFreezeMs?: number } = {}): Promise<TestLane> {
  const folder = join(EXAMPLES, name);
  const { entry, ephemeral } = await configOf(name);
  const found = findEntry(entry, await manifestOf(folder), new Set(readdirSync(folder))).entry;
  return startTestLane({ [name]: { folder, entry: found, ephemeral, sandbox: "off", ...change } });
}

/** Waits for a condition; titles of tests say which. */
async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > endMs)
      throw new Error(`not true within ${deadlineMs} ms: ${condition}`);
    await Bun.sleep(10);
  }
}

/** A WebSocket through the edge, and what it has received. Dispose it. */
async function openSocket(lane: TestLane, app: string, path: string) {
  const headers = { host: `${app}.localhost:${lane.port}` };
  const socket = new WebSocket(`ws://127.0.0.1:${lane.port}${path}`, { headers });
  const received: string[] = [];
  socket.onmessage = ({ data }) => received.push(String(data));
  await until(() => socket.readyState === WebSocket.OPEN);
  return {
    received,
    send: (text: string) => socket.send(text),
    [Symbol.dispose]: () => socket.close(),
  };
}

const post = (body: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

test("each example has a README, and uses the versions that are tested here", async () => {
  const root = await manifestOf(ROOT);

  for (const name of names) {
    expect(await Bun.file(join(EXAMPLES, name, "README.md")).exists(), name).toBe(true);
    if (DEPLOYED.includes(name)) continue;
    const { dependencies = {} } = await manifestOf(join(EXAMPLES, name));
    for (const [dependency, version] of Object.entries(dependencies as object)) {
      const installed = (root["devDependencies"] as Record<string, string>)[dependency];
      expect(version, `${dependency} of ${name}`).toBe(installed);
      const lock = await Bun.file(join(EXAMPLES, name, "bun.lock")).text();
      expect(lock, name).toContain(`"${dependency}@${version}"`);
    }
  }
});

test("shop serves its page, with nothing loaded from elsewhere", async () => {
  await using lane = await start("shop");

  const response = await lane.fetch("shop", "/");
  const page = await response.text();

  expect(response.headers.get("content-type")).toStartWith("text/html");
  expect(page).toContain("The Sleeping Bakery");
  expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\/|url\(\s*["']?http|@import/);
});

test("shop keeps a cart, and its cart survives a freeze", async () => {
  await using lane = await start("shop", { idleFreezeMs: 1 });
  const asked = await lane.fetch("shop", "/api/products");
  const { products } = (await asked.json()) as { products: { id: string }[] };

  const added = await lane.fetch("shop", "/api/cart", post({ product: products[0]?.id }));
  await lane.fetch("shop", "/api/cart", post({ product: "rolls" }));
  const unknown = await lane.fetch("shop", "/api/cart", post({ product: "cake" }));
  const isFrozen = () => lane.records.findLast(({ event }) => event !== null)?.event === "freeze";
  await until(isFrozen);
  const cart = await (await lane.fetch("shop", "/api/cart")).json();
  const emptied = await (await lane.fetch("shop", "/api/cart", { method: "DELETE" })).json();

  expect(products).toHaveLength(6);
  expect(added.status).toBe(201);
  expect(unknown.status).toBe(400);
  expect(cart).toMatchObject({ count: 2, totalCents: 980 });
  expect(lane.records.filter(({ event }) => event === "start")).toHaveLength(1);
  expect(emptied).toEqual({ items: [], count: 0, totalCents: 0 });
});

test("shop takes a limited number of pieces, and gives them back", async () => {
  await using lane = await start("shop");

  const statuses = [];
  for (let piece = 0; piece < 25; piece += 1) {
    const response = await lane.fetch("shop", "/api/cart", post({ product: "rolls" }));
    statuses.push(response.status);
  }
  const less = await lane.fetch("shop", "/api/cart/rolls", { method: "DELETE" });

  expect(statuses.filter((status) => status === 201)).toHaveLength(24);
  expect(statuses.at(-1)).toBe(409);
  expect(await less.json()).toMatchObject({ count: 23 });
});

test("shop tells everybody who is connected about the starter and the cart", async () => {
  await using lane = await start("shop");
  using first = await openSocket(lane, "shop", "/live");
  using second = await openSocket(lane, "shop", "/live");

  first.send("feed");
  await until(() => second.received.some((text) => text.includes('"fed":1')));
  await lane.fetch("shop", "/api/cart", post({ product: "brioche" }));
  await until(() => second.received.some((text) => text.includes("Brioche")));

  expect(JSON.parse(second.received[0] ?? "")).toEqual({ type: "starter", fed: 0, visitors: 2 });
  expect(first.received.length).toBeGreaterThan(second.received.length);
});

test("shop's clock ticks as server-sent events", async () => {
  await using lane = await start("shop");

  const response = await lane.fetch("shop", "/api/clock");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (text.split("event: tick").length < 3) text += (await reader.read()).value;
  await reader.cancel();

  expect(response.headers.get("content-type")).toStartWith("text/event-stream");
  expect(text).toMatch(/^event: tick\ndata: \d{4}-\d\d-\d\dT/);
});

test("hello greets and counts", async () => {
  await using lane = await start("hello");

  await lane.fetch("hello", "/");
  const answer = await (await lane.fetch("hello", "/there")).json();

  expect(answer).toEqual({ hello: "world", pathname: "/there", visits: 2 });
});

test("serve answers by its routes and tells its WebSockets about notes", async () => {
  await using lane = await start("serve");
  using socket = await openSocket(lane, "serve", "/live");

  const empty = await lane.fetch("serve", "/notes", { method: "POST", body: " " });
  const posted = await lane.fetch("serve", "/notes", { method: "POST", body: "Buy flour" });
  const note = await (await lane.fetch("serve", "/notes/1")).json();
  socket.send("echo");
  await until(() => socket.received.length === 3);
  const missing = await lane.fetch("serve", "/nothing");

  expect(empty.status).toBe(400);
  expect(posted.status).toBe(201);
  expect(note).toEqual({ id: 1, text: "Buy flour" });
  expect(socket.received).toEqual(['{"notes":0}', '{"id":1,"text":"Buy flour"}', "echo"]);
  expect(missing.status).toBe(404);
});

test("elysia answers, and validates what it is asked", async () => {
  await using lane = await start("elysia");

  const hello = await lane.fetch("elysia", "/hello/you");
  const converted = await lane.fetch("elysia", "/convert?km=10");
  const invalid = await lane.fetch("elysia", "/convert?km=far");

  expect(await hello.text()).toBe("Hello you, from Elysia\n");
  expect(await converted.json()).toEqual({ km: 10, miles: 6.21371 });
  expect(invalid.status).toBe(422);
});

test("ephemeral has counted to one, however often it is asked", async () => {
  await using lane = await start("ephemeral");

  const counts = [];
  for (let round = 0; round < 3; round += 1) {
    counts.push(await (await lane.fetch("ephemeral", "/")).json());
  }

  expect(counts).toEqual([{ count: 1 }, { count: 1 }, { count: 1 }]);
});

test("orders: works on after its answer, and sleeps with its database closed", async () => {
  await using lane = await start("orders", { idleFreezeMs: 300 });

  const placed = await lane.fetch("orders", "/orders?item=rye&ms=600", { method: "POST" });
  expect([placed.status, await placed.json()]).toEqual([202, { id: 1 }]);
  const [pool] = [...lane.lane.pools.all()];
  const { holders } = pool!.facts(performance.now()).processes[0]!;
  expect(holders.map(({ kind, name }) => `${kind} ${name}`)).toEqual(["waitUntil receipt 1"]);
  await until(() => pool!.state === "frozen");

  // It was not frozen before the receipt was written.
  expect(lane.records.map(({ message }) => message)).toContain("receipt 1 is written");
  const answer = (await (await lane.fetch("orders", "/")).json()) as Record<string, unknown>;
  expect(answer["orders"]).toEqual([{ id: 1, item: "rye", receipt: "1 × rye, thank you" }]);
  expect(answer["sleptMs"]).toBeGreaterThan(0);
});

test("express-ws passes what one says to all, and whoever comes later, also after a freeze", async () => {
  await using lane = await start("express-ws", { idleFreezeMs: 200 });
  const isFrozen = () => lane.records.findLast(({ event }) => event !== null)?.event === "freeze";
  {
    using ada = await openSocket(lane, "express-ws", "/chat");
    using bob = await openSocket(lane, "express-ws", "/chat");
    ada.send("fresh bread?");
    await until(() => ada.received.length === 1 && bob.received.length === 1);
    bob.send("at six");
    await until(() => ada.received.length === 2);
  }
  await until(isFrozen);

  using late = await openSocket(lane, "express-ws", "/chat");
  await until(() => late.received.length === 2);

  expect(late.received).toEqual(["fresh bread?", "at six"]);
  expect(await (await lane.fetch("express-ws", "/api/said")).json()).toEqual(late.received);
  expect(await (await lane.fetch("express-ws", "/")).text()).toContain("Chat");
});

test("express serves its folder and its API, ticks, and says what is not there", async () => {
  await using lane = await start("express");

  const page = await (await lane.fetch("express", "/")).text();
  const empty = await lane.fetch("express", "/api/notes", post({ text: " " }));
  const posted = await lane.fetch("express", "/api/notes", post({ text: "feed me" }));
  const notes = await (await lane.fetch("express", "/api/notes")).json();
  const missing = await lane.fetch("express", "/nothing");
  const clock = await lane.fetch("express", "/api/clock");
  const reader = clock.body!.pipeThrough(new TextDecoderStream()).getReader();
  let ticks = "";
  while (ticks.split("event: tick").length < 3) ticks += (await reader.read()).value;
  await reader.cancel();

  expect(page).toContain("Notes");
  expect([empty.status, posted.status, missing.status]).toEqual([400, 201, 404]);
  expect(notes).toEqual(["feed me"]);
  expect(ticks).toContain("data: 2");
});
