/**
 * All there is of one version on this node: at most one instance, the requests that wait for it, and what is known about
 * its failures.
 *
 *   stopped ──request──▶ starting ──loaded──▶ warm ⇄ frozen ──idle──▶ stopped
 *                           │                   └──crash──▶ stopped or failed
 *                           └──crash──▶ failed ──back-off over, request──▶ starting
 *
 * Starting is single-flight. A request that finds no instance is held; one that finds the version `failed` is answered
 * at once. A frozen instance is woken by the request itself: the signal and the frame leave in the same turn.
 */
import type { Clock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import { type VersionSpec, versionName } from "../base/version-spec.ts";
import { privateMemoryBytes } from "../sandbox/process-facts.ts";
import { freezeGroup, thawGroup } from "../sandbox/process-group.ts";
import type { LogSink, PlatformEvent } from "../telemetry/log-record.ts";
import type { ClientStream } from "../wire/client-stream.ts";
import { backOffMs, crashesAfter } from "./back-off.ts";
import { bootError } from "./boot-error.ts";
import { Holds, type RequestStart } from "./holds.ts";
import { decideIdle } from "./idle.ts";
import {
  holdsMax,
  lastLinesMax,
  memorySampleMs,
  pingIntervalMs,
  tickMs,
  unresponsiveTimeoutMs,
  unresponsiveTimeoutMsMin,
} from "./limits.ts";
import {
  describeEnd,
  type ProcessEnd,
  type RunnerProcess,
  type RunnerProcessOwner,
} from "./runner-process.ts";
import type { Spares } from "./spares.ts";

export type PoolState = "stopped" | "starting" | "warm" | "frozen" | "failed";

export interface PoolOptions {
  spec: VersionSpec;
  /** Folder of the artifact. */
  artifactPath(digest: string): string;
  /** `LEVAIN_*` values for the app's environment. */
  environment(spec: VersionSpec): Record<string, string>;
  spares: Spares;
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
  readonly #holds = new Holds();
  #state: PoolState = "stopped";
  #process: RunnerProcess | null = null;
  #starting: Promise<void> | null = null;
  #failure: PlatformError | null = null;
  /** Clock time before which a failed version is not started again. */
  #retryAtMs = 0;
  #crashes = 0;
  #isSuperseded = false;
  #isStopping = false;

  #requests = 0;
  #starts = 0;
  #failures = 0;
  #startedAtMs = 0;
  #idleSinceMs = 0;
  #frozenAtMs = 0;
  #lastSignOfLifeMs = 0;
  #lastPingMs = 0;
  #lastMemorySampleMs = 0;
  #lastTickMs = 0;
  #memoryBytes: number | null = null;
  readonly #lastLines: string[] = [];
  /** Processes that were told to end. */
  readonly #endings = new WeakSet<RunnerProcess>();

  constructor(options: PoolOptions) {
    this.spec = options.spec;
    this.#options = options;
  }

  get state(): PoolState {
    return this.#state;
  }

  /** Whether `tick` has anything to look at. */
  get hasProcess(): boolean {
    return this.#process !== null;
  }

  /** The version is live on no branch any more, or is again. */
  set isSuperseded(isSuperseded: boolean) {
    this.#isSuperseded = isSuperseded;
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
    if (this.#state === "frozen") this.#thaw();
    if (this.#state === "warm") {
      const { channel } = this.#process!;
      if (channel.openStreams < this.spec.limits.concurrencyMax && this.#holds.count === 0) {
        this.#requests += 1;
        channel.open(
          stream,
          start.buffer,
          start.headStart,
          start.headEnd,
          start.bodyStart,
          start.bodyEnd,
          start.flags,
        );
        return;
      }
      if (this.#holds.count >= this.spec.limits.queueMax) {
        stream.onLost(
          new PlatformError("APP_BUSY", [this.spec.app, this.spec.limits.concurrencyMax]),
        );
        return;
      }
      this.#holds.add(stream, start);
      return;
    }
    this.#hold(stream, start);
  }

  /** Nobody waits for this request any more, wherever it is. Twice is safe. */
  cancel(stream: ClientStream): void {
    if (!this.#holds.remove(stream)) stream.cancel();
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
    if (this.#state !== "warm" || this.#process!.channel.openStreams > 0)
      return this.#state === "frozen";
    if (!freezeGroup(this.#process!.pid)) return false;
    this.#memoryBytes = privateMemoryBytes(this.#process!.pid);
    this.#state = "frozen";
    this.#frozenAtMs = this.#options.clock.nowMs();
    this.#record("freeze", "Frozen: no CPU until the next request", {
      memoryBytes: this.#memoryBytes,
    });
    return true;
  }

  /**
   * Ends the instance when its requests have ended or the time is over, whichever is first. Held requests fail with
   * `error`. Resolves when the process is gone.
   */
  async stop(drainTimeoutMs: number, error: PlatformError): Promise<void> {
    this.#isStopping = true;
    for (let hold = this.#holds.shift(); hold !== null; hold = this.#holds.shift())
      hold.stream.onLost(error);
    const running = this.#process;
    if (running === null) return;
    const deadlineMs = this.#options.clock.nowMs() + drainTimeoutMs;
    while (
      this.#process === running &&
      running.channel.openStreams > 0 &&
      this.#options.clock.nowMs() < deadlineMs
    ) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(tickMs, drainTimeoutMs)));
    }
    await this.#end(running);
  }

  /** Looks at idle time, health and memory. Called every `tickMs`. */
  tick(nowMs: number): void {
    const sinceTickMs = nowMs - this.#lastTickMs;
    this.#lastTickMs = nowMs;
    if (this.#process === null || (this.#state !== "warm" && this.#state !== "frozen")) return;
    const { channel } = this.#process;
    if (channel.openStreams === 0) {
      const { idleFreezeMs, idleStopMs } = this.spec;
      const decision = decideIdle({
        state: this.#state,
        idleMs: nowMs - this.#idleSinceMs,
        idleFreezeMs,
        idleStopMs,
        isSuperseded: this.#isSuperseded,
      });
      if (decision === "freeze") this.freeze();
      if (decision === "stop") {
        void this.#end(this.#process);
        return;
      }
    }
    if (this.#state === "frozen") return;
    // The node itself may have been held up; that is no evidence against the app.
    if (sinceTickMs > 10 * tickMs) this.#lastSignOfLifeMs = nowMs;
    this.#watchHealth(nowMs);
    this.#watchMemory(nowMs);
  }

  facts(nowMs: number): PoolFacts {
    const running = this.#process;
    const inFlight = running?.channel.openStreams ?? 0;
    const isUp = this.#state === "warm" || this.#state === "frozen";
    return {
      state: this.#state,
      pid: running?.pid ?? null,
      memoryBytes: running === null ? null : (privateMemoryBytes(running.pid) ?? this.#memoryBytes),
      requests: this.#requests,
      requestsInFlight: inFlight,
      ageMs: running === null ? null : nowMs - this.#startedAtMs,
      idleMs: isUp && inFlight === 0 ? nowMs - this.#idleSinceMs : null,
      starts: this.#starts,
      failures: this.#failures,
      cause: this.#failure?.message ?? null,
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
    this.#options.log.write({
      time: new Date(this.#options.clock.wallMs()).toISOString(),
      app: this.spec.app,
      version: this.spec.number,
      instance: from.id,
      stream,
      requestId,
      event: null,
      message: line,
    });
  }

  onThrottle(stream: "stdout" | "stderr"): void {
    this.#record(
      "throttle",
      `The app prints faster than its budget: its ${stream} is read more slowly`,
    );
  }

  onStreamClosed(): void {
    this.#idleSinceMs = this.#options.clock.nowMs();
    if (this.#state === "warm" && this.#holds.count > 0) this.#release();
  }

  onPong(): void {
    this.#lastSignOfLifeMs = this.#options.clock.nowMs();
  }

  onEnd(end: ProcessEnd): void {
    const { clock } = this.#options;
    const running = this.#process!;
    const wasExpected = this.#endings.has(running);
    this.#record(
      wasExpected ? "stop" : "exit",
      end.cause?.message ?? `Ended (${describeEnd(end)})`,
      {
        exitCode: end.exitCode,
        signal: end.signal,
        ...(end.cause === null ? {} : { code: end.cause.code }),
      },
    );
    this.#process = null;
    this.#memoryBytes = null;
    // An end that was asked for is no failure; one during a start is told by the start itself.
    if (wasExpected || this.#state === "starting") return;
    this.#failures += 1;
    this.#crashes = crashesAfter(this.#crashes, clock.nowMs() - this.#startedAtMs);
    const waitMs = backOffMs(this.#crashes);
    this.#state = "stopped";
    if (waitMs > 0) {
      this.#fail(
        end.cause ?? new PlatformError("APP_EXITED", [this.spec.app, describeEnd(end)]),
        waitMs,
      );
    } else if (this.#holds.count > 0) {
      void this.start().catch(() => {});
    }
  }

  // --- private ---

  #hold(stream: ClientStream, start: RequestStart): void {
    const { app } = this.spec;
    const nowMs = this.#options.clock.nowMs();
    if (this.#isStopping) return stream.onLost(new PlatformError("NODE_DRAINING", []));
    if (this.#state === "failed" && nowMs < this.#retryAtMs) {
      return stream.onLost(this.#failure!);
    }
    if (this.#holds.count >= holdsMax) {
      return stream.onLost(new PlatformError("HOLD_QUEUE_FULL", [app, holdsMax]));
    }
    this.#holds.add(stream, start);
    void this.start().catch(() => {});
  }

  async #start(): Promise<void> {
    const { spec } = this;
    const { clock, spares } = this.#options;
    // The old process may still be on its way out.
    while (this.#process !== null) await this.#process.ended;
    this.#state = "starting";
    this.#starts += 1;
    this.#lastLines.length = 0;
    this.#startedAtMs = clock.nowMs();
    let running: RunnerProcess | null = null;
    try {
      running = await spares.take();
      this.#process = running;
      running.owner = this;
      await withTimeout(
        running.load(spec.app, {
          root: this.#options.artifactPath(spec.digest),
          entry: spec.entry,
          ephemeral: spec.ephemeral,
          env: { ...spec.env, ...this.#options.environment(spec) },
        }),
        spec.limits.bootTimeoutMs,
      );
    } catch (thrown) {
      if (running !== null) {
        running.kill();
        await running.ended;
      }
      const error = bootError(thrown, spec, this.#lastLines);
      this.#process = null;
      this.#failures += 1;
      this.#crashes = crashesAfter(this.#crashes, 0);
      this.#record("error", error.message, { code: error.code });
      this.#fail(error, backOffMs(this.#crashes));
      throw error;
    }
    const nowMs = clock.nowMs();
    this.#state = "warm";
    this.#failure = null;
    this.#idleSinceMs = nowMs;
    this.#lastSignOfLifeMs = nowMs;
    this.#record("start", `Started in ${Math.round(nowMs - this.#startedAtMs)} ms`, {
      pid: running.pid,
    });
    this.#release();
  }

  /** The version cannot run now: held requests fail, and later ones until the back-off is over. */
  #fail(error: PlatformError, waitMs: number): void {
    this.#state = "failed";
    this.#failure = this.#asStartFailure(error);
    this.#retryAtMs = this.#options.clock.nowMs() + waitMs;
    for (let hold = this.#holds.shift(); hold !== null; hold = this.#holds.shift()) {
      hold.stream.onLost(this.#failure);
    }
  }

  #asStartFailure(error: PlatformError): PlatformError {
    if (error.code === "APP_START_FAILED") return error;
    return new PlatformError("APP_START_FAILED", [this.spec.app, error.message], { cause: error });
  }

  /** Sends held requests as far as there is room. */
  #release(): void {
    const { channel } = this.#process!;
    while (channel.openStreams < this.spec.limits.concurrencyMax && channel.hasRoom) {
      const hold = this.#holds.shift();
      if (hold === null) return;
      this.#requests += 1;
      channel.open(
        hold.stream,
        hold.buffer,
        hold.headStart,
        hold.headEnd,
        hold.bodyStart,
        hold.bodyEnd,
        hold.flags,
      );
    }
  }

  #thaw(): void {
    const { clock } = this.#options;
    thawGroup(this.#process!.pid);
    const nowMs = clock.nowMs();
    this.#state = "warm";
    this.#idleSinceMs = nowMs;
    this.#lastSignOfLifeMs = nowMs;
    this.#record("wake", `Woken after ${Math.round(nowMs - this.#frozenAtMs)} ms`, {
      frozenMs: Math.round(nowMs - this.#frozenAtMs),
    });
  }

  async #end(running: RunnerProcess): Promise<void> {
    this.#endings.add(running);
    const wasFrozen = this.#state === "frozen";
    this.#state = "stopped";
    const ended = running.stop();
    // A frozen process has to run to hear that it should end.
    if (wasFrozen) thawGroup(running.pid);
    await ended;
  }

  #watchHealth(nowMs: number): void {
    if (nowMs - this.#lastPingMs >= pingIntervalMs) {
      this.#lastPingMs = nowMs;
      this.#process!.channel.ping(0);
    }
    const silentMs = nowMs - this.#lastSignOfLifeMs;
    const limitMs = Math.max(
      Math.min(this.spec.limits.requestTimeoutMs, unresponsiveTimeoutMs),
      unresponsiveTimeoutMsMin,
    );
    if (silentMs < limitMs) return;
    this.#process!.kill(
      new PlatformError("APP_UNRESPONSIVE", [this.spec.app, Math.round(silentMs)]),
    );
  }

  #watchMemory(nowMs: number): void {
    if (nowMs - this.#lastMemorySampleMs < memorySampleMs) return;
    this.#lastMemorySampleMs = nowMs;
    this.#memoryBytes = privateMemoryBytes(this.#process!.pid);
    const { memoryBytesMax } = this.spec.limits;
    if (this.#memoryBytes === null || this.#memoryBytes <= memoryBytesMax) return;
    this.#process!.kill(
      new PlatformError("APP_MEMORY_EXCEEDED", [this.spec.app, this.#memoryBytes, memoryBytesMax]),
    );
  }

  #record(event: PlatformEvent, message: string, fields: Record<string, unknown> = {}): void {
    this.#options.log.write({
      time: new Date(this.#options.clock.wallMs()).toISOString(),
      app: this.spec.app,
      version: this.spec.number,
      instance: this.#process?.id ?? null,
      stream: "platform",
      requestId: null,
      event,
      message: `${versionName(this.spec.number)}: ${message}`,
      fields,
    });
  }
}

/** @throws {PlatformError} `BOOT_TIMEOUT` */
async function withTimeout(work: Promise<void>, timeoutMs: number): Promise<void> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new PlatformError("BOOT_TIMEOUT", [timeoutMs])),
    timeoutMs,
  );
  try {
    await Promise.race([work, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
