/** Goal: nobody gets more than a bucket, and nobody pays for another. Method: a real lane, a clock that the test sets. */
import { describe, expect, test } from "bun:test";
import type { RateLimitOptions } from "../../hooks/rate-limit.ts";
import { until } from "../../src/base/until-for-tests.ts";
import { header, type RawLane } from "../lane/raw-lane.ts";
import { ask, codeOf, startShippedLane } from "./hook-lane.ts";

async function setup(options: RateLimitOptions, trustedProxies: string[] = []) {
  const clock = { timeMs: 0 };
  const nowMs = () => clock.timeMs;
  const lane = await startShippedLane([["rate-limit", options]], { nowMs, trustedProxies });
  return { lane, clock };
}

const statusOf = async (lane: RawLane, ...lines: string[]) =>
  (await ask(lane, ["GET / HTTP/1.1", ...lines].join("\r\n"), { app: "a" })).status;

/** How many of so many requests are let through. */
async function passed(lane: RawLane, count: number, ...lines: string[]): Promise<number> {
  let passes = 0;
  for (let asked = 0; asked < count; asked++) {
    if ((await statusOf(lane, ...lines)) === 200) passes += 1;
  }
  return passes;
}

describe("a client", () => {
  test("may ask so many times at once, and then at the rate at which tokens come back", async () => {
    const { lane, clock } = await setup({ requestsMax: 5, perMs: 10_000 });
    await using _lane = lane;

    expect(await passed(lane, 8)).toBe(5);
    clock.timeMs += 2000;
    expect(await passed(lane, 3)).toBe(1);
    clock.timeMs += 1_000_000;
    expect(await passed(lane, 8)).toBe(5);
  });

  test("is told when to come back, and may then", async () => {
    const { lane, clock } = await setup({ requestsMax: 2, perMs: 9000 });
    await using _lane = lane;
    await passed(lane, 2);

    const refused = await ask(lane, "GET / HTTP/1.1");

    expect([refused.status, codeOf(refused), header(refused, "retry-after")]).toEqual([
      429,
      "REQUEST_REJECTED",
      "5",
    ]);
    clock.timeMs += 5000;
    expect(await statusOf(lane)).toBe(200);
  });

  test("that asks on one connection is counted as one that opens many", async () => {
    const { lane } = await setup({ requestsMax: 3, perMs: 1000 });
    await using _lane = lane;
    const client = await lane.open(6, "a");

    await client.take("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".repeat(6));
    await client.until(() => client.answered === 6);

    expect(client.answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429, 429]);
  });

  test("cannot get another bucket by what it writes", async () => {
    const { lane } = await setup({ requestsMax: 3, perMs: 1000 });
    await using _lane = lane;
    let passes = 0;

    for (let count = 0; count < 10; count++) {
      const lines = ["X-Forwarded-For", "X-Real-IP", "Forwarded"].map(
        (name) => `${name}: 10.0.0.${count}`,
      );
      if ((await statusOf(lane, ...lines)) === 200) passes += 1;
    }

    expect(passes).toBe(3);
  });
});

describe("behind a trusted proxy", () => {
  test("each client has its own bucket, whatever it has written itself", async () => {
    const { lane } = await setup({ requestsMax: 2, perMs: 1000 }, ["127.0.0.1"]);
    await using _lane = lane;

    expect(await passed(lane, 4, "X-Forwarded-For: 1.1.1.1")).toBe(2);
    expect(await passed(lane, 4, "X-Forwarded-For: 2.2.2.2")).toBe(2);
    // The proxy has added the last one.
    expect(await passed(lane, 1, "X-Forwarded-For: 3.3.3.3, 1.1.1.1")).toBe(0);
    expect(await passed(lane, 1, "X-Forwarded-For: 3.3.3.3", "x-forwarded-for: 1.1.1.1")).toBe(0);
  });

  test("an IPv6 network is one client", async () => {
    const { lane } = await setup({ requestsMax: 2, perMs: 1000 }, ["127.0.0.1"]);
    await using _lane = lane;
    const from = (address: string) => statusOf(lane, `X-Forwarded-For: ${address}`);

    const statuses = [
      await from("2001:db8:1:2::1"),
      await from("2001:DB8:1:2:3:4:5:6"),
      await from("[2001:db8:1:2::9]:443"),
      await from("2001:db8:1:3::1"),
      await from("::1"),
    ];

    expect(statuses).toEqual([200, 200, 429, 200, 200]);
  });
});

