/**
 * How many instances a version that may have several should have. Pure; time is passed in.
 *
 *   below `min` while it is awake, or requests wait        start one
 *   every warm instance busy for `busyMsMin`               start one
 *   more than `min`, one fewer enough for `surplusMsMin`   retire one
 *
 * Busy is one whose event loop answers late, or that uses all of a core, while several requests are with it: more requests
 * would only wait longer. How many are in flight says little by itself, since most requests of most apps wait for
 * something else.
 */
import type { VersionSpec } from "../base/version-spec.ts";
import {
  busyCpuShare,
  busyLagMs,
  busyMsMin,
  busyRunningMin,
  cpuShareWanted,
  lateTicksMax,
  memorySampleMs,
  roomShareWanted,
  surplusMsMin,
  tickMs,
} from "./limits.ts";

/** One instance that takes requests, at one moment. */
export interface InstanceLoad {
  readonly state: string;
  /** Requests it is busy with. Count. */
  readonly running: number;
  /** How late its event loop answers. Milliseconds. */
  lagMs(nowMs: number): number;
  /** CPU time since this was called last. Milliseconds. */
  cpuMsSinceLast(): number;
}

export interface ScaleFacts {
  min: number;
  max: number;
  /** Instances that take requests. Count. */
  ready: number;
  /** Whether one of them is warm. */
  isAwake: boolean;
  /** With those that start and those on their way out. Count. */
  processes: number;
  /** Requests that find no room. Count. */
  waiting: number;
  /** How long every warm instance has been busy. Milliseconds. */
  busyMs: number;
  /** How long one instance fewer would have been enough. Milliseconds. */
  surplusMs: number;
}

export type ScaleDecision = "start" | "retire" | "stay";

export function decideScale(facts: ScaleFacts): ScaleDecision {
  const { min, max, ready, isAwake, processes, waiting, busyMs, surplusMs } = facts;
  if (processes < max && isAwake) {
    if (processes < min || waiting > 0 || busyMs >= busyMsMin) return "start";
  }
  return ready > min && surplusMs >= surplusMsMin ? "retire" : "stay";
}

/**
 * Whether another request would rather be somewhere else.
 *
 * @param cpuShare CPU time by time that passed; 1 = one core
 */
export function isBusy(
  { running, lagMs, cpuShare }: { running: number; lagMs: number; cpuShare: number },
  concurrencyMax: number,
): boolean {
  if (running >= concurrencyMax) return true;
  return running >= busyRunningMin && (lagMs >= busyLagMs || cpuShare >= busyCpuShare);
}

/**
 * Instances that a load fits into with room to spare. Count, not rounded.
 *
 * @param cpuShare CPU time of all instances by time that passed; 1 = one core
 * @param running most requests that ran at once in all of them
 */
function instancesNeeded(cpuShare: number, running: number, concurrencyMax: number): number {
  return Math.max(cpuShare / cpuShareWanted, running / (concurrencyMax * roomShareWanted));
}

/** Looks at the instances of one version again and again, and remembers for how long what was the case. */
export class Scale {
  readonly #spec: VersionSpec;
  /** Clock time, or null while it is not the case. */
  #busySinceMs: number | null = null;
  #surplusSinceMs: number | null = null;
  #lookedAtMs = 0;
  #sampledAtMs = 0;
  /** Of each instance at the last sample. */
  #cpuShares = new Map<InstanceLoad, number>();
  /** Most requests that ran at once since the last sample. Count. */
  #runningMost = 0;

  constructor(spec: VersionSpec) {
    this.#spec = spec;
  }

  /** Called every `tickMs` while there are instances that take requests. */
  look(
    ready: readonly InstanceLoad[],
    processes: number,
    waiting: number,
    nowMs: number,
  ): ScaleDecision {
    const warm = ready.filter(({ state }) => state === "warm");
    // The node itself was held up: what it saw of others then was its own lateness.
    if (nowMs - this.#lookedAtMs > lateTicksMax * tickMs) this.#busySinceMs = null;
    this.#lookedAtMs = nowMs;
    this.#sample(ready, nowMs);
    this.#noteBusy(warm, nowMs);
    const decision = decideScale({
      ...this.#spec.instances,
      ready: ready.length,
      isAwake: warm.length > 0,
      processes,
      waiting,
      busyMs: since(this.#busySinceMs, nowMs),
      surplusMs: since(this.#surplusSinceMs, nowMs),
    });
    if (decision !== "stay") {
      // What was seen before says nothing about what is then.
      this.#busySinceMs = null;
      this.#surplusSinceMs = null;
    }
    return decision;
  }

  #noteBusy(warm: readonly InstanceLoad[], nowMs: number): void {
    const { concurrencyMax } = this.#spec.limits;
    const isOneBusy = (one: InstanceLoad) => {
      const cpuShare = this.#cpuShares.get(one) ?? 0;
      const { running } = one;
      return isBusy({ running, lagMs: one.lagMs(nowMs), cpuShare }, concurrencyMax);
    };
    const areBusy = warm.length > 0 && warm.every(isOneBusy);
    this.#busySinceMs = areBusy ? (this.#busySinceMs ?? nowMs) : null;
  }

  #sample(ready: readonly InstanceLoad[], nowMs: number): void {
    let running = 0;
    for (const one of ready) running += one.running;
    this.#runningMost = Math.max(this.#runningMost, running);
    const passedMs = nowMs - this.#sampledAtMs;
    if (passedMs < memorySampleMs) return;
    this.#cpuShares = new Map(ready.map((one) => [one, one.cpuMsSinceLast() / passedMs]));
    let cpuShare = 0;
    for (const share of this.#cpuShares.values()) cpuShare += share;
    const { concurrencyMax } = this.#spec.limits;
    const needed = instancesNeeded(cpuShare, this.#runningMost, concurrencyMax);
    const isSurplus = needed <= ready.length - 1;
    this.#surplusSinceMs = isSurplus ? (this.#surplusSinceMs ?? nowMs) : null;
    this.#sampledAtMs = nowMs;
    this.#runningMost = 0;
  }
}

function since(sinceMs: number | null, nowMs: number): number {
  return sinceMs === null ? 0 : nowMs - sinceMs;
}
