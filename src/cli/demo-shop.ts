/**
 * What a demo does with `examples/shop`: each function is the work of one step, makes real requests through the edge,
 * checks what comes back and says it in a line.
 */
import { readFile } from "node:fs/promises";
import type { InstanceInfo } from "../control/api.ts";
import type { AdminClient } from "./admin-client.ts";
import type { DemoEdge } from "./demo-edge.ts";
import { showStepTime } from "./demo-screen.ts";
import { expectThat, type StepScope } from "./demo-steps.ts";
import { demoLogTail, demoNapMs, demoPollMs } from "./limits.ts";
import { showBytes, showCount } from "./units.ts";

/** The deployed shop. */
export interface DemoShop {
  client: AdminClient;
  edge: DemoEdge;
  app: string;
  version: number;
  /** Milliseconds since some fixed point. */
  nowMs(): number;
}

/** What is in the shop's memory, and which process that is. */
export interface ShopMemory {
  pid: number;
  startedAt: string;
  fed: number;
  cart: Cart;
}

interface Cart {
  items: unknown[];
  count: number;
  totalCents: number;
}

/** Put into the cart. */
const bought = ["country", "croissant", "croissant"];
const ticksWanted = 2;

export async function askPage({ edge }: DemoShop, { say, signal }: StepScope): Promise<void> {
  const response = await edge.fetch("/", signal);
  const html = await response.text();
  expectThat(response.status === 200, `GET / answered ${response.status} instead of 200`);
  expectThat(html.includes("</html>"), "GET / answered no page");
  say(`GET / gave ${showBytes(Buffer.byteLength(html))} of HTML`);
}

export async function askApi({ edge }: DemoShop, { say, signal }: StepScope): Promise<void> {
  const { products } = await edge.json<{ products: unknown[] }>("/api/products", signal);
  expectThat(products.length > 0, "GET /api/products has no products");
  say(`GET /api/products gave ${showCount(products.length, "product")}`);
}

export async function fillCart({ edge }: DemoShop, { say, signal }: StepScope): Promise<void> {
  await edge.json("/api/cart", signal, { method: "DELETE" });
  for (const product of bought) {
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ product }),
    };
    await edge.json("/api/cart", signal, init, 201);
  }
  const cart = await edge.json<Cart>("/api/cart", signal);
  expectThat(cart.count === bought.length, `the cart holds ${cart.count} of ${bought.length}`);
  say(`POST /api/cart, three times: ${showCart(cart)}`);
}

export async function useWebSocket({ edge }: DemoShop, { say, signal }: StepScope): Promise<void> {
  for await (const message of edge.converse("/live", "feed", signal)) {
    const { fed } = JSON.parse(message) as { fed?: number };
    if (fed === undefined || fed === 0) continue;
    say(`said "feed" at /live, heard that it was fed: ${fed}`);
    return;
  }
}

export async function readClock(shop: DemoShop, { say, signal }: StepScope): Promise<void> {
  const ticks: number[] = [];
  for await (const _tick of shop.edge.events("/api/clock", signal)) {
    ticks.push(shop.nowMs());
    if (ticks.length === ticksWanted) break;
  }
  const [first = 0, second = 0] = ticks;
  say(`GET /api/clock streamed 2 ticks, ${showStepTime(second - first)} apart`);
}

/** Remembers what the shop knows, then waits until the node has frozen it, and a little longer. */
export async function waitForFreeze(
  shop: DemoShop,
  { say, signal }: StepScope,
): Promise<ShopMemory> {
  const memory = await shop.edge.json<ShopMemory>("/api/state", signal);
  const askedAtMs = shop.nowMs();
  let instance: InstanceInfo | null;
  for (;;) {
    instance = await instanceOf(shop, signal);
    if (instance?.state === "frozen" || instance?.state === "paged") break;
    say(
      `leaving it alone: ${instance?.state ?? "no process"}, ` +
        `${showCount(instance?.requestsInFlight ?? 0, "request")} under way`,
    );
    await pause(demoPollMs, signal);
  }
  const idleMs = shop.nowMs() - askedAtMs;
  const { pid, memoryBytes } = instance;
  expectThat(pid === memory.pid, `process ${pid} is frozen, process ${memory.pid} had answered`);
  say("frozen; letting it sleep");
  const before = await cpuTicks(memory.pid);
  await pause(demoNapMs, signal);
  const used = (await cpuTicks(memory.pid)) - before;
  expectThat(used === 0, `the frozen process used ${used} ticks of CPU time`);
  say(`frozen after ${showStepTime(idleMs)}: no CPU, ${showBytes(memoryBytes)} kept`);
  return memory;
}

/** Wakes the shop with one request, and compares what it knows. */
export async function wake(
  shop: DemoShop,
  before: ShopMemory,
  { say, signal }: StepScope,
): Promise<void> {
  const startMs = shop.nowMs();
  const cart = await shop.edge.json<Cart>("/api/cart", signal);
  const wakeMs = shop.nowMs() - startMs;
  const after = await shop.edge.json<ShopMemory>("/api/state", signal);
  expectThat(after.pid === before.pid, `process ${after.pid} answered, not ${before.pid}`);
  expectThat(after.startedAt === before.startedAt, "the app was started anew");
  expectThat(
    JSON.stringify(cart) === JSON.stringify(before.cart),
    `the cart holds ${showCart(cart)} instead of ${showCart(before.cart)}`,
  );
  say(`answered after ${showStepTime(wakeMs)}, and still has ${showCart(cart)}`);
}

/** Waits until the log tells the story: what the app printed, the freeze and the wake. */
export async function readLog(shop: DemoShop, { say, signal }: StepScope): Promise<void> {
  const { app, version } = shop;
  for (;;) {
    const seen = new Set<string>();
    let count = 0;
    const query = { version, tail: demoLogTail };
    for await (const record of shop.client.stream("logs", { app, query, signal })) {
      seen.add(record.event ?? record.stream);
      count += 1;
    }
    const missing = ["stdout", "start", "freeze", "wake"].filter((event) => !seen.has(event));
    if (missing.length === 0) {
      say(`${showCount(count, "record")}: what it printed, its start, freeze and wake`);
      return;
    }
    say(`waiting for ${missing.join(" and ")}`);
    await pause(demoPollMs, signal);
  }
}

async function instanceOf(
  { client, app, version }: DemoShop,
  signal: AbortSignal,
): Promise<InstanceInfo | null> {
  const { instances } = await client.call("ps", { signal });
  return instances.find((info) => info.app === app && info.version === version) ?? null;
}

function showCart({ count, totalCents }: Cart): string {
  return `${showCount(count, "piece")} for €${(totalCents / 100).toFixed(2)}`;
}

/** User and system time of a process so far, in clock ticks. */
async function cpuTicks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  // The name in parentheses may hold anything; the fields after it are numbers.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await Bun.sleep(ms);
  signal.throwIfAborted();
}
