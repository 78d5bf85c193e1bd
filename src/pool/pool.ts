/**
 * All there is of one version on this node: its instances, the requests that wait for one, and what is known about its
 * failures.
 *
 *   stopped ──request──▶ starting ──first loaded──▶ warm ⇄ frozen, paged (all of them)
 *      ▲                    │                         │       │
 *      ├────────────────────┼── idle, crash, ─────────┴───────┘   the old process may still be on its way out
 *      │                    │   drained, stop()
 *      └──▶ failed ◀────────┘ crash of the last one
 *             └──back-off over, request──▶ starting
 *
 * Starting is single-flight. A request that finds no instance is held; one that finds the version `failed` is answered
 * at once. A frozen instance is woken by the request itself: the signal and the frame leave in the same turn.
 */
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { AppRequestLog } from "../telemetry/request-log.ts";
import { Traffic } from "../telemetry/traffic.ts";
import type { ClientStream } from "../wire/client-stream.ts";
import { Wake } from "../wire/wake.ts";
import { Admission } from "./admission.ts";
import { BackOff } from "./back-off.ts";
import { bootError, visitorError } from "./boot-error.ts";
import { Claim } from "./claim.ts";
import type { Destination } from "./destination.ts";
import type { RequestStart } from "./holds.ts";
import { Instance } from "./instance.ts";
import { InstanceMemory } from "./instance-memory.ts";
import type { InstanceOwner } from "./instance-owner.ts";
import { Instances } from "./instances.ts";
import { PoolCounters } from "./pool-counters.ts";
import { type PoolFacts, type PoolState, poolFacts } from "./pool-facts.ts";
import { PoolLog } from "./pool-log.ts";
import type { PoolOptions } from "./pool-options.ts";
import { describeEnd, type ProcessEnd } from "./process-end.ts";
import { ProjectPaths } from "./project-paths.ts";
import { Ready } from "./ready.ts";
import { Standby } from "./standby.ts";
import type { Ticked } from "./ticks.ts";
import { Turnover } from "./turnover.ts";

export class Pool implements Destination, InstanceOwner, Ticked {
  readonly spec: VersionSpec;
  readonly counters = new PoolCounters();
  /** What the edge has answered. */
  readonly traffic = new Traffic();
  /** Null when requests are not recorded. */
  readonly requestLog: AppRequestLog | null;
  readonly #options: PoolOptions;
  readonly #paths: ProjectPaths;
  readonly log: PoolLog;
  readonly #requests: Admission;
  readonly #claim: Claim;
  readonly #backOff = new BackOff();
  readonly instances = new Instances();
  readonly #ready = new Ready();
  readonly standby: Standby;
  readonly turnover: Turnover;
  /** The one that was started last. */
  #latest: Instance | null = null;
  #starting: Promise<void> | null = null;
  /** Of the request for which an instance was started last. */
  #startWake: Wake | null = null;
  /** The latest start or process failed, and nothing has started since. */
  #isFailed = false;
  /** Why nothing is started any more: `stop` was called. */
  #stopError: PlatformError | null = null;

