/** Goal: the collector takes what nobody needs, once, and waits for what still runs. Method: a store and a disk in memory. */
import { expect, test } from "bun:test";
import { PlatformError } from "../base/errors.ts";
import { until } from "../base/until-for-tests.ts";
import type { KeptVersion } from "../store/removal.ts";
import { Collector, type CollectorOptions } from "./collector.ts";

const nowMs = Date.parse("2026-11-21T08:00:00Z");

class World {
  /** Newest first, by app. */
  readonly apps = new Map<string, KeptVersion[]>();
  readonly disk = new Map<string, number>();
  readonly running = new Set<string>();
  readonly runtimes = new Set<string>();
  readonly logs: { app: string; writtenAtMs: number }[] = [];
  readonly happened: string[] = [];

  add(app: string, number: number, fields: Partial<KeptVersion> = {}): void {
    const digest = `${app}${number}`;
    this.disk.set(digest, number);
    const version = { number, branch: "main", digest, bytes: number, createdAtMs: nowMs };
    const rest = { liveOn: [], rollbackOf: [], retention: null };
    this.apps.set(app, [{ ...version, ...rest, ...fields }, ...(this.apps.get(app) ?? [])]);
  }

  collector(change: Partial<CollectorOptions> = {}): Collector {
    const { apps, disk, running, runtimes, logs, happened } = this;
    const kept = (app: string) => {
      const versions = apps.get(app);
      if (versions === undefined) throw new PlatformError("APP_UNKNOWN", [app]);
      return versions;
    };
    const digests = () => [...apps.values()].flat().map(({ digest }) => digest);
    return new Collector({
      store: {
        apps: async () =>
          [...apps.keys()].map((name) => ({ name, branches: [], versions: 0, createdAtMs: 0 })),
        keptVersions: async (app) => kept(app),
        async removeVersions(app, numbers) {
          const gone = kept(app).filter(({ number }) => numbers.includes(number));
          apps.set(
            app,
            kept(app).filter((version) => !gone.includes(version)),
          );
          return { versions: gone.map(({ number }) => number), digests: [] };
        },
        artifactDigests: async () => digests(),
        runtimesNamed: async () => ["bun@1.3.14"],
      },
      policy: { versionsMax: 1, daysMax: 0 },
      isRunning: (app, version) => running.has(`${app}${version}`),
      artifacts: {
        list: async () => [...disk].map(([digest, bytes]) => ({ digest, bytes })),
        async removeUnreferenced(referenced) {
          const staying = await referenced();
          const gone = [...disk.keys()].filter((digest) => !staying.has(digest));
          for (const digest of gone) disk.delete(digest);
          return gone;
        },
        inUse: () => running,
      },
      runtimes: {
        list: async () => [...this.runtimes].map((name) => ({ name, bytes: 1 })),
        async remove(names) {
          for (const name of names) runtimes.delete(name);
        },
        inUse: () => new Set(["bun@1.4.3"]),
      },
      logs: {
        list: async () => logs,
        async remove(app) {
          happened.push(`logs of ${app}`);
        },
        daysMax: 30,
      },
      async publish() {
        happened.push("publish");
      },
      clock: { wallMs: () => nowMs },
      report: (thrown) => happened.push(`report ${thrown}`),
      ...change,
    });
  }

  numbers(app: string): number[] {
    return (this.apps.get(app) ?? []).map(({ number }) => number);
  }
}

test("after a deploy the versions of that app go, with their artifacts, and it is published", async () => {
  const world = new World();
  for (const number of [1, 2, 3]) world.add("shop", number);
  for (const number of [1, 2]) world.add("blog", number);
  world.disk.set("left by a failed deploy", 7);
  const collector = world.collector();

  collector.afterDeploy("shop");
  collector.afterDeploy("shop");
  await collector.close();

  expect(world.numbers("shop")).toEqual([3, 2, 1]);
  const open = world.collector();
  open.afterDeploy("shop");
  await until(() => world.disk.size === 3);
  expect(world.numbers("shop")).toEqual([3]);
  expect(world.numbers("blog")).toEqual([2, 1]);
  expect([...world.disk.keys()].sort()).toEqual(["blog1", "blog2", "shop3"]);
  expect(world.happened).toEqual(["publish"]);
  await open.close();
});

test("a dry run tells what a run then does", async () => {
  const world = new World();
  for (const number of [1, 2, 3])
    world.add("shop", number, number === 1 ? { liveOn: ["old"] } : {});
  world.logs.push({ app: "gone", writtenAtMs: nowMs - 31 * 86_400_000 });
  world.logs.push({ app: "fresh", writtenAtMs: nowMs }, { app: "shop", writtenAtMs: 0 });
  const collector = world.collector();

  const told = await collector.collect(true);

  expect([world.numbers("shop"), world.disk.size, world.happened]).toEqual([[3, 2, 1], 3, []]);
  expect(told).toEqual({
    isDryRun: true,
    versions: [{ app: "shop", version: 2, branch: "main" }],
    artifacts: [{ digest: "shop2", bytes: 2 }],
    bytes: 2,
    runtimes: [],
    logs: ["gone"],
  });
  expect(await collector.collect(false)).toEqual({ ...told, isDryRun: false });
  expect(world.numbers("shop")).toEqual([3, 1]);
  expect(world.happened).toEqual(["publish", "logs of gone"]);
});

test("what runs stays, with its artifact, until it runs no more", async () => {
  const world = new World();
  for (const number of [1, 2]) world.add("shop", number);
  world.running.add("shop1");
  const collector = world.collector();

  await collector.collect(false);
  expect(world.numbers("shop")).toEqual([2, 1]);
  world.running.clear();
  await collector.collect(false);

  expect(world.numbers("shop")).toEqual([2]);
  expect([...world.disk.keys()]).toEqual(["shop2"]);
});

test("an app that is not there, and a store that is away, end nothing", async () => {
  const world = new World();
  const away = world.collector({
    publish: () => Promise.reject(new PlatformError("STORE_UNAVAILABLE", ["refused"])),
  });
  for (const number of [1, 2]) world.add("shop", number);

  away.afterDeploy("none");
  away.afterDeploy("shop");

  await until(() => world.happened.length > 0);
  expect(world.happened[0]).toStartWith("report ");
  world.add("shop", 3);
  expect((await world.collector().collect(false)).versions.length).toBe(1);
  await away.close();
});

test("a runtime goes when no version names it and none that runs is on it", async () => {
  const world = new World();
  world.add("shop", 1);
  for (const name of ["bun@1.3.14", "bun@1.4.3", "bun@1.4.1"]) world.runtimes.add(name);
  const collector = world.collector();

  const planned = await collector.collect(true);
  expect(world.runtimes.size).toBe(3);
  const done = await collector.collect(false);

  expect(planned.runtimes).toEqual([{ name: "bun@1.4.1", bytes: 1 }]);
  expect(done.runtimes).toEqual(planned.runtimes);
  expect([...world.runtimes]).toEqual(["bun@1.3.14", "bun@1.4.3"]);
});
