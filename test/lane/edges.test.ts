/**
 * Goal: several edges behave as one: whatever edge a connection comes to, and whatever happens to edges and instances
 * meanwhile. Method: real processes and sockets; every request on a connection of its own, so that they spread.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { until } from "../../src/base/until-for-tests.ts";
import { gone } from "../../src/pool/pool-for-tests.ts";
import {
  specOf,
  startTestLaneWithEdges,
  type TestApp,
  type TestLane,
  tableOf,
} from "../lane-for-tests.ts";

const folder = join(import.meta.dir, "../../src/pool/fixtures");
const behaves: TestApp = { folder, entry: "behaves.ts" };

/** On a connection of its own. */
const ask = (lane: TestLane, app: string, path = "/") =>
  lane.fetch(app, path, { headers: { connection: "close" } });

const bodyOf = async (lane: TestLane, app: string, path = "/") =>
  (await ask(lane, app, path)).text();

/** So many requests at once. */
const many = <Item>(count: number, one: () => Promise<Item>) =>
  Promise.all(Array.from({ length: count }, one));

const factsOf = (lane: TestLane, app: string) =>
  [...lane.lane.pools.all()].find(({ spec }) => spec.app === app)!.facts(performance.now());

describe("several edges", () => {
  test("all serve, from one instance, and what they count adds up", async () => {
    await using lane = await startTestLaneWithEdges({ shop: behaves }, 2, { keepsRequests: true });

    const counts = await many(60, () => bodyOf(lane, "shop", "/count"));

    expect(counts.map(Number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 60 }, (_, index) => index + 1),
    );
    await until(() => lane.lane.edge.counters.requests === 60);
    const each = lane.lane.edges();
    expect(each).toHaveLength(2);
    for (const { requests } of each) expect(requests).toBeGreaterThan(0);
    await until(() => factsOf(lane, "shop").requests === 60);
    const { hits, misses, starts } = factsOf(lane, "shop");
    expect([hits + misses, starts]).toEqual([60, 1]);
    const pool = [...lane.lane.pools.all()][0]!;
    // An answer is counted when it has ended, which a report may come before.
    await until(() => pool.traffic.answers.of("2xx") === 60);
    expect(pool.traffic.latency.count).toBe(60);
    await until(() => lane.requests.length === 60);
    expect(lane.requests[0]).toMatchObject({ app: "shop", version: 1 });
    expect(new Set(lane.requests.map(({ instance }) => instance))).toEqual(
      new Set([pool.facts(0).processes[0]!.id]),
    );
  });

  test("pass bodies both ways, and WebSockets", async () => {
    await using lane = await startTestLaneWithEdges({ shop: behaves }, 2);
    const body = new Uint8Array(3_000_000).fill(7);

    const sent = await many(4, async () =>
      (await lane.fetch("shop", "/digest", { method: "POST", body })).text(),
    );
    const received = await many(
      4,
      async () => (await (await ask(lane, "shop", "/bytes?count=3000000")).bytes()).length,
    );
    const socket = new WebSocket(`ws://127.0.0.1:${lane.port}/socket`, {
      headers: { host: `shop.localhost:${lane.port}` },
    } as never);
    const echoed = Promise.withResolvers<unknown>();
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => echoed.resolve(data);

    expect(sent).toEqual(Array(4).fill("3000000"));
    expect(received).toEqual(Array(4).fill(3_000_000));
    expect(await echoed.promise).toBe("hello");
    socket.close();
  });

  test("log the platform's verdicts", async () => {
    await using lane = await startTestLaneWithEdges(
      { bad: { folder, entry: "exits-at-boot.ts" } },
      2,
    );

    const answers = await many(8, () => ask(lane, "bad"));

    for (const { status } of answers) expect(status).toBe(503);
    expect(await answers[0]!.text()).toContain("APP_START_FAILED");
    await until(() => lane.records.filter(({ event }) => event === "verdict").length === 8);
  });

  test("do not listen where somebody else does", async () => {
    await using taken = await startTestLaneWithEdges({}, 2);
    const { startLaneWithEdges } = await import("../../src/lane.ts");

    const started = startLaneWithEdges({
      dataDir: join(taken.dataDir, "another"),
      hostname: "127.0.0.1",
      port: taken.port,
      domain: "localhost",
      trustedProxies: [],
      sparesMax: 0,
      bundlesDir: join(taken.dataDir, "bundles"),
      instancesMax: 1,
      routeTable: { revision: 0, apps: {} },
      artifactPath: (digest) => digest,
      log: { write: () => {} },
      requests: { write: () => {} },
      clock: { nowMs: () => performance.now(), wallMs: () => Date.now() },
      edges: 2,
      hookSources: [],
    });

    await expect(started).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});

describe("a new route table", () => {
  test("is in effect at every edge when it was published", async () => {
    await using lane = await startTestLaneWithEdges({ shop: behaves }, 3);
    await many(12, () => bodyOf(lane, "shop"));
    for (let revision = 2; revision <= 6; revision++) {
      const spec = {
        ...specOf("shop", { ...behaves, env: { V: String(revision) } }),
        number: revision,
      };

      await lane.lane.publish({ ...tableOf([spec]), revision });
      const seen = await many(12, async () => JSON.parse(await bodyOf(lane, "shop", "/env"))["V"]);

      expect(seen).toEqual(Array(12).fill(String(revision)));
    }
  });

  test("is not said to be in effect before the slowest edge has it", async () => {
    await using lane = await startTestLaneWithEdges({ shop: behaves }, 2);
    await bodyOf(lane, "shop");
    const slow = lane.lane.edges()[0]!;
    process.kill(slow.pid, "SIGSTOP");
    let isPublished = false;

    const published = lane.lane.publish({ revision: 2, apps: {} }).then(() => {
      isPublished = true;
    });
    // The other edge has it; what comes to the stopped one waits.
    await until(async () => {
      const signal = AbortSignal.timeout(200);
      const headers = { connection: "close" };
      const { status } = await lane
        .fetch("shop", "/", { headers, signal })
        .catch(() => ({ status: 0 }));
      return status === 404;
    });
    expect(isPublished).toBe(false);
    process.kill(slow.pid, "SIGCONT");
    await published;

    const statuses = await many(12, async () => (await ask(lane, "shop")).status);
    expect(statuses).toEqual(Array(12).fill(404));
    expect(lane.lane.edges().map(({ pid }) => pid)).toContain(slow.pid);
  });

  test("lets what is open finish", async () => {
    await using lane = await startTestLaneWithEdges({ shop: behaves }, 2);
    await bodyOf(lane, "shop");
    const pid = factsOf(lane, "shop").pid!;
    const open = many(6, () => bodyOf(lane, "shop", "/until-signal"));
    await until(() => factsOf(lane, "shop").requestsInFlight === 6);

    await lane.lane.publish({ revision: 2, apps: {} });
    process.kill(pid, "SIGUSR2");

    expect(await open).toEqual(Array(6).fill("after"));
    expect((await ask(lane, "shop")).status).toBe(404);
  });
});

describe("an idle app", () => {
  test("is frozen, and woken by first requests at all edges at once, without a reset", async () => {
    await using lane = await startTestLaneWithEdges({ shop: { ...behaves, idleFreezeMs: 30 } }, 3);
    await bodyOf(lane, "shop");
    for (let round = 0; round < 5; round++) {
      await until(() => factsOf(lane, "shop").state === "frozen");

      expect(await many(24, () => bodyOf(lane, "shop"))).toEqual(Array(24).fill("hello"));
    }
    expect(factsOf(lane, "shop")).toMatchObject({ starts: 1, failures: 0 });
  });

  test("is started once for all who ask first", async () => {
    await using lane = await startTestLaneWithEdges({ shop: behaves }, 3);

    expect(await many(60, () => bodyOf(lane, "shop"))).toEqual(Array(60).fill("hello"));

    expect(factsOf(lane, "shop").starts).toBe(1);
  });
});

describe("the end", () => {
  test("of an instance fails its requests at every edge with the cause, and no others", async () => {
    await using lane = await startTestLaneWithEdges({ shop: behaves, blog: behaves }, 2);
    await Promise.all([bodyOf(lane, "shop"), bodyOf(lane, "blog")]);
    const lost = many(8, () => ask(lane, "shop", "/never"));
    const kept = many(8, () => bodyOf(lane, "blog", "/after?ms=500"));
    await until(() => factsOf(lane, "shop").requestsInFlight === 8);

    process.kill(factsOf(lane, "shop").pid!, "SIGKILL");

    for (const answer of await lost) {
      expect(answer.status).toBe(502);
      expect(await answer.text()).toContain("signal SIGKILL");
    }
    expect(await kept).toEqual(Array(8).fill("after"));
    expect(await bodyOf(lane, "shop")).toBe("hello");
  });

  test("of an edge costs its own connections, and another one takes its place", async () => {
    const notes: string[] = [];
    await using lane = await startTestLaneWithEdges({ shop: behaves }, 2, { notes });
    await bodyOf(lane, "shop");
    const [first] = lane.lane.edges();
    const open = Array.from({ length: 16 }, () =>
      bodyOf(lane, "shop", "/until-signal").catch(() => "lost"),
    );
    await until(() => factsOf(lane, "shop").requestsInFlight === 16);

    process.kill(first!.pid, "SIGKILL");
    await until(() => notes.length > 0);
    process.kill(factsOf(lane, "shop").pid!, "SIGUSR2");
    const outcomes = await Promise.all(open);

    expect([...new Set(outcomes)].sort()).toEqual(["after", "lost"]);
    await until(() => lane.lane.edges().length === 2);
    expect(lane.lane.edges().map(({ pid }) => pid)).not.toContain(first!.pid);
    expect(notes.join()).toContain("An edge ended (signal SIGKILL)");
    await until(() => factsOf(lane, "shop").requestsInFlight === 0);
    expect(await bodyOf(lane, "shop", "/aborted")).toBe("[]");
    expect(await many(20, () => bodyOf(lane, "shop"))).toEqual(Array(20).fill("hello"));
    expect(factsOf(lane, "shop")).toMatchObject({ starts: 1, failures: 0 });
  });

  test("of the node lets answers under way finish, and leaves no process", async () => {
    await using lane = await startTestLaneWithEdges({ shop: behaves }, 2);
    await bodyOf(lane, "shop");
    const pids = [factsOf(lane, "shop").pid!, ...lane.lane.edges().map(({ pid }) => pid)];
    const open = many(8, () => bodyOf(lane, "shop", "/until-signal"));
    await until(() => factsOf(lane, "shop").requestsInFlight === 8);

    const stopped = lane.stop();
    process.kill(pids[0]!, "SIGUSR2");
    await stopped;

    expect(await open).toEqual(Array(8).fill("after"));
    for (const pid of pids) expect(await Bun.file(`/proc/${pid}/stat`).exists()).toBe(false);
    await expect(ask(lane, "shop")).rejects.toThrow();
  });
});

test("a node that is killed takes its edges and their apps with it", async () => {
  const fixture = join(import.meta.dir, "killed-node-with-edges.ts");
  const node = Bun.spawn([process.execPath, fixture], { stdout: "pipe" });
  const { value } = await node.stdout.getReader().read();
  const pids = new TextDecoder().decode(value).trim().split(" ").map(Number);
  expect(pids).toHaveLength(3);

  node.kill("SIGKILL");

  await Promise.all(pids.map(gone));
});

describe("several instances", () => {
  test("follow one another after `requestsMax` requests, whatever edge they came by", async () => {
    const limits = { requestsMax: 20 };
    await using lane = await startTestLaneWithEdges({ shop: { ...behaves, limits } }, 2);
    const pids = new Set<string>();

    for (let round = 0; round < 200 && pids.size < 3; round++) {
      for (const pid of await many(8, () => bodyOf(lane, "shop", "/pid"))) pids.add(pid);
    }

    expect(pids.size).toBe(3);
    expect(factsOf(lane, "shop")).toMatchObject({ failures: 0, refusals: {} });
    expect(factsOf(lane, "shop").recycles).toBeGreaterThanOrEqual(2);
  });

  test("take the requests of all edges in equal parts", async () => {
    const instances = { min: 2, max: 2 };
    await using lane = await startTestLaneWithEdges({ shop: { ...behaves, instances } }, 2);
    await bodyOf(lane, "shop");
    await until(async () => new Set(await many(8, () => bodyOf(lane, "shop", "/pid"))).size === 2);

    const pids = await many(40, () => bodyOf(lane, "shop", "/pid"));

    for (const pid of new Set(pids)) {
      expect(pids.filter((one) => one === pid).length).toBeGreaterThan(10);
    }
  });
});
