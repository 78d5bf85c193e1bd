/**
 * A version as an edge in a process of its own sees it: the instances that the node has lent to it, and the requests that
 * wait for one. The node starts, wakes, freezes and ends; here requests are held, spread and counted.
 *
 *   none ──request──▶ asked ──granted──▶ lent ──idle, recalled, process gone──▶ none
 *                       └──refused──▶ none
 */
import { PlatformError } from "../base/errors.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { AppRequestLog } from "../telemetry/request-log.ts";
import { Traffic } from "../telemetry/traffic.ts";
import type { ClientStream } from "../wire/client-stream.ts";
import { Wake, type WakeFrom } from "../wire/wake.ts";
import { Admission } from "./admission.ts";
import type { Destination } from "./destination.ts";
import type { HeldTotal, RequestStart } from "./holds.ts";
import { LentWire, type LentWireOwner } from "./lent-wire.ts";
import type { LentCounts } from "./lessee.ts";
import { holdTimeoutMs, leaseIdleMs } from "./limits.ts";
import { PoolCounters } from "./pool-counters.ts";
import { leastBusy } from "./ready.ts";

/** The node, seen from here. */
export interface Lender {
  /** Asks for an instance: `granted` or `refused` follows, and before it `found` when there was one. */
  need(spec: VersionSpec): void;
  /** @param opened requests that it was given by this lease. Count. */
  giveBack(lease: number, opened: number): void;
  broken(lease: number, why: string): void;
}

export class LentPool implements Destination, LentWireOwner {
  readonly spec: VersionSpec;
  isSuperseded = false;
  /** What was answered since it was taken from here. */
  readonly traffic = new Traffic();
  readonly requestLog: AppRequestLog;
  readonly #lender: Lender;
  readonly #clock: TurnClock;
  readonly #counters = new PoolCounters();
  readonly #requests: Admission;
  /** Those that take requests. */
  readonly #ready: LentWire[] = [];
  /** Those that only finish what they have. */
  readonly #going = new Set<LentWire>();
  #turn = 0;
  #isAsked = false;
  /** Of the request for which the node was asked. */
  #wake: Wake | null = null;
  /** Requests that came while nothing was lent: hits when the node has an instance, else misses. */
  #undecided = 0;
  #stopError: PlatformError | null = null;

  /** @param held what its process keeps of requests that wait */
  constructor(
    spec: VersionSpec,
    lender: Lender,
    clock: TurnClock,
    requestLog: AppRequestLog,
    held: HeldTotal,
  ) {
    this.requestLog = requestLog;
    this.spec = spec;
    this.#lender = lender;
    this.#clock = clock;
    this.#requests = new Admission(spec, this.#counters, () => this.#running, held);
  }

  /** Whether nothing is lent or awaited. */
  get isEmpty(): boolean {
    return this.#ready.length === 0 && this.#going.size === 0 && this.#requests.waiting === 0;
  }

