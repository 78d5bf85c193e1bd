/**
 * Goal: who had to wait for a process sees it, hooks run before the first request, and nobody else notices anything.
 * Method: real processes and sockets, with the node as the edge and with edges in processes of their own.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { until } from "../../src/base/until-for-tests.ts";
import { bundledFixture } from "../../src/pool/bundled-fixture-for-tests.ts";
import {
  startTestLane,
  startTestLaneWithEdges,
  type TestApp,
  type TestLane,
} from "../lane-for-tests.ts";

const folder = join(import.meta.dir, "../../src/pool/fixtures");
const plain: TestApp = { folder, entry: "behaves.ts" };
const sleeps: TestApp = { ...(await bundledFixture("sleeps")), env: { HOW: "waits" } };

const apps = { plain, sleeps, ephemeral: { ...plain, ephemeral: true } };
const options = { keepsRequests: true };

const wakeOf = async (lane: TestLane, app: string, path = "/") => {
  const response = await lane.fetch(app, path, { headers: { connection: "close" } });
  await response.text();
  return response.headers.get("levain-wake");
};

/** Resolves when the app sleeps. */
const asleep = (lane: TestLane, app: string) =>
  until(() => [...lane.lane.pools.all()].find(({ spec }) => spec.app === app)!.freeze());

for (const edges of [1, 2]) {
  describe(`with ${edges === 1 ? "the node as the edge" : `${edges} edges`}`, () => {
    const start = (): Promise<TestLane> =>
      edges === 1
        ? Promise.resolve(startTestLane(apps, options))
        : startTestLaneWithEdges(apps, edges, options);

    test("the request that started or woke a process says so, in its answer and in the log", async () => {
      await using lane = await start();
      for (const app of ["plain", "ephemeral"]) {
        expect(await wakeOf(lane, app)).toMatch(/^started;[0-9.]+ms$/);
        expect(await wakeOf(lane, app)).toBeNull();
        await asleep(lane, app);
        const woken = await wakeOf(lane, app);
        expect(woken).toMatch(/^frozen;[0-9.]+ms$/);
        expect(await wakeOf(lane, app)).toBeNull();

        const logged = () => lane.requests.filter((record) => record.app === app);
        await until(() => {
          lane.lane.requestLog?.flush();
          return logged().length === 4;
        });
        // Several edges report when they do.
        const wakes = logged().flatMap(({ fields }) => fields!["wake"] ?? []);
        expect(wakes.toSorted()).toEqual(["frozen", "started"]);
        const { fields } = logged().find((record) => record.fields!["wake"] === "frozen")!;
        expect(woken).toBe(`frozen;${fields!["wakeMs"]}ms`);
      }
    });

    test("no other request says so, however many come at once", async () => {
      await using lane = await start();
      for (const from of ["started", "frozen", "frozen"]) {
        const wakes = await Promise.all(Array.from({ length: 20 }, () => wakeOf(lane, "plain")));

        const said = wakes.filter((wake) => wake !== null);
        // An edge that asks for an instance after another one did finds it awake, or about to start too.
        expect(said.length).toBeGreaterThanOrEqual(1);
        expect(said.length).toBeLessThanOrEqual(edges);
        for (const wake of said) expect(wake).toStartWith(`${from};`);
        await asleep(lane, "plain");
      }
    });

    test("the first request after a sleep finds an app whose onResume has run", async () => {
      await using lane = await start();
      const events = async () => (await lane.fetch("sleeps", "/")).json();
      expect(await events()).toEqual(["request"]);

      for (let round = 0; round < 3; round++) {
        await asleep(lane, "sleeps");
        expect(await events()).toEqual(["standby", "resume", "request"]);
      }
    });

    test("a request that comes while hooks run before a freeze waits for them", async () => {
      await using lane = await start();
      await wakeOf(lane, "sleeps", "/slow");
      const pool = [...lane.lane.pools.all()].find(({ spec }) => spec.app === "sleeps")!;
      // Until nothing is open or lent, nothing is asked to settle.
      await until(() => pool.facts(performance.now()).idleMs !== null);
      pool.freeze();

      const answer = (await lane.fetch("sleeps", "/")).json();

      // From an edge of its own it may come when they have just run.
      const resumed = expect.stringMatching(/^resume/);
      expect(await answer).toEqual(["standby", resumed, "request"]);
    });
  });
}
