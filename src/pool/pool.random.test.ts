/**
 * Goal: whatever happens in whatever order, every request gets exactly one answer, states move along their arrows (a
 * broken arrow ends the test run), and nothing is left in the end. Method: random requests, cancels, freezes, pages, kills,
 * stops, deploys and jumps of time, with real processes. The seed of a failure is in its message; LEVAIN_TEST_SEED
 * repeats it, as far as processes can be repeated, and LEVAIN_TEST_SECONDS makes it longer.
 */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { pick, type Random, randomOf, testSeed } from "../base/random-for-tests.ts";
import { storyTime } from "../base/story-for-tests.ts";
import { until } from "../base/until-for-tests.ts";
import { bundledFixture } from "./bundled-fixture-for-tests.ts";
import type { Pool } from "./pool.ts";
import { type Asked, draining, type SpecChange, submit, TestPools } from "./pool-for-tests.ts";

const seconds = Number(process.env["LEVAIN_TEST_SECONDS"] ?? 6);

const { folder, entry } = await bundledFixture("sleeps");
const sleeps = { digest: folder, entry };

const APPS: readonly [string, SpecChange][] = [
  ["behaves", { idleFreezeMs: 500, idleStopMs: 5000, limits: { requestsMax: 40 } }],
  ["behaves", { idleFreezeMs: 50, idlePageMs: 60, limits: { concurrencyMax: 3, queueMax: 5 } }],
  ["counts-anew", { ephemeral: true, idleFreezeMs: 200, limits: { concurrencyMax: 2 } }],
  ["kills-itself", { idleFreezeMs: 100, idlePageMs: 100 }],
  ["kills-itself", { idleFreezeMs: 100, idleStopMs: 3000, instances: { min: 2, max: 4 } }],
  [
    "behaves",
    {
      idleFreezeMs: 50,
      idlePageMs: 100,
      instances: { min: 1, max: 3 },
      limits: { concurrencyMax: 2 },
    },
  ],
  ["exits-mid-response", {}],
  ["sleeps", { ...sleeps, idleFreezeMs: 50, idlePageMs: 100, env: { HOW: "waits" } }],
  [
    "sleeps",
    { ...sleeps, idleFreezeMs: 50, env: { HOW: "throws" }, instances: { min: 2, max: 3 } },
  ],
];

const PATHS: Record<string, readonly string[]> = {
  behaves: [
    "/",
    "/count",
    "/after?ms=1",
    "/after?ms=30",
    "/bytes?count=700000",
    "/never",
    "/stream",
  ],
  "counts-anew": ["/", "/?ms=1", "/?ms=20"],
  "kills-itself": [...Array(60).fill("/"), "/kill", "/exit", "/reject"],
  sleeps: ["/", "/slow", "/work?name=brief&ms=5", "/work?name=longer&ms=60"],
  "exits-mid-response": [...Array(40).fill("/"), "/cut", "/after"],
};

/** What a request may be told when it is not answered. */
const CODES = new Set([
  "APP_EXITED",
  "APP_UNRESPONSIVE",
  "APP_START_FAILED",
  "APP_BUSY",
  "HOLD_QUEUE_FULL",
  "NODE_DRAINING",
]);

class Story {
  readonly t = new TestPools(2);
  readonly counts = {
    asked: 0,
    answered: 0,
    failed: 0,
    cancelled: 0,
    kills: 0,
    stops: 0,
    pages: 0,
  };
  readonly #random: Random;
  readonly #pools: Pool[];
  /** Requests that have not ended and were not cancelled. */
  readonly #open = new Map<Asked, Pool>();
  readonly #cancelled: Asked[] = [];
  readonly #stopping: Promise<void>[] = [];
  readonly #paging: Promise<number>[] = [];

  constructor(random: Random) {
    this.#random = random;
    this.#pools = APPS.map(([fixture, change]) => this.t.pool(fixture, change));
    this.t.spares.refill();
  }