  submit(stream: ClientStream, start: RequestStart): void {
    if (this.#stopError !== null) return this.#requests.refuse(stream, this.#stopError);
    if (this.#ready.length > 0) {
      return this.#requests.submit(stream, start, this.#next().channel);
    }
    if (!this.#requests.hold(stream, start)) return;
    this.#undecided += 1;
    if (!this.#isAsked) {
      this.#wake = new Wake("started", this.#clock.nowMs());
      stream.wake = this.#wake;
    }
    this.#askIfAwaited();
  }

  cancel(stream: ClientStream): void {
    this.#requests.cancel(stream);
  }

  heldTooLong(): PlatformError {
    this.#counters.refused("HOLD_TIMEOUT");
    return new PlatformError("HOLD_TIMEOUT", [this.spec.app, holdTimeoutMs]);
  }

  /** Takes no more requests; what is held fails with `error`. What is open goes on. */
  stop(error: PlatformError): void {
    this.#stopError ??= error;
    this.#decideMisses();
    this.#requests.fail(error);
    for (const wire of [...this.#ready]) wire.recall();
  }

  // --- what the node says ---

  /**
   * There is an instance: who waits has found one. `granted` or `notYet` follows.
   *
   * @param from how it sleeps; null when it is warm
   */
  found(from: WakeFrom | null): void {
    if (this.#wake !== null) this.#wake.from = from;
    this.#counters.hits += this.#undecided;
    this.#undecided = 0;
  }

  /**
   * @param instance its id
   * @param descriptor our end of a new wire; it is closed in any case
   */
  granted(lease: number, instance: string, descriptor: number): LentWire {
    this.#isAsked = false;
    this.#decideMisses();
    const wire = new LentWire(lease, this.spec.app, descriptor, this.#clock, this);
    wire.channel.label = instance;
    if (this.#wake !== null) wire.awaitLife(this.#wake);
    this.#wake = null;
    this.#ready.push(wire);
    if (this.#stopError !== null) wire.recall();
    else this.#requests.release(wire.channel);
    return wire;
  }

  refused(error: PlatformError): void {
    this.#isAsked = false;
    this.#wake = null;
    this.#decideMisses();
    if (this.#ready.length === 0) this.#requests.fail(error);
  }

  /** Nothing could be lent just now, since what we have is on its way out; `tick` asks again. */
  notYet(): void {
    this.#isAsked = false;
  }

  /** Gives back what is idle. Called every `tickMs`. */
  tick(nowMs: number): void {
    this.#askIfAwaited();
    for (const wire of [...this.#ready]) {
      if (wire.channel.openStreams > 0) this.#requests.release(wire.channel);
      else if (nowMs - wire.idleSinceMs >= leaseIdleMs) wire.recall();
    }
  }

  /** What was counted since this was called last; null for nothing. */
  takeCounts(): LentCounts | null {
    const { admitted, hits, misses, holds, refusals } = this.#counters;
    if (hits + misses + holds + admitted + refusals.size === 0) return null;
    const counts = { admitted, hits, misses, holds, refusals: Object.fromEntries(refusals) };
    this.#counters.admitted = 0;
    this.#counters.hits = 0;
    this.#counters.misses = 0;
    this.#counters.holds = 0;
    refusals.clear();
    return counts;
  }

  // --- what the wires say ---

  onStreamClosed(wire: LentWire): void {
    wire.idleSinceMs = this.#clock.lastMs;
    if (this.#going.has(wire)) this.#giveBackIfIdle(wire);
    else this.#requests.release(wire.channel);
  }

  onGoing(wire: LentWire): void {
    const index = this.#ready.indexOf(wire);
    if (index !== -1) this.#ready.splice(index, 1);
    this.#going.add(wire);
    this.#giveBackIfIdle(wire);
    this.#askIfAwaited();
  }

  onBroken(wire: LentWire, why: string): void {
    this.#lender.broken(wire.lease, why);
  }

  // --- private ---

  /** Requests that those that take more are busy with. Count. */
  get #running(): number {
    return this.#ready.reduce((all, { running }) => all + running, 0);
  }

  #decideMisses(): void {
    this.#counters.misses += this.#undecided;
    this.#undecided = 0;
  }

  #next(): LentWire {
    const ready = this.#ready;
    if (ready.length === 1) return ready[0]!;
    const index = leastBusy(ready, this.#turn);
    this.#turn = index + 1;
    return ready[index]!;
  }

  #askIfAwaited(): void {
    if (this.#isAsked || this.#ready.length > 0 || this.#requests.waiting === 0) return;
    this.#isAsked = true;
    this.#lender.need(this.spec);
  }

  #giveBackIfIdle(wire: LentWire): void {
    if (wire.channel.openStreams > 0 || !this.#going.delete(wire)) return;
    wire.giveBack();
    this.#lender.giveBack(wire.lease, wire.channel.opened);
  }
}
