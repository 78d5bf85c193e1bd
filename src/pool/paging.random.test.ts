/**
 * Goal: a request that comes at any moment of freezing, paging, waking and stopping is answered, by the process that has
 * the app's memory as long as that lives, and no instance gets stuck. Method: each pool has a visitor who comes at random
 * moments, while others freeze, page, push the clock and kill. The seed of a failure is in its message; LEVAIN_TEST_SEED
 * repeats it, as far as processes can be repeated, and LEVAIN_TEST_SECONDS makes it longer.
 */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Random, randomOf, testSeed } from "../base/random-for-tests.ts";
import { storyTime } from "../base/story-for-tests.ts";
import { until } from "../base/until-for-tests.ts";
import { Cgroups } from "../sandbox/cgroups.ts";
import { pagingObstacle, pagingSources } from "../sandbox/paging-way.ts";
import { backOffMsMax } from "./limits.ts";
import type { Pool } from "./pool.ts";
import { ask, TestPools } from "./pool-for-tests.ts";

const seconds = Number(process.env["LEVAIN_TEST_SECONDS"] ?? 5);

/** An ordinary user may not page out other processes. */
const mayPage = !["no-right", "kernel"].includes(pagingObstacle(pagingSources())?.kind ?? "");

const dir = mkdtempSync(join(tmpdir(), "levain-paging-"));
/** Frozen by it where this machine lets us, else by signals. */
const cgroups = Cgroups.open(join(dir, "cgroups.json"));
afterAll(async () => {
  await cgroups?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** What a request may be told whose process was killed. */
const KILLED = new Set(["APP_EXITED", "APP_START_FAILED"]);

/** What is written down of one pool. */
interface Visited {
  pool: Pool;
  /** What the app must say next, unless its process ends. */
  count: number;
  /** Its process was ended, or may be: it counts from one again. */
  isForgiven: boolean;
}

class Story {
  readonly t = new TestPools(2, undefined, 100, cgroups);
  readonly counts = { answers: 0, paged: 0, kept: 0, unpaged: 0, kills: 0, restarts: 0 };
  readonly wrong: string[] = [];
  readonly #random: Random;
  readonly #visited: Visited[];

  constructor(random: Random) {
    this.#random = random;
    this.#visited = [0, 0, 2500].map((idleStopMs) => {
      const times = { idleFreezeMs: 400, idlePageMs: 500, idleStopMs };
      return { pool: this.t.pool("behaves", times), count: 0, isForgiven: idleStopMs > 0 };
    });
  }

  async run(goesOn: () => boolean): Promise<void> {
    await Promise.all(this.#visited.map((visited) => this.#visit(visited, goesOn)));
  }

  async #visit(visited: Visited, goesOn: () => boolean): Promise<void> {
    const { pool } = visited;
    while (goesOn() && this.wrong.length === 0) {
      await this.#ask(visited);
      const action = this.#random(100);
      if (action < 50) {
        this.t.residentBytes = this.#random(2) === 0 ? 0 : null;
        pool.freeze();
        void this.#page(pool);
      } else if (action < 65) this.t.pass(this.#random(700));
      else if (action < 68) this.#kill(visited);
      // From the middle of paging, which takes some ten milliseconds, to long after.
      await Bun.sleep(this.#random(this.#random(2) === 0 ? 12 : 90));
    }
  }

  async #page(pool: Pool): Promise<void> {
    const isKept = this.t.residentBytes === 0;
    await pool.page();
    if (pool.state !== "paged") this.counts.unpaged += 1;
    else if (isKept) this.counts.kept += 1;
    else this.counts.paged += 1;
  }

  async #ask(visited: Visited): Promise<void> {
    const { pool, isForgiven } = visited;
    const outcome = await ask(pool, "/count");
    if (outcome.kind !== "answered") {
      // Who comes to a process that was killed a moment ago may be lost with it, or be told to come back later.
      const isOfKill = outcome.kind === "lost" && KILLED.has(outcome.code);
      if (!isForgiven || !isOfKill) this.wrong.push(`it ended with ${JSON.stringify(outcome)}`);
      this.t.pass(backOffMsMax);
      return;
    }
    const count = Number(outcome.body);
    if (count !== visited.count + 1) {
      if (count === 1 && isForgiven) this.counts.restarts += 1;
      else this.wrong.push(`counted ${count} after ${visited.count}`);
    }
    visited.count = count;
    visited.isForgiven = pool.spec.idleStopMs > 0;
    this.counts.answers += 1;
  }

  #kill(visited: Visited): void {
    const { pid } = visited.pool.facts(0);
    if (pid === null) return;
    visited.isForgiven = true;
    process.kill(pid, "SIGKILL");
    this.counts.kills += 1;
  }
}

test.skipIf(!mayPage)(
  "whoever comes while an app is frozen, paged, woken or stopped is answered by it, with its memory",
  async () => {
    const seed = testSeed();
    const story = new Story(randomOf(seed));
    await using t = story.t;

    const { counts } = story;
    const isEnough = () =>
      counts.answers > 50 && counts.paged > 0 && counts.kept > 0 && counts.unpaged > 0;
    await story.run(storyTime(seconds, isEnough));

    const said = `seed ${seed} ${JSON.stringify(story.counts)}`;
    expect(story.wrong, said).toEqual([]);
    expect(story.counts.answers, said).toBeGreaterThan(50);
    expect(story.counts.paged, said).toBeGreaterThan(0);
    expect(story.counts.kept, said).toBeGreaterThan(0);
    expect(story.counts.unpaged, said).toBeGreaterThan(0);
    // Nothing is stuck: all that is left can still be paged, and ends.
    for (const pool of t.pools.all()) {
      if (!pool.hasProcess) continue;
      await until(async () => {
        pool.freeze();
        await pool.page();
        return pool.state === "paged" || pool.state === "stopped";
      });
    }
  },
  (seconds + 60) * 1000,
);
