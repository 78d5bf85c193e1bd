/**
 * Goal: whatever apps do, the node stays within its memory as far as idle instances can make room, leaves alone what is in
 * use, lets in who waits, and does not measure what sleeps.
 * Method: the governor and the room themselves, with a machine and instances that are numbers. A failure shows its seed;
 * LEVAIN_TEST_SEED repeats it.
 */
import { expect, test } from "bun:test";
import { StillClock } from "../base/clock-for-tests.ts";
import { pick, type Random, randomOf, testSeed } from "../base/random-for-tests.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { ProcessMemory } from "../sandbox/process-memory.ts";
import { holdTimeoutMs, keepIdleMsMin, memoryLookMs, samplesPerLookMax } from "./limits.ts";
import { MemoryGovernor } from "./memory-governor.ts";
import type { MemoryHolder } from "./memory-holder.ts";
import { MemoryRoom, type MemoryShare } from "./memory-room.ts";
import type { ReliefKind } from "./memory-rule.ts";
import type { Claimant } from "./places.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/** One app: its requests, and its instance as a few numbers. */
class App implements Claimant, MemoryHolder {
  readonly #model: Model;
  readonly spec: VersionSpec;
  pid: number | null = null;
  state: MemoryHolder["state"] = "going";
  isStopped = true;
  isInUse = false;
  isSuperseded = false;
  isMinimum = true;
  readonly mayStop: boolean;
  get canPage(): boolean {
    return this.state === "frozen" && !this.wasPaged && this.#model.swapFreeBytes > 64 * MiB;
  }

  ramBytes = 0;
  swapBytes = 0;
  /** Paging was tried since it was frozen. */
  wasPaged = false;
  idleSinceMs = 0;
  held = 0;
  expectedBytes = 32 * MiB;
  share: MemoryShare | null = null;
  /** Looks at it since its state changed. Count. */
  looks = 0;

  constructor(model: Model, number: number, mayStop: boolean) {
    this.#model = model;
    this.spec = { app: `app${number}` } as VersionSpec;
    this.mayStop = mayStop;
  }

  isAwaited(waitedMs: number): boolean {
    return this.held > 0 && waitedMs < holdTimeoutMs;
  }

  idleMs(nowMs: number): number {
    return nowMs - this.idleSinceMs;
  }

  noteMemory({ ramBytes }: ProcessMemory): void {
    this.expectedBytes = Math.max(this.expectedBytes, ramBytes);
  }

  ask(): void {
    if (!this.isStopped && this.state !== "going") {
      if (this.state !== "starting") this.#wake();
      return;
    }
    this.held += 1;
    if (this.held === 1) void this.#start();
  }

  async #start(): Promise<void> {
    const { room } = this.#model;
    try {
      this.share = await room.take(this, this.expectedBytes);
    } catch (error) {
      if (!String(error).includes("Cannot start")) this.#model.wrong.push(String(error));
      this.#model.refused += this.held;
      this.held = 0;
      return;
    }
    this.#model.pids += 1;
    this.pid = this.#model.pids;
    this.isStopped = false;
    this.move("starting");
    this.isInUse = true;
    this.share.holder = this;
  }

  /** It has started. */
  started(random: Random): void {
    this.move("warm");
    this.held = 0;
    this.ramBytes = (5 + random(60)) * MiB;
  }

  #wake(): void {
    if (this.state !== "warm") this.move("warm");
    this.isInUse = true;
    this.ramBytes += this.swapBytes;
    this.swapBytes = 0;
  }

  answered(): void {
    this.isInUse = false;
    this.idleSinceMs = this.#model.clock.timeMs;
  }

  move(state: MemoryHolder["state"]): void {
    this.state = state;
    this.looks = 0;
    this.wasPaged = false;
  }

  async relieve(kind: ReliefKind): Promise<void> {
    const model = this.#model;
    if (this.isInUse) model.wrong.push(`${kind} of ${this.spec.app}, which is in use`);
    model.done[kind] += 1;
    if (kind === "freeze") this.move("frozen");
    if (kind === "page") {
      if (this.state !== "frozen") model.wrong.push(`page of one that is ${this.state}`);
      this.wasPaged = true;
      if (model.swapFreeBytes < this.ramBytes) return;
      this.swapBytes = this.ramBytes - MiB / 2;
      this.ramBytes = MiB / 2;
      this.move("paged");
    }
    if (kind === "stop") {
      const isMeant = this.mayStop || this.isSuperseded || model.governor.level === "over";
      const isForgotten =
        model.room.waiting > 0 && this.idleMs(model.clock.timeMs) >= keepIdleMsMin;
      const isKept = !isMeant && !isForgotten;
      if (isKept) model.wrong.push("stopped one that keeps its memory");
      this.move("going");
      await Promise.resolve();
      this.end();
    }
  }

  end(): void {
    this.share?.release();
    this.share = null;
    this.ramBytes = 0;
    this.swapBytes = 0;
    this.pid = null;
    this.isInUse = false;
    this.isStopped = true;
    this.move("going");
    if (this.held > 0) void this.#start();
  }
}

