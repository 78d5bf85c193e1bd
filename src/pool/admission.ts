/**
 * Which requests of one version run, which wait, and which are turned away.
 *
 *   no instance   wait, up to `holdsMax`          else HOLD_QUEUE_FULL
 *   instance      run, up to `concurrencyMax`
 *                 wait, up to `queueMax`          else APP_BUSY
 *
 * What waits is bounded in bytes too.
 */
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { Channel } from "../wire/channel.ts";
import type { ClientStream } from "../wire/client-stream.ts";
import { HeldTotal, Holds, type RequestStart } from "./holds.ts";
import { holdBytesMax, holdBytesTotalMax, holdsMax } from "./limits.ts";
import type { PoolCounters } from "./pool-counters.ts";

export class Admission {
  readonly #spec: VersionSpec;
  readonly #counters: PoolCounters;
  readonly #running: () => number;
  readonly #held: HeldTotal;
  readonly #holds: Holds;

  /**
   * @param running requests that all instances together are busy with now; for those that are turned away
   * @param held of all versions in this process
   */
  constructor(
    spec: VersionSpec,
    counters: PoolCounters,
    running: () => number,
    held = new HeldTotal(),
  ) {
    this.#held = held;
    this.#holds = new Holds(held);
    this.#spec = spec;
    this.#counters = counters;
    this.#running = running;
  }

  /** Requests that wait. Count. */
  get waiting(): number {
    return this.#holds.count;
  }

  /** Takes a request while there is no instance. Returns whether it waits; if not, it has been told why. */
  hold(stream: ClientStream, start: RequestStart): boolean {
    if (this.#holds.count >= holdsMax || !this.#hasHoldBytes) {
      this.refuse(stream, new PlatformError("HOLD_QUEUE_FULL", [this.#spec.app, holdsMax]));
      return false;
    }
    this.#hold(stream, start);
    return true;
  }

  /** Takes a request while there is an instance: sends it, lets it wait its turn, or turns it away. */
  submit(stream: ClientStream, start: RequestStart, channel: Channel): void {
    const { app, limits } = this.#spec;
    const mayRun = this.#holds.count === 0 && this.#hasRoom(channel);
    const mayWait = this.#holds.count < limits.queueMax && this.#hasHoldBytes;
    if (!mayRun && !mayWait) {
      return this.refuse(stream, new PlatformError("APP_BUSY", [app, this.#running()]));
    }
    this.#counters.hits += 1;
    if (mayRun) this.#open(stream, start, channel);
    else this.#hold(stream, start);
  }

  /** Sends waiting requests as far as there is room. */
  release(channel: Channel): void {
    while (this.#holds.count > 0 && this.#hasRoom(channel)) {
      const hold = this.#holds.shift()!;
      this.#open(hold.stream, hold, channel);
    }
  }

  /** Tells all that wait that they wait in vain. */
  fail(error: PlatformError): void {
    for (let hold = this.#holds.shift(); hold !== null; hold = this.#holds.shift()) {
      this.refuse(hold.stream, error);
    }
  }

  /** Tells a request that no instance takes it. */
  refuse(stream: ClientStream, error: PlatformError): void {
    this.#counters.refused(error.code);
    stream.onLost(error);
  }

  /** Nobody waits for this request any more, wherever it is. Twice is safe. */
  cancel(stream: ClientStream): void {
    if (!this.#holds.remove(stream)) stream.cancel();
  }

  #hold(stream: ClientStream, start: RequestStart): void {
    this.#counters.holds += 1;
    this.#holds.add(stream, start);
  }

  get #hasHoldBytes(): boolean {
    return this.#holds.bytes < holdBytesMax && this.#held.bytes < holdBytesTotalMax;
  }

  #hasRoom(channel: Channel): boolean {
    // A tunnel is no request that runs; the edge bounds its connections.
    const running = channel.openStreams - channel.openTunnels;
    return running < this.#spec.limits.concurrencyMax && channel.hasRoom;
  }

  #open(stream: ClientStream, start: RequestStart, channel: Channel): void {
    this.#counters.admitted += 1;
    const { buffer, headStart, headEnd, bodyStart, bodyEnd, flags } = start;
    channel.open(stream, buffer, headStart, headEnd, bodyStart, bodyEnd, flags);
  }
}
