/**
 * Goal: 1,000 apps share 100 places without a process too many, a request that is cut or one that waits for ever.
 * Method: random requests with Zipf-like frequency against the places and instances that are only counted; then fewer
 * apps with real processes. A failure shows its seed; LEVAIN_TEST_SEED repeats it.
 */
import { expect, test } from "bun:test";
import { StillClock } from "../base/clock-for-tests.ts";
import { pick, type Random, randomOf, testSeed } from "../base/random-for-tests.ts";
import { storyTime } from "../base/story-for-tests.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { Evictable } from "./eviction.ts";
import { evictedShareMax } from "./limits.ts";
import { type Claimant, type Occupant, type Place, Places } from "./places.ts";
import { type Asked, isRunning, submit, TestPools } from "./pool-for-tests.ts";

const seconds = Number(process.env["LEVAIN_TEST_SECONDS"] ?? 3);

/** Number `k` of `count` is asked for `1 / k` times as often as the first. */
function zipf(random: Random, count: number): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= count; rank++) {
    sum += 1 / rank;
    sums.push(sum);
  }
  return () => {
    const at = (random(1_000_000) / 1_000_000) * sum;
    return sums.findIndex((upTo) => upTo > at);
  };
}

/** One app of the model: its requests, and its instance as a few numbers. */
class App implements Claimant, Occupant {
  readonly spec: VersionSpec;
  readonly #model: Model;
  state: "stopped" | "waiting" | "starting" | "up" | "going" = "stopped";
  place: Place | null = null;
  held = 0;
  open = 0;
  idleSinceMs = 0;
  #gone: (() => void) | null = null;

  constructor(model: Model, number: number) {
    this.#model = model;
    this.spec = { app: `app${number}` } as VersionSpec;
  }

  ask(): void {
    if (this.state === "up") this.open += 1;
    else {
      this.held += 1;
      if (this.state === "stopped") void this.#start();
    }
  }

  async #start(): Promise<void> {
    this.state = "waiting";
    try {
      this.place = await this.#model.places.take(this);
    } catch {
      this.state = "stopped";
      if (this.held > 0) void this.#start();
      return;
    }
    this.place.occupant = this;
    this.state = "starting";
    this.#model.busy.add(this);
  }

  /** The next thing that happens to its process. */
  step(random: Random): void {
    const { places, busy } = this.#model;
    if (this.state === "starting") {
      this.state = "up";
      this.open = this.held;
      this.held = 0;
    } else if (this.state === "up" && this.open > 0) {
      this.open -= 1;
      this.#model.answered += 1;
      this.idleSinceMs = this.#model.clock.timeMs;
    } else if (this.state === "up" && random(50) === 0) {
      // It crashes, or was idle for long.
      this.#go();
    } else if (this.state === "going") {
      this.state = "stopped";
      this.#gone?.();
      this.#gone = null;
      busy.delete(this);
      if (this.held > 0) void this.#start();
    }
    if (this.state === "up" && this.open === 0) places.settle();
  }

  #go(): void {
    this.state = "going";
    this.place!.release();
    this.place = null;
  }

  giveUp(): void {
    if (this.held === 0) return;
    this.held -= 1;
    this.#model.gaveUp += 1;
  }

  // --- what the places ask ---

  isAwaited(): boolean {
    return this.held > 0;
  }

  get evictable(): Evictable | null {
    if (this.state !== "up" || this.open > 0) return null;
    return { isSuperseded: false, mayStop: false, idleSinceMs: this.idleSinceMs, isFrozen: false };
  }

  evict(): Promise<unknown> {
    if (this.open > 0) throw new Error("a request was cut");
    const oldest = Math.min(
      ...[...this.#model.busy].map((app) => app.evictable?.idleSinceMs ?? Infinity),
    );
    if (this.idleSinceMs !== oldest) throw new Error("not the least recently used one went");
    this.#model.evictions += 1;
    this.#model.evicted += 1;
    this.#go();
    return new Promise<void>((resolve) => {
      this.#gone = resolve;
    }).then(() => {
      this.#model.evicted -= 1;
    });
  }
}

