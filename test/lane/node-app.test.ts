/**
 * Goal: an app that listens with node:http is held, woken, drained and ended as any other.
 * Method: real processes and sockets, with the node as the edge and with edges in processes of their own.
 */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { until } from "../../src/base/until-for-tests.ts";
import {
  startTestLane,
  startTestLaneWithEdges,
  type TestApp,
  type TestLane,
} from "../lane-for-tests.ts";

const node: TestApp = { folder: join(import.meta.dir, "apps"), entry: "node.ts" };
const start = (change: Partial<TestApp> = {}) => startTestLane({ node: { ...node, ...change } });
const text = async (lane: TestLane, path: string) => (await lane.fetch("node", path)).text();
const codeOf = async (lane: TestLane, path: string) => {
  const response = await lane.fetch("node", path);
  await response.text();
  return [response.status, response.headers.get("levain-error")];
};
const poolOf = ({ lane }: TestLane) =>
  [...lane.pools.all()].find(({ spec }) => spec.app === "node")!;

describe("an app that listens with node:http", () => {
  test("is frozen when it is idle, and keeps its memory and its connections", async () => {
    await using lane = start();
    expect(await text(lane, "/")).toBe("hello 1");

    for (let round = 2; round < 6; round++) {
      await until(() => poolOf(lane).freeze());
      const response = await lane.fetch("node", "/");

      expect(await response.text()).toBe(`hello ${round}`);
      expect(response.headers.get("levain-wake")).toStartWith("frozen;");
    }
  });

  test.each([
    ["exits", "/exit"],
    ["is killed", "/kill"],
    ["throws what nobody catches", "/throw"],
  ])("and %s is missed by its request alone", async (_how, path) => {
    await using lane = start();
    expect(await text(lane, "/")).toBe("hello 1");

    expect(await codeOf(lane, path)).toEqual([502, "APP_EXITED"]);

    expect(await text(lane, "/")).toBe("hello 1");
  });

  test("and ends within an answer breaks that answer", async () => {
    await using lane = start();

    const broken = text(lane, "/half").then(
      () => "whole",
      () => "broken",
    );

    expect(await broken).toBe("broken");
    expect(await text(lane, "/")).toBe("hello 1");
  });

  test("and does not answer is given up in time, and hears so", async () => {
    await using lane = start({ limits: { requestTimeoutMs: 200 } });

    expect(await codeOf(lane, "/never")).toEqual([504, "APP_RESPONSE_TIMEOUT"]);

    await until(async () => (await text(lane, "/notes")).includes("never closed"));
  });

  test("and loops for ever is ended", async () => {
    await using lane = start({ limits: { requestTimeoutMs: 200 } });

    expect(await codeOf(lane, "/loop")).toEqual([504, "APP_RESPONSE_TIMEOUT"]);

    await until(async () => (await lane.fetch("node", "/")).status === 200, 20_000);
  }, 30_000);

  test("ends what is under way when it is drained", async () => {
    await using lane = start();
    const response = await lane.fetch("node", "/drip");

    const stopped = lane.lane.stop(10_000);

    expect(await response.text()).toBe("drip drop");
    await stopped;
    expect(lane.records.some(({ fields }) => fields?.["signal"] === "SIGKILL")).toBe(false);
  });

  test("runs in several processes that believe to have the same port", async () => {
    await using lane = start({ instances: { min: 3, max: 3 } });
    await text(lane, "/");
    await until(() => lane.records.filter(({ event }) => event === "start").length === 3);

    const counts = await Promise.all(Array.from({ length: 30 }, () => text(lane, "/")));

    expect(new Set(counts).size).toBeLessThan(30);
  });
});

for (const edges of [1, 2]) {
  test(`many clients at once get their own answers, whatever they and the app hang up on (${edges} edges)`, async () => {
    const seed = testSeed();
    const below = randomOf(seed);
    const random = () => below(2 ** 20) / 2 ** 20;
    const apps = { node: { ...node, env: { KEEP_ALIVE_MS: "3" } } };
    await using lane =
      edges === 1 ? startTestLane(apps) : await startTestLaneWithEdges(apps, edges);
    const wrong: string[] = [];

    const actor = async () => {
      for (let turn = 0; turn < 25; turn++) {
        const bytes = Math.floor(random() ** 4 * 700_000);
        const kind = random();
        if (kind < 0.4) {
          const body = Buffer.alloc(bytes, String(turn));
          const isStreamed = random() < 0.5;
          const sent = isStreamed ? new Blob([body]).stream() : body;
          const response = await lane.fetch("node", "/digest", { method: "POST", body: sent });
          const expected = `${bytes} ${createHash("sha256").update(body).digest("hex")}`;
          if ((await response.text()) !== expected) wrong.push(`digest of ${bytes}`);
        } else if (kind < 0.8) {
          const answer = await text(lane, `/bytes?${bytes}`);
          if (answer.length !== bytes) wrong.push(`${answer.length} of ${bytes} bytes`);
        } else {
          const hangUp = new AbortController();
          const path = random() < 0.5 ? "/never" : `/bytes?${bytes + 500_000}`;
          const asked = lane.fetch("node", path, { signal: hangUp.signal });
          const left = asked.then((response) => response.body?.cancel()).catch(() => {});
          await Bun.sleep(random() * 5);
          hangUp.abort();
          await left;
        }
        // Around the time at which the app closes connections.
        if (random() < 0.3) await Bun.sleep(random() * 6);
      }
    };
    await Promise.all(Array.from({ length: 12 }, actor));

    expect(wrong, `LEVAIN_TEST_SEED=${seed}`).toEqual([]);
    expect(lane.records.filter(({ event }) => event === "exit")).toEqual([]);
  }, 60_000);
}
