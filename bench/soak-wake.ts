/**
 * Freezes and wakes apps thousands of times, each wake under several first requests at once, and counts what a user
 * must never see: resets, answers from 500 up, memory of an app that is gone; and what a node must not keep.
 *
 *   bun bench/soak-wake.ts [--cycles 5000] [--apps 20] [--requests 8] [--json]
 */
import { parseArgs } from "node:util";
import { startTestLane } from "../test/lane-for-tests.ts";
import { type Holdings, holdingsOf, mebibytes } from "./process-tree.ts";

export interface WakeSoak {
  cycles: number;
  requests: number;
  /** Connections that broke. */
  resets: number;
  /** Answers with a status other than 200. */
  failures: number;
  /** Wakes after which the app had forgotten its count. */
  forgotten: number;
  wakeMs: { p50: number; p99: number; max: number };
  before: Holdings;
  after: Holdings;
}

/** How long the last connections may take to close. Milliseconds. */
const settleTimeoutMs = 10_000;

export async function soakWake(options: {
  cycles: number;
  apps: number;
  requests: number;
}): Promise<WakeSoak> {
  const names = Array.from({ length: options.apps }, (_, index) => `app${index}`);
  await using target = startTestLane(
    Object.fromEntries(
      names.map((name) => [name, { folder: `${import.meta.dir}/apps`, entry: "counter.ts" }]),
    ),
    { sparesMax: 0 },
  );
  const result = { resets: 0, failures: 0, forgotten: 0, requests: 0 };
  const latencies: number[] = [];
  const counts = new Map<string, number>();

  /** One request; returns the app's count, or null when there was none. */
  const ask = async (name: string): Promise<number | null> => {
    result.requests += 1;
    try {
      const response = await target.fetch(name, "/", { keepalive: false });
      const text = await response.text();
      if (response.status === 200) return Number(text);
      result.failures += 1;
    } catch {
      result.resets += 1;
    }
    return null;
  };
  const cycle = async (name: string): Promise<void> => {
    const pool = target.lane.pools.of(target.spec(name));
    // The last answer may still be on its way out.
    while (!pool.freeze()) await Bun.sleep(1);
    const startedAtMs = performance.now();
    const first = ask(name).then((count) => {
      latencies.push(performance.now() - startedAtMs);
      return count;
    });
    const answers = await Promise.all([
      first,
      ...Array.from({ length: options.requests - 1 }, () => ask(name)),
    ]);
    const seen = Math.max(...answers.map((count) => count ?? 0));
    const expected = (counts.get(name) ?? 0) + answers.filter((count) => count !== null).length;
    if (seen !== expected) result.forgotten += 1;
    counts.set(name, seen);
  };

  const cycles = async (count: number): Promise<void> => {
    let left = count;
    await Promise.all(
      names.map(async (name) => {
        while (left > 0) {
          left -= 1;
          await cycle(name);
        }
      }),
    );
  };
  /** What is held once every connection has closed; the clients are in this process too. */
  const settledHoldings = async (): Promise<Holdings> => {
    const endMs = performance.now() + settleTimeoutMs;
    while (target.lane.edge.counters.connections > 0 && performance.now() < endMs)
      await Bun.sleep(20);
    Bun.gc(true);
    await Bun.sleep(100);
    return holdingsOf(process.pid);
  };

  for (const name of names) counts.set(name, (await ask(name)) ?? 0);
  // Code is compiled and buffers have grown before anything is compared.
  await cycles(Math.ceil(options.cycles / 5));
  const before = await settledHoldings();
  latencies.length = 0;
  await cycles(options.cycles);
  const after = await settledHoldings();
  latencies.sort((a, b) => a - b);
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!;
  return {
    cycles: options.cycles,
    ...result,
    wakeMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    before,
    after,
  };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      cycles: { type: "string", default: "5000" },
      apps: { type: "string", default: "20" },
      requests: { type: "string", default: "8" },
      json: { type: "boolean", default: false },
    },
  });
  const soak = await soakWake({
    cycles: Number(values.cycles),
    apps: Number(values.apps),
    requests: Number(values.requests),
  });
  if (values.json) {
    console.log(JSON.stringify(soak));
  } else {
    const { wakeMs, before, after } = soak;
    console.log(
      `${soak.cycles} freezes and wakes, ${soak.requests} requests: ${soak.resets} resets, ${soak.failures} failures, ` +
        `${soak.forgotten} forgotten\nfirst answer p50 ${wakeMs.p50.toFixed(2)} ms, p99 ${wakeMs.p99.toFixed(2)} ms, ` +
        `max ${wakeMs.max.toFixed(2)} ms\nfds ${before.fds} → ${after.fds}, processes ${before.descendants} → ` +
        `${after.descendants}, resident ${mebibytes(before.residentBytes)} → ${mebibytes(after.residentBytes)}`,
    );
  }
  process.exit(soak.resets + soak.failures + soak.forgotten > 0 ? 1 : 0);
}
