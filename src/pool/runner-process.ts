/**
 * One runner process and its wire: spawned without an app, given one by `load`.
 *
 *   starting ──started──▶ ready ──load()──▶ loading ──loaded──▶ loaded
 *   any of them ──exit, wire lost, stop(), kill()──▶ going ──exit and wire drained──▶ exited ──cleaned up──▶ ended
 *
 * Owns the process group, the wire, the run folder and the output pipes; all of them end together.
 */

import { closeSync } from "node:fs";
import {
  asPlatformError,
  invariant,
  messageOf,
  PlatformError,
  throwUncaught,
} from "../base/errors.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import type { VersionLimits } from "../base/version-spec.ts";
import type { LaunchEnd } from "../sandbox/launch.ts";
import { killGroup, terminateGroup } from "../sandbox/process-group.ts";
import { OutputBudget } from "../telemetry/output-budget.ts";
import { captureOutput } from "../telemetry/process-output.ts";
import { Channel, type ChannelOwner } from "../wire/channel.ts";
import {
  asRunnerMessage,
  type LifecycleEvent,
  type LoadMessage,
  loadAnswersMax,
} from "../wire/control.ts";
import { sendDescriptor, socketPair } from "../wire/descriptors.ts";
import type { WireSocket } from "../wire/frame-writer.ts";
import type { WireProtocolError } from "../wire/frames.ts";
import { type GivenFacts, givenFacts } from "./given-facts.ts";
import { outputGraceMs, spareStartTimeoutMs, stopTimeoutMs, wireGraceMs } from "./limits.ts";
import { linkArtifact } from "./linked-artifact.ts";
import { LoadFailure } from "./load-failure.ts";
import type { ProcessBounds } from "./process-bounds.ts";
import { describeEnd, type ProcessEnd, ProcessEnded } from "./process-end.ts";
import { removeRunFolder } from "./run-folder.ts";
import { type LaunchedRunner, launchRunner, type RunnerLaunchOptions } from "./runner-launch.ts";

/** What the owner of a process hears. */
export interface RunnerProcessOwner {
  onLine(
    from: RunnerProcess,
    stream: "stdout" | "stderr",
    line: string,
    requestId: string | null,
  ): void;
  onThrottle(stream: "stdout" | "stderr"): void;
  onStreamClosed(): void;
  onPong(): void;
  /** @throws {WireProtocolError} for what no runner says */
  onLifecycle(event: LifecycleEvent): void;
  /** The process is on its way out: it is given no more requests. Called once, before `onExit`. */
  onGoing(): void;
  /** The process has exited; every stream was lost before. Lines it printed may still follow. */
  onExit(end: ProcessEnd): void;
}

export interface RunnerProcessOptions extends RunnerLaunchOptions {
  /** Read whenever the wire has something to say. */
  clock: TurnClock;
  /** What all processes of the node may print together. */
  outputTotal: OutputBudget;
  /** What it and all that it starts is held to; removed with it. */
  bounds: ProcessBounds;
}

/** The part of a Bun socket that is used. */
interface Wire extends WireSocket {
  terminate(): void;
}

export class RunnerProcess implements ChannelOwner {
  readonly id: string;
  readonly pid: number;
  readonly channel: Channel;
  readonly bounds: ProcessBounds;
  /** Resolves when the process is connected and can be given an app; rejects when it ends before. */
  readonly started: Promise<void>;
  /** Resolves when the process has exited. Never rejects. */
  readonly exited: Promise<ProcessEnd>;
  /** Resolves when, after the exit, its last output was read and its folder removed. Never rejects. */
  readonly ended: Promise<ProcessEnd>;
  readonly #options: RunnerProcessOptions;
  readonly #launched: LaunchedRunner;
  /** Null while it runs. */
  #launchEnd: LaunchEnd | null = null;
  readonly #started = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<ProcessEnd>();
  readonly #outputs: Promise<unknown>[];
  /** Gives up on output that a leftover child keeps open. */
  readonly #outputEnd = new AbortController();
  /** Null before it is connected and after it has closed. */
  #wire: Wire | null = null;
  #loading: PromiseWithResolvers<void> | null = null;
  #owner: RunnerProcessOwner | null = null;
  /** Name of the app, for messages; a spare has none. */
  #app = "(none)";
  #cause: PlatformError | null = null;
  #wasAsked = false;
  #isGoing = false;
  #isFinished = false;
  #isWaiting = false;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** @throws when the process cannot be started; nothing of it is left then. */
  static spawn(options: RunnerProcessOptions): RunnerProcess {
    return new RunnerProcess(options, launchRunner(options));
  }

