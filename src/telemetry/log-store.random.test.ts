/**
 * Goal: whatever the order of writes, rotations, crashes and slow readers, no record is lost, duplicated or reordered
 * unless a `throttle` record counts it. Method: random runs over real files; the seed of a failed run is in its message
 * and can be given back with LEVAIN_TEST_SEED.
 */
import { expect, test } from "bun:test";
import { appendFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import type { LogBounds } from "./app-log.ts";
import type { LogRecord } from "./log-record.ts";
import { LogStore } from "./log-store.ts";

const RUNS = 12;
const WRITES = 1500;

/** A small generator of numbers that depend on the seed alone (mulberry32). */
function randomFrom(seed: number): (max: number) => number {
  let state = seed;
  return (max) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % max;
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What one reader saw: numbers of records, and gaps with their size. */
class Account {
  readonly #seed: string;
  #next: number | null = null;
  /** Records that gaps account for but that were not passed yet. */
  #missed = 0;
  records = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  take(record: LogRecord): void {
    if (record.event === "throttle") {
      this.#missed += record.fields?.dropped as number;
      return;
    }
    const number = Number(record.message.split(" ")[0]);
    // The first record may be any: what came before was rotated away before this reader began.
    if (this.#next !== null) expect(number, this.#seed).toBe(this.#next + this.#missed);
    this.#next = number + 1;
    this.#missed = 0;
    this.records += 1;
  }

  /** The number after the last record, with what gaps at the end account for. */
  get end(): number {
    return (this.#next ?? 0) + this.#missed;
  }
}

interface Scenario {
  bounds: Partial<LogBounds>;
  /** Readers that fall behind may be overtaken by rotation. */
  readersPause: boolean;
}

async function run(seed: number, { bounds, readersPause }: Scenario): Promise<void> {
  const label = `seed ${seed}`;
  const random = randomFrom(seed);
  const dir = await mkdtemp(join(tmpdir(), "levain-logs-"));
  const open = () =>
    new LogStore({ dir, clock: systemClock, bounds: { ...bounds, writeDelayMs: random(3) } });
  let store = open();
  const stop = new AbortController();
  const readers: { account: Account; done: Promise<void> }[] = [];

  const startReader = () => {
    const account = new Account(label);
    const records = store.follow("shop", {}, stop.signal);
    const done = (async () => {
      for await (const record of records) {
        account.take(record);
        if (readersPause)
          for (let turns = random(60) === 0 ? 200 : 0; turns > 0; turns--) await turn();
      }
    })();
    readers.push({ account, done });
  };

  try {
    for (let number = 0; number < WRITES; number++) {
      const message = `${number} ${"x".repeat(random(120))}`;
      store.write({
        time: new Date().toISOString(),
        app: "shop",
        version: 1,
        instance: null,
        stream: "stdout",
        requestId: null,
        event: null,
        message,
      });
      const dice = random(200);
      if (dice < 30) for (let turns = random(4); turns >= 0; turns--) await turn();
      if (dice === 40) startReader();
      if (dice === 41 || number === WRITES - 1) await store.flush();
      if (dice === 42) {
        // A node that ends, or is killed while it appends, and the next on the same folder.
        await store.close();
        const newest = readdirSync(join(dir, "shop")).sort().at(-1)!;
        if (random(2) === 0) appendFileSync(join(dir, "shop", newest), '{"time":"2026-01-0');
        store = open();
      }
    }
    await store.flush();

    const account = new Account(label);
    for await (const record of store.read("shop")) account.take(record);
    expect(account.end, label).toBe(WRITES);
    expect(account.records, label).toBeGreaterThan(0);
    await store.close();
    await Promise.all(readers.map(({ done }) => done));
  } finally {
    stop.abort();
    await store.close();
    await rm(dir, { recursive: true, force: true });
  }
}

const given = process.env.LEVAIN_TEST_SEED;
const seeds =
  given === undefined
    ? Array.from({ length: RUNS }, () => Math.floor(Math.random() * 2 ** 31))
    : [Number(given)];

const scenarios: Record<string, Scenario> = {
  "small files and readers that pause": {
    bounds: { fileBytesMax: 4000, filesMax: 3, batchBytesMax: 1000 },
    readersPause: true,
  },
  "a backlog that overflows": {
    bounds: { backlogBytesMax: 3000, batchBytesMax: 1000 },
    readersPause: false,
  },
};

for (const [name, scenario] of Object.entries(scenarios)) {
  test(`no record is lost, duplicated or reordered without being counted: ${name}`, async () => {
    for (const seed of seeds) await run(seed, scenario);
  });
}
