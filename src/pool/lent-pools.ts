/** The versions of an edge in a process of its own, and the leases it has. */

import type { PlatformError } from "../base/errors.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { RequestLog } from "../telemetry/request-log.ts";
import type { TrafficCounts } from "../telemetry/traffic.ts";
import type { WakeFrom } from "../wire/wake.ts";
import type { Destinations } from "./destination.ts";
import { HeldTotal } from "./holds.ts";
import { type Lender, LentPool } from "./lent-pool.ts";
import type { LentWire } from "./lent-wire.ts";
import type { LeaseUse, LentCounts } from "./lessee.ts";

/** What names a version for good. */
export type VersionKey = Pick<VersionSpec, "app" | "number" | "digest">;

export interface LeaseReport extends LeaseUse {
  lease: number;
}

/** What an edge has counted of one version; null for nothing. */
export interface VersionReport extends VersionKey {
  counts: LentCounts | null;
  traffic: TrafficCounts | null;
}

export class LentPools implements Destinations {
  readonly #lender: Lender;
  readonly #clock: TurnClock;
  readonly #requestLog: RequestLog;
  readonly #held = new HeldTotal();
  readonly #pools = new Map<string, LentPool>();
  /** Removed, and not empty yet. */
  readonly #leaving = new Set<LentPool>();
  readonly #wires = new Map<number, LentWire>();

  /** @param lender hears of a lease that is given back after this does */
  constructor(lender: Lender, clock: TurnClock, requestLog: RequestLog) {
    this.#clock = clock;
    this.#requestLog = requestLog;
    this.#lender = {
      need: (spec) => lender.need(spec),
      broken: (lease, why) => lender.broken(lease, why),
      giveBack: (lease, opened) => {
        this.#wires.delete(lease);
        lender.giveBack(lease, opened);
      },
    };
  }

  of(spec: VersionSpec): LentPool {
    const key = nameOf(spec);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      const requestLog = this.#requestLog.of(spec.app);
      pool = new LentPool(spec, this.#lender, this.#clock, requestLog, this.#held);
      this.#pools.set(key, pool);
    }
    return pool;
  }

  /** Forgets a version; what is open goes on. */
  remove(spec: VersionKey, error: PlatformError): void {
    const pool = this.#pools.get(nameOf(spec));
    if (pool === undefined) return;
    this.#pools.delete(nameOf(spec));
    this.#leaving.add(pool);
    pool.stop(error);
  }

  // --- what the node says ---

  /** @returns whether there is such a version; if not, the caller closes the descriptor and gives the lease back */
  granted(version: VersionKey, lease: number, instance: string, descriptor: number): boolean {
    const pool = this.#pools.get(nameOf(version));
    if (pool === undefined) return false;
    const wire = pool.granted(lease, instance, descriptor);
    this.#wires.set(lease, wire);
    return true;
  }

  /** @param from how the instance sleeps that was found; null when it is warm */
  found(version: VersionKey, from: WakeFrom | null): void {
    this.#pools.get(nameOf(version))?.found(from);
  }

  refused(version: VersionKey, error: PlatformError): void {
    this.#pools.get(nameOf(version))?.refused(error);
  }

  notYet(version: VersionKey): void {
    this.#pools.get(nameOf(version))?.notYet();
  }

  recalled(lease: number): void {
    this.#wires.get(lease)?.recall();
  }

  ended(lease: number, error: PlatformError): void {
    this.#wires.get(lease)?.ended(error);
    this.#wires.delete(lease);
  }

  /** Called every `tickMs`. */
  tick(): void {
    const nowMs = this.#clock.nowMs();
    for (const pool of this.#pools.values()) pool.tick(nowMs);
    for (const pool of this.#leaving) if (pool.isEmpty) this.#leaving.delete(pool);
  }

  /** What was counted since this was called last. */
  take(): VersionReport[] {
    const all: VersionReport[] = [];
    for (const pools of [this.#pools.values(), this.#leaving]) {
      for (const pool of pools) {
        const counts = pool.takeCounts();
        const traffic = pool.traffic.take();
        const { app, number, digest } = pool.spec;
        if (counts !== null || traffic !== null) all.push({ app, number, digest, counts, traffic });
      }
    }
    return all;
  }

  /** What each lease is used for. */
  leases(): LeaseReport[] {
    return [...this.#wires].map(([lease, { channel, running }]) => ({
      lease,
      inFlight: channel.openStreams,
      running,
      opened: channel.opened,
    }));
  }
}

function nameOf({ app, number, digest }: VersionKey): string {
  return `${app}/${number}/${digest}`;
}
