/**
 * Goal: what a scrape shows is what happened, in a form that Prometheus reads. Method: a lane with real processes; its
 * metrics are read back by a strict reader. docs/operating.md is compared with the list of families.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startTestLane, type TestLane } from "../test/lane-for-tests.ts";
import { until } from "./base/until-for-tests.ts";
import type { VersionSpec } from "./base/version-spec.ts";
import { openBroker } from "./broker/open-broker.ts";
import { readBrokerConfig } from "./broker/read-settings.ts";
import type { BrokerStatus } from "./broker/status-api.ts";
import type { NodeStatus } from "./control/api.ts";
import { testMemory } from "./control/memory-for-tests.ts";
import { METRIC_FAMILIES, nodeMetrics } from "./metrics.ts";
import { type ReadFamily, readExposition } from "./telemetry/exposition-for-tests.ts";

const folder = join(import.meta.dir, "pool/fixtures");
const apps = {
  shop: { folder, entry: "behaves.ts" },
  blog: { folder, entry: "behaves.ts" },
  bad: { folder, entry: "throws-at-boot.ts" },
};

const status: NodeStatus = {
  pid: process.pid,
  version: "0.1.0",
  bun: Bun.version,
  dataDir: "/data",
  domain: "localhost",
  edgePort: 4000,
  adminPort: 4001,
  appsUrl: "http://<app>.localhost:4000",
  adminUrl: "http://127.0.0.1:4001",
  databases: null,
  startedAtMs: 1_700_000_000_500,
  store: { kind: "embedded", state: "ready", cause: null },
  apps: 3,
  instances: 0,
  instancesMax: 1,
  edges: [],
  connections: 0,
  requests: 0,
  memoryBytes: 50_000_000,
  backups: {
    to: null,
    running: null,
    nextAtMs: null,
    lastGood: null,
    lastFailure: null,
    isOverdue: false,
  },
  databaseAlerts: [],
  broker: null,
  memory: { ...testMemory, level: "short", swapBytes: 4096 },
};

async function scrape({ lane }: TestLane): Promise<Map<string, ReadFamily>> {
  let text = "";
  for await (const piece of nodeMetrics(lane, status, performance.now())) text += piece;
  return readExposition(text);
}

/** The value of one series; undefined when there is none. */
function seriesOf(
  read: Map<string, ReadFamily>,
  name: string,
  labels: Record<string, string> = {},
) {
  const wanted = JSON.stringify(labels);
  return read.get(name)?.samples.find((sample) => JSON.stringify(sample.labels) === wanted)?.value;
}

const shop = { app: "shop", version: "v1" };
const blog = { app: "blog", version: "v1" };