  /** One thing happens. */
  async step(): Promise<void> {
    const random = this.#random;
    const index = random(this.#pools.length);
    const pool = this.#pools[index]!;
    const action = random(1000);
    if (action < 600) this.#ask(pool);
    else if (action < 700) this.#cancel();
    else if (action < 750) pool.freeze();
    else if (action < 760) this.#page(pool);
    else if (action < 767) this.#kill(pool);
    else if (action < 775) pool.isSuperseded = random(2) === 0;
    else if (action < 795) void pool.start().catch(() => {});
    else if (action < 855) this.t.pass(pick(random, [1, 50, 300, 900]));
    else if (action < 860) this.#deploy(index);
    else await new Promise((resolve) => setTimeout(resolve, random(8)));
    const { processes } = pool.facts(0);
    const { instances, limits } = pool.spec;
    // One that is replaced and its successor are there at once for a moment.
    const processesMax = instances.max + (limits.requestsMax > 0 ? 1 : 0);
    if (processes.length > processesMax) throw new Error("more processes than allowed");
  }

  /** Everything ends. Returns what is wrong. */
  async end(): Promise<string[]> {
    // What will never be answered is not waited for.
    for (const [asked, pool] of this.#open) {
      if (!asked.hasEnded && asked.body.includes("tick")) this.#cancelOne(asked, pool);
    }
    for (const pool of this.#pools) this.#stopping.push(pool.stop(100, draining));
    await Promise.all([...this.#stopping, ...this.#paging]);
    const wrong: string[] = [];
    if (this.#open.size > 0) wrong.push(`${this.#open.size} requests were never answered`);
    const told = this.#cancelled.filter(({ hasEnded }) => hasEnded).length;
    if (told > 0) wrong.push(`${told} cancelled requests were answered all the same`);
    await this.t[Symbol.asyncDispose]();
    return wrong;
  }

  #ask(pool: Pool): void {
    const path = pick(this.#random, PATHS[pool.spec.app]!);
    const upgrade = pool.spec.app === "behaves" && this.#random(20) === 0;
    const asked = submit(pool, upgrade ? "/socket" : path, { upgrade });
    this.counts.asked += 1;
    this.#open.set(asked, pool);
    void asked.outcome.then((outcome) => {
      this.#open.delete(asked);
      if (outcome.kind === "answered") this.counts.answered += 1;
      else this.counts.failed += 1;
      if (outcome.kind === "lost" && !CODES.has(outcome.code)) {
        throw new Error(`a request was told ${outcome.code}`);
      }
    });
  }

  #cancel(): void {
    const open = [...this.#open];
    const chosen = open[this.#random(Math.max(open.length, 1))];
    if (chosen !== undefined && !chosen[0].hasEnded) this.#cancelOne(...chosen);
  }

  #cancelOne(asked: Asked, pool: Pool): void {
    pool.cancel(asked);
    this.#open.delete(asked);
    this.#cancelled.push(asked);
    this.counts.cancelled += 1;
  }

  #page(pool: Pool): void {
    pool.freeze();
    this.counts.pages += 1;
    this.#paging.push(pool.page());
  }

  #kill(pool: Pool): void {
    const { processes } = pool.facts(0);
    if (processes.length === 0) return;
    try {
      process.kill(pick(this.#random, processes).pid, "SIGKILL");
      this.counts.kills += 1;
    } catch {
      // It was on its way out.
    }
  }

  /** The version is removed, and another one takes its place. */
  #deploy(index: number): void {
    const drainMs = pick(this.#random, [0, 0, 50]);
    this.#stopping.push(this.t.pools.remove(this.#pools[index]!.spec, drainMs, draining));
    const [fixture, change] = APPS[index]!;
    this.#pools[index] = this.t.pool(fixture, change);
    this.counts.stops += 1;
  }
}

const openFiles = () => readdirSync("/proc/self/fd").length;

test(
  "random requests, freezes, pages, kills, stops and jumps of time leave every request one answer, and nothing else",
  async () => {
    const seed = testSeed();
    // What Bun opens once and keeps is open before we count.
    await new Story(randomOf(1)).end();
    const filesBefore = openFiles();
    const story = new Story(randomOf(seed));
    const { counts } = story;
    const goesOn = storyTime(
      seconds,
      () => counts.answered > 100 && counts.kills > 0 && counts.stops > 0,
    );

    while (goesOn()) await story.step();
    const wrong = await story.end();

    const said = `seed ${seed} ${JSON.stringify(story.counts)}`;
    expect(wrong, said).toEqual([]);
    expect(story.counts.answered, said).toBeGreaterThan(100);
    expect(story.counts.kills, said).toBeGreaterThan(0);
    expect(story.counts.stops, said).toBeGreaterThan(0);
    await until(() => openFiles() <= filesBefore).catch(() => {});
    expect(openFiles(), said).toBeLessThanOrEqual(filesBefore);
  },
  (seconds + 60) * 1000,
);
