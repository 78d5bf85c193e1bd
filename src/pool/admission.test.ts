/** Goal: a version runs and queues as many requests as it may, and no other version waits for it. Method: real processes. */
import { describe, expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import {
  ask,
  bodyOf,
  codeOf,
  draining,
  type Outcome,
  submit,
  TestPools,
} from "./pool-for-tests.ts";

const kindOf = async (outcome: Promise<Outcome>) => {
  const result = await outcome;
  return result.kind === "lost" ? result.code : result.kind;
};

describe.each([
  ["behaves", false, "/after"],
  ["counts-anew", true, "/"],
] as const)("a version (%s)", (fixture, ephemeral, path) => {
  test("runs concurrencyMax requests, queues queueMax, and turns the others away", async () => {
    await using t = new TestPools();
    const pool = t.pool(fixture, { ephemeral, limits: { concurrencyMax: 3, queueMax: 2 } });
    await bodyOf(pool);

    const asked = Array.from({ length: 8 }, () => submit(pool, `${path}?ms=50`));

    expect(pool.facts(0).requestsInFlight).toBe(3);
    const kinds = await Promise.all(asked.map(({ outcome }) => kindOf(outcome)));
    expect(kinds).toEqual([...Array(5).fill("answered"), ...Array(3).fill("APP_BUSY")]);
  });

  test("takes waiting requests in their order, as soon as there is room", async () => {
    await using t = new TestPools();
    const pool = t.pool(fixture, { ephemeral, limits: { concurrencyMax: 1, queueMax: 10 } });
    await bodyOf(pool);
    const order: number[] = [];

    await Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        await ask(pool, `${path}?ms=1`);
        order.push(index);
      }),
    );

    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("makes room when a client gives up, running or queued", async () => {
    await using t = new TestPools();
    const pool = t.pool(fixture, { ephemeral, limits: { concurrencyMax: 1, queueMax: 1 } });
    await bodyOf(pool);
    const running = submit(pool, `${path}?ms=10000`);
    const queued = submit(pool, `${path}?ms=10000`);
    expect(await codeOf(ask(pool))).toBe("APP_BUSY");

    pool.cancel(queued);
    const next = submit(pool);
    pool.cancel(running);

    expect(await kindOf(next.outcome)).toBe("answered");
  });
});

describe("an ephemeral version", () => {
  test("has fresh state for every request, in one process", async () => {
    await using t = new TestPools();
    const pool = t.pool("counts-anew", { ephemeral: true });

    const bodies = await Promise.all(Array.from({ length: 50 }, () => bodyOf(pool)));

    expect(new Set(bodies)).toEqual(new Set(["1"]));
    expect(pool.facts(0).starts).toBe(1);
  });

  test("under load leaves another version its own process and queue", async () => {
    await using t = new TestPools();
    const limits = { concurrencyMax: 2, queueMax: 1000 };
    const busy = t.pool("counts-anew", { ephemeral: true, limits });
    const other = t.pool("counts-anew", { ephemeral: true, limits });
    await Promise.all([bodyOf(busy), bodyOf(other)]);
    const waiting = Array.from({ length: 500 }, () => submit(busy, "/?ms=10000"));

    expect(await bodyOf(other)).toBe("1");

    expect(waiting.some(({ hasEnded }) => hasEnded)).toBe(false);
    for (const asked of waiting) busy.cancel(asked);
  });
});

test("sockets are no requests that run: they leave room for others", async () => {
  await using t = new TestPools();
  const pool = t.pool("behaves", { limits: { concurrencyMax: 1, queueMax: 1 } });
  const sockets = [];

  for (let count = 0; count < 5; count++) {
    const socket = submit(pool, "/socket", { upgrade: true });
    sockets.push(socket);
    await until(() => socket.isTunnel);
  }

  expect(await bodyOf(pool)).toBe("hello");
  expect(pool.facts(0).requestsInFlight).toBe(5);
  for (const socket of sockets) socket.cancel();
  await until(() => pool.facts(0).requestsInFlight === 0);
});

test("a request that waits behind a handshake is sent when that has become a socket", async () => {
  await using t = new TestPools();
  const pool = t.pool("behaves", { limits: { concurrencyMax: 1, queueMax: 1 } });
  await bodyOf(pool);

  const socket = submit(pool, "/socket", { upgrade: true });

  expect(await bodyOf(pool)).toBe("hello");
  expect(socket.isTunnel).toBe(true);
});

test("requests that wait fail when their pool is stopped", async () => {
  await using t = new TestPools();
  const pool = t.pool("behaves", { limits: { concurrencyMax: 1, queueMax: 10 } });
  await bodyOf(pool);
  const asked = Array.from({ length: 4 }, () => submit(pool, "/never"));

  await pool.stop(0, draining);

  const codes = await Promise.all(asked.map(({ outcome }) => codeOf(outcome)));
  expect(codes).toEqual(Array(4).fill("NODE_DRAINING"));
});
