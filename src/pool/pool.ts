/**
 * All there is of one version on this node: at most one instance, the requests that wait for it, and what is known about
 * its failures.
 *
 *   stopped ──request──▶ starting ──loaded──▶ warm ⇄ frozen
 *      ▲                    │                   │       │
 *      ├────────────────────┼── idle, crash, ───┴───────┘   the old process may still be on its way out
 *      │                    │   drained, stop()
 *      └──▶ failed ◀────────┘ crash
 *             └──back-off over, request──▶ starting
 *
 * Starting is single-flight. A request that finds no instance is held; one that finds the version `failed` is answered
 * at once. A frozen instance is woken by the request itself: the signal and the frame leave in the same turn.
 */
import type { Clock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { LogSink, PlatformEvent } from "../telemetry/log-record.ts";
import type { ClientStream } from "../wire/client-stream.ts";
import { Admission } from "./admission.ts";
import { BackOff } from "./back-off.ts";
import type { BootOptions } from "./boot.ts";
import { bootError } from "./boot-error.ts";
import type { RequestStart } from "./holds.ts";
import { decideIdle } from "./idle.ts";
import { Instance, type InstanceOwner } from "./instance.ts";
import { holdTimeoutMs } from "./limits.ts";
import type { Claimant, Place, Places } from "./places.ts";
import { PoolCounters } from "./pool-counters.ts";
import { type PoolFacts, type PoolState, poolFacts } from "./pool-facts.ts";
import { PoolLog } from "./pool-log.ts";
import { describeEnd, type ProcessEnd } from "./runner-process.ts";

export interface PoolOptions extends BootOptions {
  spec: VersionSpec;
  log: LogSink;
  clock: Clock;
  /** Of the node; shared by all pools. */
  places: Places;
}

export class Pool implements InstanceOwner, Claimant {
  readonly spec: VersionSpec;
  readonly counters = new PoolCounters();
  readonly #options: PoolOptions;
  readonly #log: PoolLog;
  readonly #requests: Admission;
  readonly #backOff = new BackOff();
  /** All that have a process or are about to, also those on their way out. */
  readonly #instances = new Set<Instance>();
  /** Those that take requests, warm or frozen. */
  readonly #ready: Instance[] = [];
  /** The one that was started last. */
  #latest: Instance | null = null;
  #starting: Promise<void> | null = null;
  /** `start` waits, not only requests. */
  #isStartAsked = false;
  #awaitsPlace = false;
  /** The latest start or process failed, and nothing has started since. */
  #isFailed = false;
  /** Each resolves when an instance and what belonged to it is gone. */
  readonly #endings = new Set<Promise<unknown>>();
  /** Why nothing is started any more: `stop` was called. */
  #stopError: PlatformError | null = null;
  /** Clock time since when the version is live on no branch, or null. */
  #supersededAtMs: number | null = null;

  constructor(options: PoolOptions) {
    this.spec = options.spec;
    this.#options = options;
    this.#requests = new Admission(options.spec, this.counters);
    this.#log = new PoolLog(options.spec, options.log, options.clock);
  }

  get state(): PoolState {
    if (this.#ready.some(({ state }) => state === "warm")) return "warm";
    if (this.#ready.length > 0) return "frozen";
    if (this.#isStarting()) return "starting";
    return this.#isFailed ? "failed" : "stopped";
  }

  /** Whether `tick` has anything to look at. */
  get hasProcess(): boolean {
    return this.#instances.size > 0;
  }

  /** The version is live on no branch any more, or is again. What is open is ended when its time to drain is over. */
  set isSuperseded(isSuperseded: boolean) {
    if (!isSuperseded) this.#supersededAtMs = null;
    else this.#supersededAtMs ??= this.#options.clock.nowMs();
  }

  get isSuperseded(): boolean {
    return this.#supersededAtMs !== null;
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
    if (this.#ready.length > 0) {
      this.counters.hits += 1;
      const instance = this.#ready[0]!;
      if (instance.state === "frozen") this.#thaw(instance);
      return this.#requests.submit(stream, start, instance.channel);
    }
    this.counters.misses += 1;
    const refusal = this.#backOff.refusal(this.#options.clock.nowMs());
    if (refusal !== null) return this.#requests.refuse(stream, refusal);
    if (this.#requests.hold(stream, start)) this.#startIfAwaited();
  }

  /** Nobody waits for this request any more, wherever it is. Twice is safe. */
  cancel(stream: ClientStream): void {
    this.#requests.cancel(stream);
  }

  /** A request was held for as long as it may be: counts it, and says why no instance took it. The caller cancels it. */
  heldTooLong(): PlatformError {
    const error = this.#awaitsPlace
      ? this.#options.places.fullError(this)
      : new PlatformError("HOLD_TIMEOUT", [this.spec.app, holdTimeoutMs]);
    this.counters.refused(error.code);
    return error;
  }

  /**
   * Starts an instance when there is none; waits for a place no longer than a request does. Resolves when one is warm.
   *
   * @throws {PlatformError} why none is.
   */
  async start(): Promise<void> {
    if (this.#ready.length > 0) return;
    this.#isStartAsked = true;
    await this.#startOnce();
  }

  /** For the places: whether somebody waits for a start still. */
  isAwaited(waitedMs: number): boolean {
    return this.#requests.waiting > 0 || (this.#isStartAsked && waitedMs < holdTimeoutMs);
  }

  /** Freezes what is idle now. Returns whether all there is is frozen. */
  freeze(): boolean {
    for (const instance of this.#ready) this.#freeze(instance);
    return this.state === "frozen";
  }

  /**
   * Ends every instance when its requests have ended or the time is over, whichever is first; what is held or still open
   * then fails with `error`, and so does what comes later. Resolves when processes and folders are gone. Called again,
   * the shorter time counts.
   */
  async stop(drainTimeoutMs: number, error: PlatformError): Promise<void> {
    this.#stopError ??= error;
    this.#requests.fail(error);
    const drained = this.#ready.map((instance) => this.#drain(instance, drainTimeoutMs, error));
    this.#options.places.giveUp(this, error);
    for (const instance of this.#instances) if (instance.state === "starting") instance.kill(error);
    await this.#starting?.catch(() => {});
    await Promise.all(drained);
    await Promise.all(this.#endings);
  }

  /** Looks at idle time, health and memory. Called every `tickMs`. */
  tick(nowMs: number): void {
    for (const instance of this.#instances) if (instance.isUp) this.#look(instance, nowMs);
  }

  /** Looks without waking anybody. */
  facts(nowMs: number): PoolFacts {
    const { state } = this;
    // Once its pause is over, the next request starts it: that is what `stopped` means.
    const mayStart = state === "failed" && this.#backOff.refusal(nowMs) === null;
    return poolFacts({
      state: mayStart ? "stopped" : state,
      instances: [...this.#instances],
      ready: this.#ready,
      requests: this.#requests,
      counters: this.counters,
      failure: this.#backOff.failure,
      nowMs,
    });
  }

  // --- what the instances say ---

  onLine(
    instanceId: string,
    stream: "stdout" | "stderr",
    line: string,
    requestId: string | null,
  ): void {
    this.#log.line(instanceId, stream, line, requestId);
  }

  onThrottle(instance: Instance, stream: "stdout" | "stderr"): void {
    const text = `Prints faster than its budget: ${stream} is read more slowly`;
    this.#record(instance, "throttle", text);
  }

  onStreamClosed(instance: Instance): void {
    if (instance.state === "warm") this.#requests.release(instance.channel);
    const { places } = this.#options;
    if (places.waiting > 0 && instance.open === 0) places.settle();
  }

  onEvicted(instance: Instance): void {
    this.counters.evictions += 1;
    this.#record(instance, "evict", "Stopped while idle: another app needs its place");
  }

  onGoing(instance: Instance): void {
    this.#ready.splice(this.#ready.indexOf(instance), 1);
  }

  onExit(instance: Instance, end: ProcessEnd): void {
    const { wasAsked, cause } = end;
    const text = cause?.message ?? `Ended (${describeEnd(end)})`;
    this.#record(instance, wasAsked ? "stop" : "exit", text, {
      exitCode: end.exitCode,
      signal: end.signal,
      ...(cause === null ? {} : { code: cause.code }),
    });
    // One during a start is told by the start itself.
    if (instance.state === "starting") return;
    this.#instances.delete(instance);
    if (!wasAsked) {
      const error = cause ?? new PlatformError("APP_EXITED", [this.spec.app, describeEnd(end)]);
      this.#crashed(instance, error, this.#options.clock.nowMs() - instance.startedAtMs);
    }
    this.#startIfAwaited();
  }

  // --- private: starting ---

  #isStarting(): boolean {
    for (const { state } of this.#instances) if (state === "starting") return true;
    return false;
  }

  #startIfAwaited(): void {
    // What goes wrong is told to those who wait.
    if (this.#requests.waiting > 0 && this.#ready.length === 0) {
      void this.#startOnce().catch(() => {});
    }
  }

  #startOnce(): Promise<void> {
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null;
      this.#isStartAsked = false;
      // Whoever was told that this one failed may have asked again at once.
      this.#startIfAwaited();
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    const { clock } = this.#options;
    // The old process may still be on its way out.
    while (this.#instances.size > 0) await [...this.#instances][0]!.exited;
    const place = await this.#takePlace();
    const refusal = this.#stopError ?? this.#backOff.refusal(clock.nowMs());
    if (refusal !== null) {
      place.release();
      this.#requests.fail(refusal);
      throw refusal;
    }
    const instance = new Instance(this.spec, clock, this, place);
    this.#instances.add(instance);
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
    this.#ready.push(instance);
    this.#noteEnding(instance);
    this.#backOff.started();
    const tookMs = Math.round(nowMs - instance.startedAtMs);
    this.#record(instance, "start", `Started in ${tookMs} ms`, { pid: instance.pid });
    this.#requests.release(instance.channel);
  }

  /** @throws {PlatformError} why there is none */
  async #takePlace(): Promise<Place> {
    if (this.#stopError !== null) throw this.#stopError;
    this.#awaitsPlace = true;
    try {
      return await this.#options.places.take(this);
    } finally {
      this.#awaitsPlace = false;
    }
  }

  /** @throws {PlatformError} why it did not start */
  async #failed(instance: Instance, thrown: unknown): Promise<never> {
    instance.kill(null);
    // Its last lines are evidence.
    await instance.ended;
    this.#instances.delete(instance);
    if (this.#stopError !== null) throw this.#stopError;
    const error = bootError(thrown, this.spec, instance.lastLines);
    this.#record(instance, "error", error.message, { code: error.code });
    this.#crashed(instance, error, 0);
    throw error;
  }

  /** Notes a crash; the next start has to wait when there were too many. */
  #crashed(instance: Instance, error: PlatformError, livedMs: number): void {
    const { app } = this.spec;
    this.counters.failures += 1;
    // What the app said goes to its log, not to its visitors.
    const failure = new PlatformError("APP_START_FAILED", [app, error.code], { cause: error });
    const waitMs = this.#backOff.crashed(failure, livedMs, this.#options.clock.nowMs());
    if (instance.state === "starting" || waitMs > 0) {
      this.#isFailed = true;
      this.#requests.fail(failure);
    }
  }

  // --- private: running and ending ---

  #look(instance: Instance, nowMs: number): void {
    const { app, limits, idleFreezeMs, idleStopMs } = this.spec;
    const supersededAtMs = this.#supersededAtMs;
    const decision = decideIdle({
      state: instance.state === "frozen" ? "frozen" : "warm",
      open: instance.open,
      idleMs: instance.idleMs(nowMs),
      idleFreezeMs,
      idleStopMs,
      isSuperseded: this.isSuperseded,
      supersededMs:
        supersededAtMs === null || supersededAtMs < instance.startedAtMs
          ? 0
          : nowMs - supersededAtMs,
      requestTimeoutMs: limits.requestTimeoutMs,
    });
    if (decision === "stop") return instance.end(null);
    if (decision === "drain") {
      return instance.end(new PlatformError("APP_EXITED", [app, "stopped for a newer version"]));
    }
    if (decision === "freeze") this.#freeze(instance);
    // An upgrade makes room without an end of a stream.
    if (instance.state === "warm" && instance.look(nowMs)) this.#requests.release(instance.channel);
  }

  #freeze(instance: Instance): void {
    if (!instance.freeze(this.#options.clock.nowMs())) return;
    const memoryBytes = instance.memoryBytes();
    this.#record(instance, "freeze", "Frozen: no CPU until the next request", { memoryBytes });
  }

  #thaw(instance: Instance): void {
    const frozenMs = Math.round(instance.thaw(this.#options.clock.nowMs()));
    this.#record(instance, "wake", `Woken; it was frozen for ${frozenMs} ms`, { frozenMs });
  }

  /** Ends it when nothing is open any more, or the time is over. */
  async #drain(instance: Instance, timeoutMs: number, error: PlatformError): Promise<void> {
    if (timeoutMs > 0 && instance.open > 0) {
      this.#record(instance, "drain", `Ending within ${timeoutMs} ms`);
      await instance.drained(timeoutMs);
    }
    instance.end(error);
  }

  #noteEnding({ ended }: Instance): void {
    this.#endings.add(ended);
    void ended.then(() => this.#endings.delete(ended));
  }

  #record(
    instance: Instance,
    event: PlatformEvent,
    text: string,
    fields?: Record<string, unknown>,
  ): void {
    this.#log.event(event, instance.id, text, fields);
  }
}