class Model {
  readonly clock = new StillClock();
  readonly places: Places;
  readonly apps: App[];
  /** Those with a process. */
  readonly busy = new Set<App>();
  asked = 0;
  answered = 0;
  gaveUp = 0;
  evictions = 0;
  /** On their way out. */
  evicted = 0;

  constructor(apps: number, instancesMax: number) {
    this.places = new Places(instancesMax, this.clock);
    this.apps = Array.from({ length: apps }, (_, number) => new App(this, number));
  }

  /** What is wrong now, or null. */
  wrong(): string | null {
    const { instancesMax } = this.places;
    const running = [...this.busy].filter(({ state }) => state !== "going").length;
    if (running > instancesMax) return `${running} processes`;
    if (this.evicted > instancesMax * evictedShareMax) return `${this.evicted} on their way out`;
    return null;
  }
}

test("1,000 apps share 100 places: no process too many, no request cut, none left waiting", async () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const model = new Model(1000, 100);
  const next = zipf(random, model.apps.length);

  for (let round = 0; round < 100_000; round++) {
    model.clock.timeMs += 1;
    const action = random(10);
    if (action < 3) {
      model.asked += 1;
      model.apps[next()]!.ask();
    } else if (action === 3) model.apps[next()]!.giveUp();
    else {
      const busy = [...model.busy];
      busy[random(Math.max(busy.length, 1))]?.step(random);
    }
    if (round % 50 === 0) model.places.tick();
    if (round % 10 === 0) await Promise.resolve();
    if (model.wrong() !== null) throw new Error(`seed ${seed}, round ${round}: ${model.wrong()}`);
  }
  // Nobody asks any more: everything that waits has its turn.
  for (let round = 0; round < 5000 && model.asked > model.answered + model.gaveUp; round++) {
    for (const app of [...model.busy]) app.step(random);
    await Promise.resolve();
    await Promise.resolve();
  }

  const { asked, answered, gaveUp } = model;
  expect(asked - answered - gaveUp, `seed ${seed}`).toBe(0);
  expect(model.places.waiting, `seed ${seed}`).toBe(0);
  expect(model.evictions, `seed ${seed}`).toBeGreaterThan(100);
}, 60_000);

test(
  "40 apps share 4 places with real processes: every request is answered",
  async () => {
    const seed = testSeed();
    const random = randomOf(seed);
    await using t = new TestPools(1, undefined, 4);
    const pools = Array.from({ length: 40 }, () => t.pool("behaves", { idleFreezeMs: 100 }));
    const next = zipf(random, pools.length);
    const asked: Asked[] = [];
    const seen = new Set<number>();
    const evictions = () => pools.reduce((total, one) => total + one.counters.evictions, 0);
    const goesOn = storyTime(seconds, () => evictions() > 5);

    while (goesOn()) {
      const pool = pools[next()]!;
      if (asked.filter(({ hasEnded }) => !hasEnded).length < 50) {
        asked.push(
          submit(pool, pick(random, ["/", "/count", "/after?ms=20", "/bytes?count=300000"])),
        );
      }
      if (random(4) === 0) t.pass(random(150));
      if (random(3) === 0) await new Promise((resolve) => setTimeout(resolve, random(10)));
      const pids = pools.filter(({ state }) => state !== "stopped").map((one) => one.facts(0).pid);
      for (const pid of pids) if (pid !== null) seen.add(pid);
      expect(pids.length, `seed ${seed}`).toBeLessThanOrEqual(4);
      expect(t.pools.places.taken, `seed ${seed}`).toBeLessThanOrEqual(4);
    }
    const outcomes = await Promise.all(asked.map(({ outcome }) => outcome));

    const failed = outcomes.filter(({ kind }) => kind !== "answered");
    expect(failed, `seed ${seed}`).toEqual([]);
    expect(evictions(), `seed ${seed}`).toBeGreaterThan(5);
    const alive = await Promise.all([...seen].map((pid) => isRunning(pid)));
    expect(alive.filter(Boolean).length, `seed ${seed}`).toBeLessThanOrEqual(5);
  },
  (seconds + 60) * 1000,
);
