/**
 * Goal: whatever happens to edges, instances and the route table, every request ends: answered, told a verdict, or broken
 * off with the edge that had it; and nothing is left in the end. Method: random requests, aborts, kills, publications and
 * pauses in which apps freeze, with real processes. LEVAIN_TEST_SEED repeats a story as far as processes can be repeated;
 * LEVAIN_TEST_SECONDS makes it longer.
 */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pick, randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { storyTime } from "../../src/base/story-for-tests.ts";
import { until } from "../../src/base/until-for-tests.ts";
import { specOf, startTestLaneWithEdges, type TestApp, tableOf } from "../lane-for-tests.ts";

const seconds = Number(process.env["LEVAIN_TEST_SECONDS"] ?? 6);
const folder = join(import.meta.dir, "../../src/pool/fixtures");

const APPS: Record<string, TestApp> = {
  behaves: { folder, entry: "behaves.ts", idleFreezeMs: 30, idleStopMs: 2000 },
  kills: { folder, entry: "kills-itself.ts", idleFreezeMs: 30 },
  several: {
    folder,
    entry: "behaves.ts",
    idleFreezeMs: 30,
    instances: { min: 1, max: 3 },
    limits: { concurrencyMax: 4, queueMax: 8 },
  },
};

const PATHS: Record<string, readonly string[]> = {
  behaves: ["/", "/count", "/after?ms=1", "/after?ms=40", "/bytes?count=700000", "/never"],
  kills: [...Array(40).fill("/"), "/kill", "/exit"],
  several: ["/", "/after?ms=5", "/after?ms=30", "/block?ms=5", "/pid"],
};

const STATUSES = new Set([200, 502, 503, 404]);

test(
  "random requests, kills of edges and instances, and publications end every request, and leave nothing",
  async () => {
    const seed = testSeed();
    const random = randomOf(seed);
    const notes: string[] = [];
    const lane = await startTestLaneWithEdges(APPS, 3, { notes });
    const counts = { asked: 0, answered: 0, verdicts: 0, broken: 0, kills: 0, edgeKills: 0 };
    const wrong: string[] = [];
    const open = new Set<Promise<void>>();
    let revision = 1;
    let edgesKilledAtMs = Number.NEGATIVE_INFINITY;

    const ask = () => {
      const app = pick(random, Object.keys(APPS));
      const path = pick(random, PATHS[app]!);
      const isAborted = path === "/never" || random(20) === 0;
      const signal = isAborted ? AbortSignal.timeout(1 + random(60)) : AbortSignal.timeout(20_000);
      counts.asked += 1;
      const startedAtMs = performance.now();
      const ended = lane
        .fetch(app, path, { headers: { connection: "close" }, signal })
        .then(async (response) => {
          const body = await response.text();
          if (!STATUSES.has(response.status))
            wrong.push(`${app}${path}: ${response.status} ${body}`);
          if (response.status === 200) counts.answered += 1;
          else counts.verdicts += 1;
        })
        .catch((error: Error) => {
          counts.broken += 1;
          // Broken off by us, by the app's end in the middle of an answer, or with the edge that had it.
          const isExpected =
            isAborted || edgesKilledAtMs >= startedAtMs - 1000 || app !== "behaves";
          if (!isExpected) wrong.push(`${app}${path}: ${error.message}`);
        });
      const tracked = ended.finally(() => open.delete(tracked));
      open.add(tracked);
    };

    const kill = (pid: number | undefined) => {
      try {
        if (pid !== undefined) process.kill(pid, "SIGKILL");
      } catch {
        // It was on its way out.
      }
    };

    const step = async () => {
      const action = random(1000);
      if (action < 800 && open.size < 100) return ask();
      if (action < 806) {
        const pools = [...lane.lane.pools.all()].filter(({ spec }) => spec.app !== "behaves");
        const running = pools.flatMap((pool) => pool.facts(0).processes);
        counts.kills += 1;
        if (running.length > 0) kill(pick(random, running).pid);
      } else if (action < 808) {
        const edges = lane.lane.edges();
        edgesKilledAtMs = performance.now();
        counts.edgeKills += 1;
        if (edges.length > 1) kill(pick(random, edges).pid);
      } else if (action < 812) {
        revision += 1;
        const specs = Object.entries(APPS).map(([name, app]) => specOf(name, app));
        // One app is deployed anew: same bytes under another number.
        const changed = specs.map((spec) =>
          spec.app === "kills" && random(2) === 0 ? { ...spec, number: revision } : spec,
        );
        await lane.lane.publish({ ...tableOf(changed), revision });
      } else if (action < 830) await Bun.sleep(random(120));
      else await Bun.sleep(random(6));
    };

    const goesOn = storyTime(seconds, () => counts.answered > 50);
    while (goesOn()) await step();
    await Promise.all(open);
    await until(() => lane.lane.edges().length === 3);
    const bodies = await Promise.all(
      Array.from({ length: 30 }, async () =>
        (await lane.fetch("behaves", "/", { headers: { connection: "close" } })).text(),
      ),
    );
    const pids = lane.lane.edges().map(({ pid }) => pid);
    await lane.stop();

    const said = `seed ${seed} ${JSON.stringify(counts)} ${notes.slice(0, 3).join("; ")}`;
    expect(wrong, said).toEqual([]);
    expect(bodies, said).toEqual(Array(30).fill("hello"));
    expect(counts.answered, said).toBeGreaterThan(50);
    const left = readdirSync("/proc").filter((name) => pids.includes(Number(name)));
    expect(left, said).toEqual([]);
  },
  (seconds + 60) * 1000,
);
