/**
 * One instance: a process of a version, from its start until it is gone. Its pool decides, it does.
 *
 *   starting ──booted()──▶ warm ⇄ frozen ──page()──▶ paged ──thaw()──▶ warm
 *      └─ fails              └──────┴──────────────────┴── end(), kill(), exit ──▶ going ──▶ gone
 *
 * One that fails while it starts stays `starting` until its pool has heard of it.
 */
import { invariant, PlatformError } from "../base/errors.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { Paged, Pager } from "../sandbox/pager.ts";
import { privateMemoryBytes, processCpuMs } from "../sandbox/process-facts.ts";
import type { Channel } from "../wire/channel.ts";
import type { LifecycleEvent } from "../wire/control.ts";
import { Wake } from "../wire/wake.ts";
import { type BootOptions, boot } from "./boot.ts";
import type { Evictable } from "./eviction.ts";
import type { GivenFacts } from "./given-facts.ts";
import type { InstanceOwner } from "./instance-owner.ts";
import { Leases } from "./leases.ts";
import { Lifecycle } from "./lifecycle.ts";
import { lastLinesMax } from "./limits.ts";
import type { MemoryShare } from "./memory-room.ts";
import { Paging } from "./paging.ts";
import type { Occupant, Place } from "./places.ts";
import { describeEnd, type ProcessEnd } from "./process-end.ts";
import { ProcessWatch } from "./process-watch.ts";
import { ProjectPaths } from "./project-paths.ts";
import type { RunnerProcess, RunnerProcessOwner } from "./runner-process.ts";
import type { InstanceLoad } from "./scale.ts";

export type InstanceState = "starting" | "warm" | "frozen" | "paged" | "going";

const ARROWS: Record<InstanceState, readonly InstanceState[]> = {
  starting: ["warm"],
  warm: ["frozen", "going"],
  frozen: ["warm", "paged", "going"],
  paged: ["warm", "going"],
  going: [],
};

export class Instance implements RunnerProcessOwner, Occupant, InstanceLoad {
  readonly spec: VersionSpec;
  readonly #clock: TurnClock;
  readonly #owner: InstanceOwner;
  readonly #place: Place;
  /** Edges in processes of their own that it is lent to. */
  readonly leases = new Leases(this);
  readonly lifecycle: Lifecycle;
  /** Clock time. Milliseconds. */
  readonly startedAtMs: number;
  /** Last lines it printed; evidence. */
  readonly lastLines: string[] = [];
  /** Resolves when its process and what belonged to it is gone. Never rejects. */
  ended: Promise<unknown> = Promise.resolve();
  #state: InstanceState = "starting";
  /** Null before it is taken and after it has exited. */
  #process: RunnerProcess | null = null;
  #watch: ProcessWatch | null = null;
  /** How the author of the app knows its files; null before it has a process. */
  paths: ProjectPaths | null = null;
  /** Why it was ended before it had a process. */
  #killed: { cause: PlatformError | null } | null = null;
  #idleSinceMs: number;
  #frozenAtMs = 0;
  /** Of the node's memory; released when it is gone. */
  share: MemoryShare | null = null;
  readonly #paging = new Paging();
  /** Clock time since when it is given no more requests, though it is up; null while it is. */
  retiredAtMs: number | null = null;
  /** It has had as many requests as it may; another one takes over when it is warm. */
  isWorn = false;
  #cpuMs = 0;
  /** Told when no stream is open any more. */
  #onIdle: (() => void)[] = [];

  /** @param place is released as soon as the process is on its way out. */
  constructor(spec: VersionSpec, clock: TurnClock, owner: InstanceOwner, place: Place) {
    this.#place = place;
    place.occupant = this;
    this.spec = spec;
    this.#clock = clock;
    this.#owner = owner;
    this.lifecycle = new Lifecycle(this, owner, clock);
    this.startedAtMs = clock.nowMs();
    this.#idleSinceMs = this.startedAtMs;
  }

  get state(): InstanceState {
    return this.#state;
  }

  /** It has booted and is not on its way out. */
  get isUp(): boolean {
    return this.#state === "warm" || this.isAsleep;
  }

  /** It stands still, and has to be woken before it is given a request. */
  get isAsleep(): boolean {
    return this.#state === "frozen" || this.#state === "paged";
  }

  /** Of its process; null when it has none. */
  get id(): string | null {
    return this.#process?.id ?? null;
  }