describe("a scrape", () => {
  test("shows for each version what happened to it, and nothing for one that was never asked for", async () => {
    await using lane = startTestLane(apps, { instancesMax: 1, sparesMax: 0 });
    for (let asked = 0; asked < 3; asked++) await (await lane.fetch("shop", "/")).text();
    await (await lane.fetch("blog", "/")).text();

    const read = await scrape(lane);

    expect(seriesOf(read, "levain_admitted_total", shop)).toBe(3);
    expect(seriesOf(read, "levain_hits_total", shop)).toBe(2);
    expect(seriesOf(read, "levain_misses_total", shop)).toBe(1);
    expect(seriesOf(read, "levain_holds_total", shop)).toBe(1);
    expect(seriesOf(read, "levain_evictions_total", shop)).toBe(1);
    expect(seriesOf(read, "levain_evictions_total", blog)).toBe(0);
    expect(seriesOf(read, "levain_instances", { ...shop, state: "warm" })).toBe(0);
    expect(seriesOf(read, "levain_instances", { ...blog, state: "warm" })).toBe(1);
    expect(seriesOf(read, "levain_memory_bytes", blog)).toBeGreaterThan(1_000_000);
    expect(seriesOf(read, "levain_places_taken")).toBe(1);
    expect(seriesOf(read, "levain_edge_requests_total")).toBe(4);
    expect(seriesOf(read, "process_start_time_seconds")).toBe(1_700_000_000.5);
    expect(seriesOf(read, "process_cpu_seconds_total")).toBeGreaterThan(0);
    expect([...read.values()].flatMap(({ samples }) => samples)).not.toContainEqual(
      expect.objectContaining({ labels: expect.objectContaining({ app: "bad" }) }),
    );
  });

  test("shows what runs, waits and is frozen now", async () => {
    await using lane = startTestLane(apps, { instancesMax: 1, sparesMax: 0 });
    const pool = [...lane.lane.pools.all()].find(({ spec }) => spec.app === "shop")!;
    const stream = await lane.fetch("shop", "/stream");
    const waits = new AbortController();
    const held = lane.fetch("blog", "/", { signal: waits.signal }).catch(() => {});
    await until(() => lane.lane.pools.places.waiting === 1);

    const busy = await scrape(lane);
    waits.abort();
    await held;
    await stream.body?.cancel();
    await until(() => pool.freeze());
    const frozen = await scrape(lane);

    expect(seriesOf(busy, "levain_requests_in_flight", shop)).toBe(1);
    expect(seriesOf(busy, "levain_requests_held", blog)).toBe(1);
    expect(seriesOf(busy, "levain_places_awaited")).toBe(1);
    expect(seriesOf(busy, "levain_edge_connections")).toBeGreaterThanOrEqual(2);
    expect(seriesOf(frozen, "levain_requests_in_flight", shop)).toBe(0);
    expect(seriesOf(frozen, "levain_holders", shop)).toBe(0);
    expect(seriesOf(frozen, "levain_instances", { ...shop, state: "frozen" })).toBe(1);
    expect(seriesOf(frozen, "levain_instances", { ...shop, state: "warm" })).toBe(0);
  });

  test("shows who uses the node's memory, and how short it is", async () => {
    await using lane = startTestLane(apps, { instancesMax: 1, sparesMax: 0 });

    const read = await scrape(lane);

    const { memory } = status;
    expect(seriesOf(read, "levain_memory_budget_bytes")).toBe(memory.budgetBytes);
    expect(seriesOf(read, "levain_memory_level")).toBe(1);
    expect(seriesOf(read, "levain_memory_awaited")).toBe(0);
    expect(seriesOf(read, "levain_reliefs_total", { kind: "stop" })).toBe(0);
    const parts = read.get("levain_memory_used_bytes")!.samples;
    expect(parts.reduce((sum, { value }) => sum + value, 0)).toBe(memory.usedBytes);
    expect(seriesOf(read, "levain_machine_memory_pressure")).toBe(0);
  });

  test("shows refusals by their code", async () => {
    await using lane = startTestLane(apps, { sparesMax: 0 });
    await (await lane.fetch("bad", "/")).text();

    const read = await scrape(lane);

    const labels = { app: "bad", version: "v1", code: "APP_START_FAILED" };
    expect(seriesOf(read, "levain_refusals_total", labels)).toBe(1);
    expect(seriesOf(read, "levain_failures_total", { app: "bad", version: "v1" })).toBe(1);
    expect(lane.lane.edge.counters.verdicts).toBe(1);
    expect(seriesOf(read, "levain_edge_verdicts_total")).toBe(1);
  });

  test("of a thousand versions lets requests pass between its pieces", async () => {
    await using lane = startTestLane(apps, { sparesMax: 0 });
    const one = lane.spec("shop");
    for (let number = 2; number <= 1000; number++) {
      lane.lane.pools.of({ ...one, number } satisfies VersionSpec).counters.hits = number;
    }
    let turns = 0;
    let isDone = false;
    const turn = () => {
      turns += 1;
      if (!isDone) setImmediate(turn);
    };
    setImmediate(turn);

    const read = await scrape(lane);
    isDone = true;

    expect(read.get("levain_hits_total")?.samples.length).toBe(999);
    expect(seriesOf(read, "levain_hits_total", { app: "shop", version: "v1000" })).toBe(1000);
    expect(turns).toBeGreaterThan(METRIC_FAMILIES.length);
  });
});

test("a broker of the node's is among them, and without one there are no samples of it", async () => {
  await using lane = startTestLane(apps);
  const broker = await openBroker(readBrokerConfig({ env: {}, flags: { port: "0" } }), {
    version: "0.1.0",
    sink: async () => {},
    filesMax: 1000,
  });
  const read = async (brokerStatus: BrokerStatus | null) => {
    let text = "";
    for await (const piece of nodeMetrics(lane.lane, status, 0, { broker: brokerStatus }))
      text += piece;
    return readExposition(text)
      .get("levain_broker_on")
      ?.samples.map(({ value }) => value);
  };

  expect(await read(broker.status())).toEqual([1]);
  expect(await read(null)).toEqual([]);
  broker.stop();
});

test("docs/operating.md has every family with its type, labels and meaning, in their order", async () => {
  const text = await Bun.file(join(import.meta.dir, "../docs/operating.md")).text();
  const rows = [...text.matchAll(/^\| `((?:levain|process)_\w+)` \| (\w+) \| (.*?) \| (.+) \|$/gm)];

  const documented = rows.map(([, name, type, labels, help]) => ({ name, type, labels, help }));

  // Those of a broker stand in docs/warm-starts.md, whose table is made from them.
  const own = METRIC_FAMILIES.filter(({ name }) => !name.startsWith("levain_broker_"));
  expect(documented).toEqual(
    own.map(({ name, type, labels, help }) => ({
      name,
      type,
      labels: labels.map((label) => `\`${label}\``).join(", "),
      help: help.replace(/\.$/, ""),
    })),
  );
});

test("names say their unit, and a counter that it is one", () => {
  for (const { name, type, help, labels } of METRIC_FAMILIES) {
    expect(name).toMatch(/^(levain|process)_[a-z]+(_[a-z]+)*$/);
    expect(name.endsWith("_total"), name).toBe(type === "counter");
    expect(help, name).toMatch(/^[A-Z0-9].*\.$/);
    expect(labels.filter((label) => !/^[a-z]+$/.test(label))).toEqual([]);
  }
});