  constructor(options: PoolOptions) {
    this.spec = options.spec;
    this.#paths = new ProjectPaths(options.artifactPath(this.spec.digest), this.spec.entry ?? "");
    this.#options = options;
    this.requestLog = options.requestLog?.of(options.spec.app) ?? null;
    const { spec, room } = options;
    this.#requests = new Admission(spec, this.counters, () => this.#ready.running, room.held);
    this.#claim = new Claim(options.spec, options.places, options.room, this.#requests);
    this.log = new PoolLog(options.spec, options.log, options.clock);
    this.standby = new Standby(options, this.#ready, this.log);
    this.turnover = new Turnover({
      spec: options.spec,
      instances: this.instances,
      ready: this.#ready,
      counters: this.counters,
      log: this.log,
    });
  }

  get state(): PoolState {
    if (this.spec.entry === null) return "static";
    if (this.#ready.all.some(({ state }) => state === "warm")) return "warm";
    if (this.#ready.count > 0) {
      return this.#ready.all.every(({ state }) => state === "paged") ? "paged" : "frozen";
    }
    if (this.instances.isStarting) return "starting";
    return this.#isFailed ? "failed" : "stopped";
  }

  /** Whether a process of it is there, in any state. */
  get hasProcess(): boolean {
    return this.instances.count > 0;
  }

  /** The version is live on no branch any more, or is again. What is open is ended when its time to drain is over. */
  set isSuperseded(isSuperseded: boolean) {
    this.standby.isSuperseded = isSuperseded;
    // It is due at another time.
    if (this.hasProcess) this.#options.ticks.awaken(this);
  }

  get isSuperseded(): boolean {
    return this.standby.isSuperseded;
  }

  /** Last lines the instance printed that was started last; evidence. */
  get lastLines(): readonly string[] {
    return this.#latest?.lastLines ?? [];
  }

  /**
   * Takes a request: sends it, holds it, or fails it. `stream.onOpen` or `stream.onLost` follows, perhaps before this
   * returns. Never throws.
   */
  submit(stream: ClientStream, start: RequestStart): void {
    if (this.#stopError !== null) return this.#requests.refuse(stream, this.#stopError);
    if (this.#ready.count > 0) {
      const instance = this.#ready.next();
      if (instance.isAsleep) stream.wake = this.#wake(instance);
      return this.#requests.submit(stream, start, instance.channel);
    }
    const refusal = this.#backOff.refusal(this.#options.clock.nowMs());
    // One that was started before the other crashed may serve it yet.
    const isRefused = refusal !== null && !this.instances.isStarting;
    if (isRefused) return this.#requests.refuse(stream, refusal);
    if (!this.#requests.hold(stream, start)) return;
    this.counters.misses += 1;
    if (this.#starting === null) {
      this.#startWake = new Wake("started", this.#options.clock.nowMs());
      stream.wake = this.#startWake;
    }
    this.#startIfAwaited();
  }

  /** Nobody waits for this request any more, wherever it is. Twice is safe. */
  cancel(stream: ClientStream): void {
    this.#requests.cancel(stream);
  }

  /** A request was held for as long as it may be: counts it, and says why no instance took it. The caller cancels it. */
  heldTooLong(): PlatformError {
    const error = this.#claim.heldTooLong();
    this.counters.refused(error.code);
    return error;
  }

  /**
   * Starts an instance when there is none; waits for a place no longer than a request does. Resolves when one is warm.
   *
   * @throws {PlatformError} why none is.
   */
  async start(): Promise<void> {
    if (this.#ready.count > 0) return;
    this.#claim.isStartAsked = true;
    await this.#startOnce();
  }

  /**
   * Starts or wakes what there is, for edges in processes of their own. Gives those that take requests, all of them warm.
   *
   * @throws {PlatformError} why there is none, as visitors are told.
   */
  async awake(): Promise<readonly Instance[]> {
    const refusal = this.#stopError ?? this.#backOff.refusal(this.#options.clock.nowMs());
    const mayServe = this.#ready.count > 0 || this.instances.isStarting;
    if (refusal !== null && (!mayServe || this.#stopError !== null)) throw refusal;
    await this.start().catch((error) => Promise.reject(this.#backOff.failureFor(error)));
    for (const instance of this.#ready.all) if (instance.isAsleep) this.#wake(instance);
    return this.#ready.all;
  }

  /** Freezes what is idle now. Returns whether all there is sleeps. */
  freeze(): boolean {
    for (const instance of this.#ready.all) this.standby.freeze(instance);
    return this.#ready.count > 0 && this.#ready.all.every(({ isAsleep }) => isAsleep);
  }

  /** Hands the memory of what is frozen to swap. Resolves with what that gave back when it is done. Bytes. */
  async page(): Promise<number> {
    let bytes = 0;
    for (const instance of [...this.#ready.all]) bytes += await this.standby.page(instance);
    return bytes;
  }

  /**
   * Ends every instance when its requests have ended or the time is over, whichever is first; what is held or still open
   * then fails with `error`, and so does what comes later. Resolves when processes and folders are gone. Called again,
   * the shorter time counts.
   */
  async stop(drainTimeoutMs: number, error: PlatformError): Promise<void> {
    this.#stopError ??= error;
    this.#requests.fail(error);
    const drained = this.instances.end(drainTimeoutMs, error, this.log);
    this.#claim.giveUp(error);
    await this.#starting?.catch(() => {});
    await drained;
    await this.instances.gone();
  }

  /** Looks at idle time, health and memory. */
  tick(nowMs: number): number {
    this.#lookAtAll(nowMs);
    if (this.turnover.hasSurplus) return nowMs;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const instance of this.instances) {
      if (instance.isUp) dueMs = Math.min(dueMs, this.standby.dueMs(instance, nowMs));
      else if (instance.state === "starting") dueMs = nowMs;
    }
    return dueMs;
  }

  #lookAtAll(nowMs: number): void {
    for (const instance of this.instances) {
      if (instance.isUp) this.#look(instance, nowMs);
      // What an app does while it starts counts as well.
      else if (instance.state === "starting") instance.look(nowMs);
    }
    const worn = this.#starting === null ? this.turnover.findWorn() : null;
    if (worn !== null && this.#backOff.refusal(nowMs) === null) {
      worn.isWorn = true;
      this.#startUnawaited();
    }
    if (this.#ready.count === 0 || this.isSuperseded) return;
    const isOneMoreWanted = this.turnover.rescale(this.#requests.waiting, nowMs);
    // One that is not needed to serve at all takes nobody's place.
    const mayStart = this.#claim.isFree && this.#starting === null;
    if (isOneMoreWanted && mayStart) this.#startUnawaited();
  }

  /** Looks without waking anybody. */
  facts(nowMs: number): PoolFacts {
    return poolFacts({
      state: this.state,
      isRefused: this.#backOff.refusal(nowMs) !== null,
      instances: [...this.instances],
      idleMs: this.#ready.idleMs(nowMs),
      waiting: this.#requests.waiting,
      counters: this.counters,
      failure: this.#backOff.failure,
      nowMs,
    });
  }

  // --- what the instances say ---

  onStreamClosed(instance: Instance): void {
    if (instance.retiredAtMs !== null) {
      if (instance.open === 0) instance.end(null);
    } else if (instance.state === "warm") this.#requests.release(instance.channel);
    const { places } = this.#options;
    if (places.waiting > 0 && instance.open === 0) places.settle();
  }

  onHeld(instance: Instance): void {
    this.#wake(instance);
  }

  onEvicted(instance: Instance, why: string | null): void {
    this.counters.evictions += 1;
    this.log.evicted(instance.id, why);
  }

  onGoing(instance: Instance): void {
    this.#ready.remove(instance);
  }

  onExit(instance: Instance, end: ProcessEnd): void {
    const { wasAsked, cause } = end;
    this.log.ended(instance.id, end);
    // One during a start is told by the start itself.
    if (instance.state === "starting") return;
    this.instances.delete(instance);
    if (!wasAsked) {
      const error = cause ?? new PlatformError("APP_EXITED", [this.spec.app, describeEnd(end)]);
      this.#crashed(instance, error, this.#options.clock.nowMs() - instance.startedAtMs);
    }
    this.#startIfAwaited();
  }

  // --- private: starting ---

  #startIfAwaited(): void {
    if (this.#requests.waiting === 0 || this.#ready.count > 0) return;
    // What goes wrong is told to those who wait.
    void this.#startOnce().catch(() => {});
  }

  /** Starts another instance, unless one is about to start. @throws {PlatformError} why it did not. */
  #startOnce(): Promise<void> {
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null;
      this.#claim.isStartAsked = false;
      // Whoever was told that this one failed may have asked again at once.
      this.#startIfAwaited();
    });
    return this.#starting;
  }

  /** That it did not start is in the log, and in the back-off. */
  #startUnawaited(): void {
    this.#claim.isStartAsked = true;
    void this.#startOnce().catch(() => {});
  }

  async #start(): Promise<void> {
    const { clock } = this.#options;
    // Old processes may still be on their way out.
    const { max } = this.spec.instances;
    if (this.instances.count >= max) await this.instances.fewerThan(max);
    if (this.#stopError !== null) throw this.#stopError;
    const { place, share } = await this.#claim.take().catch((error) => this.#refused(error));
    const refusal = this.#stopError ?? this.#backOff.refusal(clock.nowMs());
    if (refusal !== null) {
      place.release();
      share.release();
      return this.#refused(refusal);
    }
    const instance = new Instance(this.spec, clock, this, place);
    instance.share = share;
    const parts = { claim: this.#claim, ready: this.#ready, standby: this.standby };
    share.holder = new InstanceMemory(instance, parts);
    this.instances.add(instance);
    this.#options.ticks.awaken(this);
    this.#latest = instance;
    this.#isFailed = false;
    this.counters.starts += 1;
    try {
      await instance.boot(this.#options);
      if (this.#stopError !== null) throw this.#stopError;
    } catch (thrown) {
      await this.#failed(instance, thrown);
    }
    const nowMs = clock.nowMs();
    instance.booted(nowMs);
    this.#ready.add(instance);
    this.instances.started(instance);
    this.#backOff.started();
    this.log.started(instance.id, instance.pid, nowMs - instance.startedAtMs);
    this.#startWake?.done(nowMs);
    this.#requests.release(instance.channel);
    this.instances.lendLikeOthers(instance);
    this.turnover.retireWorn(nowMs);
    this.#options.ticks.awaken(this);
  }

  /** Tells those who wait why nothing is started. @throws {PlatformError} the same */
  #refused(error: PlatformError): never {
    if (this.#ready.count === 0) this.#requests.fail(error);
    throw error;
  }

  /** @throws {PlatformError} why it did not start */
  async #failed(instance: Instance, thrown: unknown): Promise<never> {
    instance.kill(null);
    // Its last lines are evidence.
    await instance.ended;
    this.instances.delete(instance);
    if (this.#stopError !== null) throw this.#stopError;
    const error = bootError(thrown, this.spec, instance.lastLines, instance.paths ?? this.#paths);
    this.log.failed(instance.id, error);
    this.#crashed(instance, error, 0);
    throw error;
  }

  /** Notes a crash; the next start has to wait when there were too many. */
  #crashed(instance: Instance, error: PlatformError, livedMs: number): void {
    const { app } = this.spec;
    this.counters.failures += 1;
    const failure = visitorError(app, error);
    const waitMs = this.#backOff.crashed(failure, livedMs, this.#options.clock.nowMs());
    // As long as others take requests, or may soon, only the requests that it had are lost.
    if (this.#ready.count > 0 || this.instances.isStarting) return;
    if (instance.state === "starting" || waitMs > 0) {
      this.#isFailed = true;
      this.#requests.fail(failure);
    }
  }

  #wake(instance: Instance): Wake {
    this.#options.ticks.awaken(this);
    return this.standby.wake(instance);
  }

  #look(instance: Instance, nowMs: number): void {
    this.standby.look(instance, nowMs);
    if (instance.state !== "warm" || !instance.look(nowMs)) return;
    // An upgrade makes room without an end of a stream.
    if (instance.retiredAtMs === null) this.#requests.release(instance.channel);
  }
}
