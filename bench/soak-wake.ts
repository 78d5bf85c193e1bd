/**
 * Puts apps to sleep and wakes them thousands of times, each wake under several first requests at once, and counts what a
 * user must never see: resets, answers from 500 up, memory of an app that is gone; and what a node must not keep.
 *
 *   bun bench/soak-wake.ts [--cycles 5000] [--apps 20] [--requests 8] [--paging [--swap zram]] [--seed 1] [--json]
 *
 * `--paging`: after each freeze the memory is handed to swap; half of the wakes come when that is done, the others at random
 * moments while it is under way. `--swap zram` or `file` sets swap up for that and takes it down, see `density.ts`.
 */
import { parseArgs } from "node:util";
import { startTestLane } from "../test/lane-for-tests.ts";
import { type Holdings, holdingsOf, mebibytes } from "./process-tree.ts";
import { percentile } from "./ratios.ts";
import { seededRandom } from "./seeded-random.ts";
import { type SwapKind, setUpSwap, swapMissing } from "./swap.ts";

export interface WakeSoakOptions {
  cycles: number;
  apps: number;
  /** First requests of each wake. Count. */
  requests: number;
  /** Hands memory to swap in between. */
  isPaging: boolean;
  seed: number;
}

export interface WakeSoak {
  cycles: number;
  /** Of them, those woken when all of the app's memory had been handed to swap. Count. */
  paged: number;
  /** What that gave back all together. Bytes. */
  pagedBytes: number;
  requests: number;
  /** Connections that broke. */
  resets: number;
  /** Answers with a status other than 200. */
  failures: number;
  /** Wakes after which the app had forgotten its count. */
  forgotten: number;
  wakeMs: { p50: number; p99: number; max: number };
  /** With paging: of those woken from swap. */
  pagedWakeMs: { p50: number; p99: number; max: number };
  before: Holdings;
  after: Holdings;
}

/** How long the last connections may take to close. Milliseconds. */
const settleTimeoutMs = 10_000;
/** Paging out an app of this size is over by then. Milliseconds. */
const pagingMsMax = 30;
/** Room for 100 such apps. Bytes. */
const swapBytes = 2 * 1024 ** 3;

export async function soakWake(options: WakeSoakOptions): Promise<WakeSoak> {
  const random = seededRandom(options.seed);
  const names = Array.from({ length: options.apps }, (_, index) => `app${index}`);
  await using target = startTestLane(
    Object.fromEntries(
      names.map((name) => [name, { folder: `${import.meta.dir}/apps`, entry: "counter.ts" }]),
    ),
    { sparesMax: 0 },
  );
  const result = { resets: 0, failures: 0, forgotten: 0, requests: 0, paged: 0, pagedBytes: 0 };
  const latencies: number[] = [];
  const pagedLatencies: number[] = [];
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
    if (options.isPaging) {
      const paging = pool.page();
      if (random() < 0.5) result.pagedBytes += await paging;
      else await Bun.sleep(random() * pagingMsMax);
    }
    const isPaged = pool.state === "paged";
    if (isPaged) result.paged += 1;
    const startedAtMs = performance.now();
    const first = ask(name).then((count) => {
      (isPaged ? pagedLatencies : latencies).push(performance.now() - startedAtMs);
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
    // Kept by this lane only: a node writes them to disk.
    target.records.length = 0;
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
  pagedLatencies.length = 0;
  result.paged = 0;
  result.pagedBytes = 0;
  await cycles(options.cycles);
  const after = await settledHoldings();
  const spreadOf = (tookMs: readonly number[]) => ({
    p50: percentile(tookMs, 0.5),
    p99: percentile(tookMs, 0.99),
    max: percentile(tookMs, 1),
  });
  return {
    cycles: options.cycles,
    ...result,
    wakeMs: spreadOf(latencies),
    pagedWakeMs: spreadOf(pagedLatencies),
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
      paging: { type: "boolean", default: false },
      swap: { type: "string", default: "none" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
    },
  });
  const kind = values.swap as SwapKind;
  const missing = swapMissing(kind);
  if (missing !== null) throw new Error(`missing: ${missing}`);
  const swap = await setUpSwap(kind, swapBytes);
  const soak = await soakWake({
    cycles: Number(values.cycles),
    apps: Number(values.apps),
    requests: Number(values.requests),
    isPaging: values.paging,
    seed: Number(values.seed),
  }).finally(() => swap[Symbol.asyncDispose]());
  if (values.json) {
    console.log(JSON.stringify(soak));
  } else {
    const { wakeMs, pagedWakeMs, before, after } = soak;
    const first = ({ p50, p99, max }: WakeSoak["wakeMs"]) =>
      `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, max ${max.toFixed(2)} ms`;
    console.log(
      `${soak.cycles} freezes and wakes, ${soak.requests} requests: ${soak.resets} resets, ${soak.failures} failures, ` +
        `${soak.forgotten} forgotten\nfirst answer ${first(wakeMs)}\nfds ${before.fds} → ${after.fds}, processes ` +
        `${before.descendants} → ${after.descendants}, resident ${mebibytes(before.residentBytes)} → ` +
        mebibytes(after.residentBytes),
    );
    if (values.paging) {
      console.log(
        `${soak.paged} woken from swap, ${mebibytes(soak.pagedBytes)} handed there; their first answer ${first(pagedWakeMs)}`,
      );
    }
  }
  process.exit(soak.resets + soak.failures + soak.forgotten > 0 ? 1 : 0);
}