  private constructor(options: RunnerProcessOptions, launched: LaunchedRunner) {
    this.id = options.id;
    this.pid = launched.pid;
    this.#options = options;
    this.#launched = launched;
    this.bounds = options.bounds;
    const { home, tmp } = launched.folder;
    const uid = options.sandbox.isUserShared ? null : launched.sandbox.uid;
    this.bounds
      .take(this.pid, [home, tmp], uid)
      .catch((error) => this.kill(asPlatformError(error)));
    this.channel = new Channel(
      { write: (data, offset, bytes) => this.#wire?.write(data, offset, bytes) ?? 0 },
      this,
    );
    this.channel.label = options.id;
    this.started = this.#started.promise;
    this.exited = this.#exited.promise;
    // A spare that fails before anybody waits for it is noticed by its end.
    this.started.catch(() => {});
    this.#killAfter(spareStartTimeoutMs);
    const budget = new OutputBudget(options.clock.nowMs(), { total: options.outputTotal });
    this.#outputs = [
      this.#capture("stdout", launched.outputs.stdout, budget),
      this.#capture("stderr", launched.outputs.stderr, budget),
    ];
    launched.outputs.close();
    this.ended = this.#end();
    void this.#connect(launched.wire);
    void launched.exited.then((end) => this.#onExit(end));
  }

  /**
   * Folder of the app's files: the artifact that it was started for, or links to the artifact of the app it becomes.
   * Null when they cannot be linked.
   */
  rootFor(artifact: string): string | null {
    const { app } = this.#launched.folder;
    if (this.#options.artifact !== null) return artifact;
    return linkArtifact(artifact, app) ? app : null;
  }

  /** What it was really given. Asks the kernel. */
  given(): GivenFacts {
    return givenFacts(this.#launched, this.#options, this.bounds);
  }

  /** Who hears about this process from now on. */
  set owner(owner: RunnerProcessOwner | null) {
    this.#owner = owner;
  }

  /** While it is loaded: the app's module has run, and neither has a handler nor listens. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** The process is on its way out, or gone. */
  get isGoing(): boolean {
    return this.#isGoing;
  }

  /**
   * Gives the process its app. Called once, after `started`.
   *
   * @throws {LoadFailure} when the app cannot take requests; rejects too when the process ends first.
   */
  load(
    app: string,
    limits: VersionLimits,
    message: Omit<LoadMessage, "type" | "socketPath">,
  ): Promise<void> {
    invariant(this.#loading === null, "a process is loaded once");
    this.#app = app;
    this.bounds.hold(app, limits, this.#options.clock.nowMs());
    this.#loading = Promise.withResolvers();
    if (this.#isGoing) this.#loading.reject(new ProcessEnded(this.#describe()));
    else
      this.channel.control(
        {
          type: "load",
          socketPath: this.#launched.folder.socketPath,
          ...message,
          env: { ...this.#launched.env, ...message.env },
        },
        loadAnswersMax,
      );
    return this.#loading.promise;
  }

  /**
   * Opens another wire to it. Returns our end, which the caller closes or gives away.
   *
   * @throws when there is no descriptor left, or the process does not take any
   */
  openWire(): number {
    const [ours, theirs] = socketPair();
    try {
      sendDescriptor(this.#launched.wires!, theirs);
    } catch (error) {
      closeSync(ours);
      throw error;
    } finally {
      closeSync(theirs);
    }
    this.channel.control({ type: "wire" });
    return ours;
  }

  /**
   * Asks the process to end, and ends it when it does not. What is open is lost with `cause`. Resolves when it is gone.
   * Twice is safe.
   */
  stop(cause: PlatformError | null = null): Promise<ProcessEnd> {
    if (this.#launchEnd === null && !this.#wasAsked) {
      this.#wasAsked = true;
      this.#cause ??= cause;
      terminateGroup(this.pid);
      this.#killAfter(stopTimeoutMs);
      this.#going();
    }
    return this.ended;
  }

  /** Ends the process at once; what is open is lost with `cause`. */
  kill(cause: PlatformError | null = null): void {
    if (this.#launchEnd !== null) return;
    this.#cause ??= cause;
    killGroup(this.pid);
    this.bounds.kill();
    this.#going();
  }

  // --- what the wire says ---

  onControl(raw: unknown): void {
    const message = asRunnerMessage(raw);
    if (message === null) return;
    if (message.type === "started") {
      this.#clearTimer();
      // Nothing of an app runs before the process is where it can be held to its limits.
      void this.bounds.taken.then(() => this.#started.resolve());
    } else if (message.type === "waiting") {
      this.#isWaiting = true;
    } else if (message.type === "loaded") {
      this.#loading?.resolve();
    } else if (message.type === "failed") {
      this.#loading?.reject(new LoadFailure(message));
    } else if (message.type !== "wired") {
      this.#owner?.onLifecycle(message);
    }
  }

  onPong(): void {
    this.#owner?.onPong();
  }

  onStreamClosed(): void {
    this.#owner?.onStreamClosed();
  }

  onBroken(error: WireProtocolError): void {
    this.kill(
      new PlatformError("APP_PROTOCOL_BROKEN", [this.#app, messageOf(error)], { cause: error }),
    );
  }

  // --- private ---

  async #connect(fd: number): Promise<void> {
    const onClosed = () => {
      this.#wire = null;
      // Without a wire the process is of no use. What it wrote before it exited has been read now.
      if (this.#launchEnd !== null) this.#finish();
      else this.kill();
    };
    try {
      await Bun.connect({
        fd,
        socket: {
          binaryType: "buffer",
          open: (socket: Wire) => {
            this.#wire = socket;
            this.channel.onDrain();
          },
          data: (_socket: unknown, chunk: Buffer) => {
            this.#options.clock.nowMs();
            this.channel.onBytes(chunk);
          },
          drain: () => this.channel.onDrain(),
          close: onClosed,
          error: (_socket: unknown, error: Error) => throwUncaught(error),
        },
      } as never);
    } catch {
      onClosed();
    }
  }

  /** It is given no more requests. */
  #going(): void {
    if (this.#isGoing) return;
    this.#isGoing = true;
    this.#owner?.onGoing();
  }

  #onExit(end: LaunchEnd): void {
    this.#launchEnd = end;
    this.#cause ??= this.bounds.causeOfEnd(end.signal, this.#options.clock.nowMs());
    this.#clearTimer();
    // What the app started goes with it.
    killGroup(this.pid);
    this.bounds.kill();
    this.#going();
    // Frames that it sent before are still in the socket: answers that need not be lost.
    if (this.#wire === null) this.#finish();
    else this.#timer = setTimeout(() => this.#finish(), wireGraceMs);
  }

  /** The process has exited and its wire is read to the end. Twice is safe. */
  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#clearTimer();
    this.#wire?.terminate();
    if (this.#launched.wires !== null) closeSync(this.#launched.wires);
    const end = this.#describe();
    const ended = new ProcessEnded(end);
    this.#started.reject(ended);
    this.#loading?.promise.catch(() => {});
    this.#loading?.reject(ended);
    this.channel.close(end.cause ?? new PlatformError("APP_EXITED", [this.#app, describeEnd(end)]));
    this.#owner?.onExit(end);
    this.#exited.resolve(end);
  }

  async #end(): Promise<ProcessEnd> {
    const end = await this.exited;
    // What it printed last is evidence; a child of it that lives on must not hold us up.
    const timer = setTimeout(() => this.#outputEnd.abort(), outputGraceMs);
    await Promise.all(this.#outputs);
    clearTimeout(timer);
    await this.bounds.remove();
    await removeRunFolder(this.#launched.folder);
    this.#launched.release();
    return end;
  }

  #describe(): ProcessEnd {
    const { exitCode, signal } = this.#launchEnd ?? { exitCode: null, signal: null };
    return { exitCode, signal, wasAsked: this.#wasAsked, cause: this.#cause };
  }

  #capture(
    stream: "stdout" | "stderr",
    output: ReadableStream<Uint8Array>,
    budget: OutputBudget,
  ): Promise<unknown> {
    return captureOutput(output, {
      budget,
      clock: this.#options.clock,
      signal: this.#outputEnd.signal,
      onLine: ({ text, requestId }) => this.#owner?.onLine(this, stream, text, requestId),
      onSlowed: () => this.#owner?.onThrottle(stream),
    });
  }

  #killAfter(ms: number): void {
    this.#clearTimer();
    this.#timer = setTimeout(() => this.kill(), ms);
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