describe("by header", () => {
  test("each value has a bucket; who sends none has that of the address", async () => {
    const { lane } = await setup({ requestsMax: 2, perMs: 1000, header: "X-Api-Key" });
    await using _lane = lane;

    expect(await passed(lane, 3, "X-API-KEY: a")).toBe(2);
    expect(await passed(lane, 3, "x-api-key: b")).toBe(2);
    expect(await passed(lane, 3)).toBe(2);
    // Not the bucket of that address.
    expect(await passed(lane, 3, "x-api-key: 127.0.0.1")).toBe(2);
    // Two lines are one value, and not that of one of them.
    expect(await passed(lane, 3, "x-api-key: c", "x-api-key: d")).toBe(2);
    expect(await passed(lane, 1, "x-api-key: c")).toBe(1);
  });

  test("huge values are told apart, and not kept", async () => {
    const { lane } = await setup({
      requestsMax: 1,
      perMs: 1000,
      header: "x-key",
      clientsMax: 1000,
    });
    await using _lane = lane;
    const long = "k".repeat(20_000);

    expect(await passed(lane, 2, `x-key: ${long}1`)).toBe(1);
    expect(await passed(lane, 2, `x-key: ${long}2`)).toBe(1);
  });
});

test("an app that is not named has no limit", async () => {
  const { lane } = await setup({ requestsMax: 1, perMs: 1000, apps: ["seen"] });
  await using _lane = lane;

  expect(await passed(lane, 3)).toBe(3);
  expect((await ask(lane, "GET / HTTP/1.1")).status).toBe(200);
  expect((await ask(lane, "GET / HTTP/1.1")).status).toBe(429);
});

test("clients without end are forgotten: who asks all the time keeps its bucket", async () => {
  const { lane } = await setup({
    requestsMax: 2,
    perMs: 1_000_000,
    header: "x-key",
    clientsMax: 20,
  });
  await using _lane = lane;
  expect(await passed(lane, 3, "x-key: steady")).toBe(2);

  for (let count = 0; count < 60; count++) {
    expect(await statusOf(lane, `x-key: ${count}`)).toBe(200);
    if (count % 5 === 0) expect(await statusOf(lane, "x-key: steady")).toBe(429);
  }

  // The others asked long ago, as clients go.
  expect(await passed(lane, 3, "x-key: 0")).toBe(2);
});

test("twenty thousand clients take no more memory than as many as are remembered", async () => {
  const { default: rateLimit } = await import("../../hooks/rate-limit.ts");
  const options = { requestsMax: 1, perMs: 1000, header: "x", clientsMax: 1000 };
  const { onRequest } = await rateLimit(options, { nowMs: () => 0, env: {} });
  const memory = () => {
    Bun.gc(true);
    return process.memoryUsage().heapUsed;
  };
  const flood = (clients: number) => {
    for (let count = 0; count < clients; count++) {
      const get = () => `${count} ${"x".repeat(10_000)}`;
      onRequest!({ headers: { get } } as never);
    }
  };
  flood(5000);
  const before = memory();

  flood(20_000);

  await until(() => memory() - before < 4 * 1024 * 1024);
});

test.each([
  [undefined, "requestsMax"],
  [{ requestsMax: 0, perMs: 1000 }, "requestsMax"],
  [{ requestsMax: 5 }, "perMs"],
  [{ requestsMax: "5", perMs: 1000 }, "requestsMax"],
  [{ requestsMax: 5, perMs: 1000, window: 1 }, "no option `window`"],
  [{ requestsMax: 5, perMs: 1000, ipv6Bits: 63 }, "ipv6Bits"],
  [
    { max: 5, window: 1, requestsMax: 0 },
    "there is no option `max`; there is no option `window`; `requestsMax` is 0, must be a number from 1 up; `perMs` is missing, must",
  ],
])("options %j are refused at the start", async (options, why) => {
  await expect(startShippedLane([["rate-limit", options]])).rejects.toThrow(why);
});
