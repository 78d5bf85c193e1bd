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
import { invariant, messageOf, PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { privateMemoryBytes } from "../sandbox/process-facts.ts";
import { freezeGroup, thawGroup } from "../sandbox/process-group.ts";
import type { LogSink, PlatformEvent } from "../telemetry/log-record.ts";
import type { ClientStream } from "../wire/client-stream.ts";
import { Admission } from "./admission.ts";
import { BackOff } from "./back-off.ts";
import { type BootOptions, boot } from "./boot.ts";
import { bootError } from "./boot-error.ts";
import type { RequestStart } from "./holds.ts";
import { decideIdle } from "./idle.ts";
import { lastLinesMax } from "./limits.ts";
import { PoolLog } from "./pool-log.ts";
import { ProcessWatch } from "./process-watch.ts";
import {
  describeEnd,
  type ProcessEnd,
  type RunnerProcess,
  type RunnerProcessOwner,
} from "./runner-process.ts";

export type PoolState = "stopped" | "starting" | "warm" | "frozen" | "failed";

const ARROWS: Record<PoolState, readonly PoolState[]> = {
  stopped: ["starting", "failed"],
  starting: ["warm", "failed", "stopped"],
  warm: ["frozen", "stopped"],
  frozen: ["warm", "stopped"],
  failed: ["starting"],
};

export interface PoolOptions extends BootOptions {
  spec: VersionSpec;
  log: LogSink;
  clock: Clock;
}

/** What `levain ps` shows of a pool. */
export interface PoolFacts {
  state: PoolState;
  pid: number | null;
  memoryBytes: number | null;
  requests: number;
  requestsInFlight: number;
  ageMs: number | null;
  idleMs: number | null;
  starts: number;
  failures: number;
  cause: string | null;
}

export class Pool implements RunnerProcessOwner {
  readonly spec: VersionSpec;
  readonly #options: PoolOptions;
  readonly #log: PoolLog;
  readonly #requests: Admission;
  readonly #backOff = new BackOff();
  #state: PoolState = "stopped";
  /** The instance, also while it is on its way out. */
  #process: RunnerProcess | null = null;
  #watch: ProcessWatch | null = null;
  #starting: Promise<void> | null = null;
  /** Resolves when the latest process and what belonged to it is gone. */
  #ended: Promise<unknown> = Promise.resolve();
  /** Why nothing is started any more: `stop` was called. */
  #stopError: PlatformError | null = null;
  /** Clock time since when the version is live on no branch, or null. */
  #supersededAtMs: number | null = null;
  /** Told when no request is open any more. */
  #onIdle: (() => void)[] = [];
  readonly #lastLines: string[] = [];

  #starts = 0;
  #failures = 0;
  #startedAtMs = 0;
  #idleSinceMs = 0;
  #frozenAtMs = 0;

  constructor(options: PoolOptions) {
    this.spec = options.spec;
    this.#options = options;
    this.#requests = new Admission(options.spec);
    this.#log = new PoolLog(options.spec, options.log, options.clock);
  }

  get state(): PoolState {
    return this.#state;
  }

  /** Whether `tick` has anything to look at. */
  get hasProcess(): boolean {
    return this.#process !== null;
  }

  /** The version is live on no branch any more, or is again. What is open is ended when its time to drain is over. */
  set isSuperseded(isSuperseded: boolean) {
    if (!isSuperseded) this.#supersededAtMs = null;
    else this.#supersededAtMs ??= this.#options.clock.nowMs();
  }

  /** Last lines the current or latest process printed; evidence. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  /**
   * Takes a request: sends it, holds it, or fails it. `stream.onOpen` or `stream.onLost` follows, perhaps before this
   * returns. Never throws.
   */
  submit(stream: ClientStream, start: RequestStart): void {
    if (this.#stopError !== null) return stream.onLost(this.#stopError);
    if (this.#state === "frozen") this.#thaw();
    if (this.#state === "warm") {
      return this.#requests.submit(stream, start, this.#process!.channel);
    }
    const refusal = this.#backOff.refusal(this.#options.clock.nowMs());
    if (refusal !== null) return stream.onLost(refusal);
    if (this.#requests.hold(stream, start)) this.#startIfAwaited();
  }

  /** Nobody waits for this request any more, wherever it is. Twice is safe. */
  cancel(stream: ClientStream): void {
    this.#requests.cancel(stream);
  }

  /**
   * Starts the process when there is none. Resolves when it is warm.
   *
   * @throws {PlatformError} why it is not.
   */
  async start(): Promise<void> {
    if (this.#state === "warm" || this.#state === "frozen") return;
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null;
    });
    await this.#starting;
  }

  /** Freezes an idle instance now. Returns whether it is frozen. */
  freeze(): boolean {
    if (this.#state !== "warm") return this.#state === "frozen";
    const { pid, channel } = this.#process!;
    if (channel.openStreams > 0 || !freezeGroup(pid)) return false;
    this.#move("frozen");
    this.#frozenAtMs = this.#options.clock.nowMs();
    const memoryBytes = privateMemoryBytes(pid);
    this.#record("freeze", "Frozen: no CPU until the next request", { memoryBytes });
    return true;
  }

  /**
   * Ends the instance when its requests have ended or the time is over, whichever is first; what is held or still open
   * then fails with `error`, and so does what comes later. Resolves when the process and its folder are gone. Called
   * again, the shorter time counts.
   */
  async stop(drainTimeoutMs: number, error: PlatformError): Promise<void> {
    this.#stopError ??= error;
    this.#requests.fail(error);
    if (this.#starting !== null) {
      if (this.#state === "starting") this.#process?.kill(error);
      await this.#starting.catch(() => {});
    }
    if (this.#state === "warm" || this.#state === "frozen") {
      await this.#drained(drainTimeoutMs);
      this.#end(error);
    }
    await this.#ended;
  }

  /** Looks at idle time, health and memory. Called every `tickMs`. */
  tick(nowMs: number): void {
    if (this.#state !== "warm" && this.#state !== "frozen") return;
    const { channel } = this.#process!;
    const { app, limits, idleFreezeMs, idleStopMs } = this.spec;
    const supersededAtMs = this.#supersededAtMs;
    const decision = decideIdle({
      state: this.#state,
      open: channel.openStreams,
      idleMs: nowMs - this.#idleSinceMs,
      idleFreezeMs,
      idleStopMs,
      isSuperseded: supersededAtMs !== null,
      supersededMs:
        supersededAtMs === null || supersededAtMs < this.#startedAtMs ? 0 : nowMs - supersededAtMs,
      requestTimeoutMs: limits.requestTimeoutMs,
    });
    if (decision === "stop") return this.#end(null);
    if (decision === "drain") {
      return this.#end(new PlatformError("APP_EXITED", [app, "stopped for a newer version"]));
    }
    if (decision === "freeze") this.freeze();
    if (this.#state === "frozen") return;
    const cause = this.#watch!.look(nowMs);
    if (cause !== null) this.#process!.kill(cause);
    // An upgrade makes room without an end of a stream.
    else this.#requests.release(channel);
  }

  /** Looks without waking anybody. */
  facts(nowMs: number): PoolFacts {
    const running = this.#process;
    const open = running?.channel.openStreams ?? 0;
    const isUp = this.#state === "warm" || this.#state === "frozen";
    const failure = this.#backOff.failure;
    // Once its pause is over, the next request starts it: that is what `stopped` means.
    const mayStart = this.#state === "failed" && this.#backOff.refusal(nowMs) === null;
    return {
      state: mayStart ? "stopped" : this.#state,
      pid: running?.pid ?? null,
      memoryBytes: running === null ? null : privateMemoryBytes(running.pid),
      requests: this.#requests.admitted,
      requestsInFlight: open,
      ageMs: running === null ? null : nowMs - this.#startedAtMs,
      idleMs: isUp && open === 0 ? nowMs - this.#idleSinceMs : null,
      starts: this.#starts,
      failures: this.#failures,
      cause: failure === null ? null : messageOf(failure.cause ?? failure),
    };
  }

  // --- what the process says ---

  onLine(
    from: RunnerProcess,
    stream: "stdout" | "stderr",
    line: string,
    requestId: string | null,
  ): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > lastLinesMax) this.#lastLines.shift();
    this.#log.line(from.id, stream, line, requestId);
  }

  onThrottle(stream: "stdout" | "stderr"): void {
    this.#record("throttle", `Prints faster than its budget: ${stream} is read more slowly`);
  }

  onStreamClosed(): void {
    this.#idleSinceMs = this.#options.clock.nowMs();
    const { channel } = this.#process!;
    if (this.#state === "warm") this.#requests.release(channel);
    if (channel.openStreams === 0) for (const tell of this.#onIdle.splice(0)) tell();
  }

  onPong(): void {
    this.#watch?.onSignOfLife(this.#options.clock.nowMs());
  }

  onGoing(): void {
    if (this.#state === "warm" || this.#state === "frozen") this.#move("stopped");
  }

  onExit(end: ProcessEnd): void {
    const { wasAsked, cause } = end;
    this.#record(wasAsked ? "stop" : "exit", cause?.message ?? `Ended (${describeEnd(end)})`, {
      exitCode: end.exitCode,
      signal: end.signal,
      ...(cause === null ? {} : { code: cause.code }),
    });
    this.#process = null;
    this.#watch = null;
    // One during a start is told by the start itself.
    if (this.#state === "starting") return;
    if (!wasAsked) {
      const livedMs = this.#options.clock.nowMs() - this.#startedAtMs;
      const error = cause ?? new PlatformError("APP_EXITED", [this.spec.app, describeEnd(end)]);
      this.#crashed(error, livedMs);
    }
    this.#startIfAwaited();
  }

  // --- private: starting ---

  #startIfAwaited(): void {
    // What goes wrong is told to those who wait.
    if (this.#requests.waiting > 0) void this.start().catch(() => {});
  }

  async #start(): Promise<void> {
    const { clock } = this.#options;
    // The old process may still be on its way out.
    while (this.#process !== null) await this.#process.exited;
    const refusal = this.#stopError ?? this.#backOff.refusal(clock.nowMs());
    if (refusal !== null) {
      this.#requests.fail(refusal);
      throw refusal;
    }
    this.#move("starting");
    this.#starts += 1;
    this.#lastLines.length = 0;
    this.#startedAtMs = clock.nowMs();
    try {
      await boot(this.spec, this.#options, (running) => this.#take(running));
      if (this.#stopError !== null) throw this.#stopError;
    } catch (thrown) {
      (this.#process as RunnerProcess | null)?.kill();
      // Its last lines are evidence.
      await this.#ended;
      if (this.#stopError !== null) {
        this.#move("stopped");
        throw this.#stopError;
      }
      const error = bootError(thrown, this.spec, this.#lastLines);
      this.#record("error", error.message, { code: error.code });
      this.#crashed(error, 0);
      throw error;
    }
    const nowMs = clock.nowMs();
    const running = this.#process!;
    this.#move("warm");
    this.#backOff.started();
    this.#idleSinceMs = nowMs;
    this.#watch = new ProcessWatch(
      this.spec,
      { ping: () => running.channel.ping(0), memoryBytes: () => privateMemoryBytes(running.pid) },
      nowMs,
    );
    const tookMs = Math.round(nowMs - this.#startedAtMs);
    this.#record("start", `Started in ${tookMs} ms`, { pid: running.pid });
    this.#requests.release(running.channel);
  }

  #take(running: RunnerProcess): void {
    this.#process = running;
    this.#ended = running.ended;
    running.owner = this;
    if (this.#stopError !== null) running.kill(this.#stopError);
  }

  /** Notes a crash; the next start has to wait when there were too many. */
  #crashed(error: PlatformError, livedMs: number): void {
    const { app } = this.spec;
    this.#failures += 1;
    // What the app said goes to its log, not to its visitors.
    const failure = new PlatformError("APP_START_FAILED", [app, error.code], { cause: error });
    const waitMs = this.#backOff.crashed(failure, livedMs, this.#options.clock.nowMs());
    if (this.#state === "starting" || waitMs > 0) {
      this.#move("failed");
      this.#requests.fail(failure);
    }
  }

  // --- private: running and ending ---

  #thaw(): void {
    const nowMs = this.#options.clock.nowMs();
    thawGroup(this.#process!.pid);
    this.#move("warm");
    this.#idleSinceMs = nowMs;
    this.#watch!.onSignOfLife(nowMs);
    const frozenMs = Math.round(nowMs - this.#frozenAtMs);
    this.#record("wake", `Woken; it was frozen for ${frozenMs} ms`, { frozenMs });
  }

  /** Resolves when nothing is open any more, or the time is over. */
  async #drained(timeoutMs: number): Promise<void> {
    if (timeoutMs <= 0 || this.#process!.channel.openStreams === 0) return;
    this.#record("drain", `Ending within ${timeoutMs} ms`);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle.push(resolve);
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
  }

  /** Asks the process to end, in good time: no more requests reach it. */
  #end(cause: PlatformError | null): void {
    const running = this.#process;
    if (running === null) return;
    const isFrozen = this.#state === "frozen";
    void running.stop(cause);
    // It has to run to hear that it should end.
    if (isFrozen) thawGroup(running.pid);
  }

  #move(to: PoolState): void {
    invariant(ARROWS[this.#state].includes(to), `a pool does not go from ${this.#state} to ${to}`);
    this.#state = to;
  }

  #record(event: PlatformEvent, text: string, fields?: Record<string, unknown>): void {
    this.#log.event(event, this.#process?.id ?? null, text, fields);
  }
}