class Model {
  readonly clock = new StillClock();
  readonly room = new MemoryRoom(this.clock);
  readonly apps: App[];
  readonly governor: MemoryGovernor;
  readonly swapTotalBytes: number;
  readonly wrong: string[] = [];
  readonly done: Record<ReliefKind, number> = { freeze: 0, page: 0, stop: 0 };
  readonly budgetBytes = GiB;
  pids = 0;
  refused = 0;
  looks = 0;
  looksMax = 0;

  constructor(random: Random, count: number) {
    this.swapTotalBytes = pick(random, [0, 2 * GiB, 512 * MiB]);
    this.apps = Array.from({ length: count }, (_, n) => new App(this, n, random(3) > 0));
    this.governor = new MemoryGovernor({
      room: this.room,
      clock: this.clock,
      budgetBytes: this.budgetBytes,
      reserveBytes: 256 * MiB,
      host: () => ({
        totalBytes: 2 * GiB,
        availableBytes: 2 * GiB - this.usedBytes,
        swapTotalBytes: this.swapTotalBytes,
        swapFreeBytes: this.swapFreeBytes,
        zramBytes: 0,
        pressure: null,
      }),
      measure: async (pid) => this.#measure(pid),
      others: async () => 100 * MiB,
      builds: () => 0,
      note: () => {},
    });
  }

  get usedBytes(): number {
    return this.apps.reduce((sum, { ramBytes }) => sum + ramBytes, 100 * MiB);
  }

  get swapFreeBytes(): number {
    return this.swapTotalBytes - this.apps.reduce((sum, { swapBytes }) => sum + swapBytes, 0);
  }

  #measure(pid: number): ProcessMemory | null {
    const app = this.apps.find((one) => one.pid === pid);
    if (app === undefined) return null;
    app.looks += 1;
    this.looks += 1;
    // Paging that failed is looked at once more.
    const isAsleep = app.state === "frozen" || app.state === "paged";
    if (isAsleep && app.looks > 3) this.wrong.push(`looked ${app.looks} times at one asleep`);
    return { ramBytes: app.ramBytes, swapBytes: app.swapBytes };
  }

  async look(): Promise<void> {
    this.clock.timeMs += memoryLookMs;
    this.looks = 0;
    const paged = this.done.page;
    await this.governor.look();
    this.looksMax = Math.max(this.looksMax, this.looks - (this.done.page - paged));
    this.room.tick();
    await Promise.resolve();
  }
}

test("the node keeps within its memory, whatever its apps do", async () => {
  const seed = testSeed();
  const random = randomOf(seed);
  for (let run = 0; run < 10; run += 1) {
    const model = new Model(random, 60);
    for (let round = 0; round < 300; round += 1) {
      for (const app of model.apps) {
        const dice = random(100);
        if (dice < 5) app.ask();
        else if (app.state === "starting" && dice < 60) app.started(random);
        else if (app.state === "warm" && app.isInUse && dice < 60) app.answered();
        else if (app.state === "warm" && dice < 65) app.ramBytes += random(20) * MiB;
        else if (app.state === "warm" && dice === 99) app.end();
        if (random(200) === 0) app.isSuperseded = !app.isSuperseded;
      }
      await model.look();
      if (model.wrong.length > 0) throw new Error(`seed ${seed}, run ${run}: ${model.wrong}`);
    }
    // Nobody asks any more, and every request is answered.
    for (let round = 0; round < 80; round += 1) {
      for (const app of model.apps) {
        if (app.state === "starting") app.started(random);
        if (app.state === "warm" && app.isInUse) app.answered();
      }
      await model.look();
    }

    const about = `seed ${seed}, run ${run}`;
    expect(model.wrong, about).toEqual([]);
    expect(model.room.waiting, about).toBe(0);
    expect(model.usedBytes, about).toBeLessThanOrEqual(model.budgetBytes);
    expect(model.governor.level, about).not.toBe("over");
    expect(model.done.stop, about).toBeGreaterThan(0);
    if (model.swapTotalBytes > 0) expect(model.done.page, about).toBeGreaterThan(0);
    expect(model.looksMax, about).toBeLessThanOrEqual(samplesPerLookMax);
  }
}, 60_000);