  /** What it was really given; null without a process. Asks the kernel. */
  given(): GivenFacts | null {
    return this.#process?.given() ?? null;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  /** Resolves when its process has exited and its pool has heard of it. Never rejects. */
  get exited(): Promise<unknown> {
    return this.#process?.exited ?? Promise.resolve();
  }

  /** Its wire; only for one that is up. */
  get channel(): Channel {
    return this.#process!.channel;
  }

  /** What keeps it from being idle: requests, streams and tunnels that are open, leases, and holders. Count. */
  get open(): number {
    return (
      (this.#process?.channel.openStreams ?? 0) + this.leases.count + this.lifecycle.holders.count
    );
  }

  /** Requests, streams and tunnels that are open, as far as is known of those of other processes. Count. */
  get inFlight(): number {
    return (this.#process?.channel.openStreams ?? 0) + this.leases.inFlight;
  }

  /** Open requests that are no tunnels; only for one that is up. Count. */
  get running(): number {
    const { openStreams, openTunnels } = this.#process!.channel;
    return openStreams - openTunnels + this.leases.running;
  }

  /** Requests it was given so far, as far as is known of those of other processes; only for one that is up. Count. */
  get opened(): number {
    return this.#process!.channel.opened + this.leases.opened;
  }

  /** As it was measured last, else what is private is read now. Bytes in RAM; null without a process. */
  memoryBytes(): number | null {
    if (this.#process === null) return null;
    return this.share?.memory?.ramBytes ?? privateMemoryBytes(this.#process.pid);
  }

  /** Moved out to swap, as it was measured last. Bytes. */
  get swapBytes(): number {
    return this.share?.memory?.swapBytes ?? 0;
  }

  /** Whether it is warm and was given so many requests since its start. */
  isWarmAndHad(requests: number): boolean {
    return this.#state === "warm" && this.opened >= requests;
  }

  /** How late its event loop answers. Milliseconds. */
  lagMs(nowMs: number): number {
    return this.#watch?.lagMs(nowMs) ?? 0;
  }

  /** CPU time it has used since this was called last. Milliseconds. */
  cpuMsSinceLast(): number {
    const cpuMs = this.#process === null ? null : processCpuMs(this.#process.pid);
    if (cpuMs === null) return 0;
    const usedMs = cpuMs - this.#cpuMs;
    this.#cpuMs = cpuMs;
    return usedMs;
  }

  /** Since the last stream ended, or since it was started or woken. Milliseconds. */
  idleMs(nowMs: number): number {
    return nowMs - this.#idleSinceMs;
  }

  /**
   * Resolves when its app has a handler; call `booted` then.
   *
   * @throws what `boot` throws; call `kill` then, and await `ended`.
   */
  boot(options: BootOptions): Promise<void> {
    return boot(this.spec, options, (running, root) => {
      this.#process = running;
      this.paths = new ProjectPaths(root, this.spec.entry ?? "");
      this.ended = running.ended;
      running.owner = this;
      if (this.#killed !== null) running.kill(this.#killed.cause);
    });
  }

  /** It takes requests from now on. */
  booted(nowMs: number): void {
    const running = this.#process!;
    this.#move("warm");
    this.#idleSinceMs = nowMs;
    const watched = { ping: () => running.channel.ping(0), running: () => this.running };
    this.#watch = new ProcessWatch(this.spec, watched, nowMs);
  }

  /** Freezes it when nothing is open, and its hooks, if it has any, have run. Returns whether it did. */
  freeze(nowMs: number): boolean {
    if (this.#state !== "warm") return false;
    if (this.open > 0) this.lifecycle.stayAwake(nowMs);
    else if (this.lifecycle.isSettled(nowMs) && this.#process!.bounds.freezer.freeze()) {
      this.#move("frozen");
      this.#frozenAtMs = nowMs;
      this.#paging.begin();
    }
    return this.isAsleep;
  }

  /** It sleeps, and its memory was not asked for yet: it is frozen, or paged but for what its requests use. */
  get isPageable(): boolean {
    return this.isAsleep && !this.#paging.wasTried;
  }

  /** Calls one that is frozen paged when next to nothing is in RAM. Returns what that is, or null. Bytes. */
  restAsPaged(pager: Pager): number | null {
    if (this.#state !== "frozen") return null;
    const bytes = this.#paging.keptBytes(pager, this.#process!.pid);
    if (bytes !== null) this.#move("paged");
    return bytes;
  }

  /** Hands its memory to swap, once each time it sleeps. Null when it was woken or ended meanwhile, or it cannot be done. */
  async page(pager: Pager): Promise<Paged | null> {
    if (!this.isPageable) return null;
    const paged = await this.#paging.page(pager, this.#process!.pid);
    if (paged !== null && this.#state === "frozen") this.#move("paged");
    return paged;
  }

  /** Wakes it, frozen or paged; it can be given requests at once. Its owner hears `onAwake` when it gives a sign of life. */
  thaw(nowMs: number): Wake {
    const wake = new Wake(this.#state === "paged" ? "paged" : "frozen", nowMs);
    this.#process!.bounds.freezer.thaw();
    this.#paging.stop();
    this.#move("warm");
    this.#idleSinceMs = nowMs;
    this.#watch!.onWoken(nowMs);
    this.lifecycle.woken(wake, nowMs - this.#frozenAtMs, nowMs);
    return wake;
  }

  /** Looks at what it takes, and at its health; for one that runs. Ends it, and returns false, when something is wrong. */
  look(nowMs: number): boolean {
    const running = this.#process;
    if (running === null) return false;
    const requests = this.#watch === null ? 0 : this.running;
    const note = (breach: PlatformError) => this.#owner.log.breached(running.id, breach);
    const cause = running.bounds.look(nowMs, requests, note) ?? this.#watch?.look(nowMs) ?? null;
    if (cause !== null) running.kill(cause);
    return cause === null;
  }

  /** Resolves when nothing is open any more, or the time is over. */
  async drained(timeoutMs: number): Promise<void> {
    this.leases.recall();
    if (timeoutMs <= 0 || this.open === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle.push(resolve);
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
  }

  /** Asks it to end, in good time: no more requests reach it. What is open is lost with `cause`. Twice is safe. */
  end(cause: PlatformError | null): void {
    const running = this.#process;
    if (running === null) return;
    const { isAsleep } = this;
    void running.stop(cause);
    // It has to run to hear that it should end.
    if (isAsleep) running.bounds.freezer.thaw();
  }

  /** Ends it at once, also one that has no process yet. */
  kill(cause: PlatformError | null): void {
    this.#killed ??= { cause };
    this.#process?.kill(cause);
    this.#place.release();
  }

  /** Another wire to it, for a lessee. @throws when there is no descriptor left */
  openWire(): number {
    return this.#process!.openWire();
  }

  /** It is given no more requests, and asked for back. */
  retire(nowMs: number): void {
    this.retiredAtMs = nowMs;
    this.leases.recall();
  }

  // --- what the places ask ---

  get evictable(): Evictable | null {
    if (!this.isUp || this.open > 0) return null;
    const { isSuperseded } = this.#owner;
    return {
      isSuperseded,
      mayStop: this.spec.standby === "stop-allowed",
      idleSinceMs: this.#idleSinceMs,
      isFrozen: this.isAsleep,
    };
  }

  /** @param why default: another instance needs its place */
  evict(why: string | null = null): Promise<unknown> {
    const { exited } = this;
    this.#owner.onEvicted(this, why);
    this.end(null);
    return exited;
  }

  // --- what the process says ---

  onLine(
    from: RunnerProcess,
    stream: "stdout" | "stderr",
    printed: string,
    requestId: string | null,
  ): void {
    const line = this.paths?.shown(printed) ?? printed;
    this.lastLines.push(line);
    if (this.lastLines.length > lastLinesMax) this.lastLines.shift();
    this.#owner.log.line(from.id, stream, line, requestId);
  }

  onThrottle(stream: "stdout" | "stderr"): void {
    this.#owner.log.throttled(this.id, stream);
  }

  onStreamClosed(): void {
    this.#idleSinceMs = this.#clock.lastMs;
    this.#owner.onStreamClosed(this);
    if (this.open === 0) for (const tell of this.#onIdle.splice(0)) tell();
  }

  onPong(): void {
    this.#watch?.onPong(this.#clock.lastMs);
    this.lifecycle.onPong();
  }

  onLifecycle(event: LifecycleEvent): void {
    this.lifecycle.onEvent(event);
  }

  onGoing(): void {
    this.#paging.stop();
    if (this.isUp) {
      this.#move("going");
      this.leases.recall();
      this.#owner.onGoing(this);
    }
    this.#place.release();
  }

  onExit(end: ProcessEnd): void {
    const { cause } = end;
    const error = cause ?? new PlatformError("APP_EXITED", [this.spec.app, describeEnd(end)]);
    this.leases.ended(error);
    if (this.open === 0) for (const tell of this.#onIdle.splice(0)) tell();
    this.#owner.onExit(this, end);
    this.#process = null;
    this.#watch = null;
  }

  #move(to: InstanceState): void {
    const from = this.#state;
    invariant(ARROWS[from].includes(to), `an instance does not go from ${from} to ${to}`);
    this.#state = to;
  }
}
