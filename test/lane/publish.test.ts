/** Goal: taking another version live loses no request. Method: real processes under load, table after table. */
import { describe, expect, test } from "bun:test";
import { until } from "../../src/base/until-for-tests.ts";
import { drainTimeoutMsMin } from "../../src/pool/limits.ts";
import type { RouteTable } from "../../src/router/route-table.ts";
import { get, type RawLane, startRawLane, told } from "./raw-lane.ts";

/** The app `a` with versions 1 to `versions`, the latest or `live` live. */
function tableOf(lane: RawLane, versions: number, live = versions): RouteTable {
  const numbers = Array.from({ length: versions }, (_, index) => index + 1);
  const specOf = (number: number) => ({
    ...lane.spec("a"),
    number,
    env: { VERSION: `v${number}` },
  });
  return {
    revision: versions,
    apps: {
      a: {
        branches: { main: { label: "main", live } },
        versions: Object.fromEntries(numbers.map((number) => [number, specOf(number)])),
      },
    },
  };
}

const start = () => startRawLane({ a: { ...told, env: { VERSION: "v1" } } }, { sparesMax: 2 });

const versionOf = async (lane: RawLane, app = "a") => (await lane.fetch(app, "/version")).text();

describe("a new version", () => {
  test("takes over under load without losing a request", async () => {
    await using lane = start();
    const answers: string[] = [];
    let isOver = false;
    const clients = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        const response = await lane.fetch("a", "/version?count=2");
        answers.push(response.ok ? await response.text() : `status ${response.status}`);
      }
    });

    for (let versions = 1; versions <= 10; versions++) {
      lane.lane.router.publish(tableOf(lane, versions));
      await until(() => answers.at(-1) === `v${versions}`);
    }
    isOver = true;
    await Promise.all(clients);

    expect(answers.filter((answer) => !/^v[0-9]+$/.test(answer))).toEqual([]);
    expect(new Set(answers).size).toBe(10);
  });

  test("gets the next request of a connection that stays", async () => {
    await using lane = start();
    lane.lane.router.publish(tableOf(lane, 1));
    const client = await lane.open(2);
    await client.take(get("/version"));
    await client.take({ until: "answer" });

    lane.lane.router.publish(tableOf(lane, 2));
    await client.take(get("/version"));
    await client.take({ until: "answer", answer: 1 });

    expect(client.answers.map(({ body }) => body.toString())).toEqual(["v1", "v2"]);
  });

  test("leaves the old one its streams for a time, and its own URL for ever", async () => {
    await using lane = start();
    lane.lane.router.publish(tableOf(lane, 1));
    const stream = await lane.open(1);
    await stream.take(get("/drips"));
    await stream.take({ until: "body", bytes: 1 });

    lane.lane.router.publish(tableOf(lane, 2));
    lane.clock.push(drainTimeoutMsMin / 2);
    const { bodyBytes } = stream.reader;
    await until(() => stream.reader.bodyBytes > bodyBytes);
    lane.clock.push(drainTimeoutMsMin);
    await stream.take({ until: "closed" });

    expect(stream.answers[0]!.complete).toBe(false);
    expect(await versionOf(lane)).toBe("v2");
    expect(await versionOf(lane, "v1--a")).toBe("v1");
  });

  test("can be rolled back", async () => {
    await using lane = start();
    lane.lane.router.publish(tableOf(lane, 2));
    expect(await versionOf(lane)).toBe("v2");

    lane.lane.router.publish(tableOf(lane, 2, 1));

    expect(await versionOf(lane)).toBe("v1");
  });
});

test("a version that is removed answers what it has, and is gone", async () => {
  await using lane = start();
  lane.lane.router.publish(tableOf(lane, 2));
  const pending = lane.fetch("a", "/after?count=200");
  const pool = lane.lane.pools.of(tableOf(lane, 2).apps["a"]!.versions[2]!);
  await until(() => pool.facts(0).requestsInFlight === 1);

  lane.lane.router.publish(tableOf(lane, 1));

  expect(await (await pending).text()).toBe("after");
  await until(() => !pool.hasProcess);
  expect(await versionOf(lane)).toBe("v1");
  expect((await lane.fetch("v2--a", "/")).status).toBe(404);
});
