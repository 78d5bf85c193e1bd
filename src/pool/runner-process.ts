/**
 * One runner process and its wire: spawned without an app, given one by `load`.
 *
 *   starting ──started──▶ ready ──load()──▶ loading ──loaded──▶ loaded ──▶ gone
 *                                              └── failed, exit ──▶ gone
 *
 * Owns the process group, the wire, the run folder and the output pipes; all of them end together.
 */
import type { Clock } from "../base/clock.ts";
import { invariant, messageOf, PlatformError } from "../base/errors.ts";
import { killGroup, terminateGroup } from "../sandbox/process-group.ts";
import { OutputBudget } from "../telemetry/output-budget.ts";
import { captureOutput } from "../telemetry/process-output.ts";
import { Channel, type ChannelOwner } from "../wire/channel.ts";
import { asRunnerMessage, type FailedMessage, type LoadMessage } from "../wire/control.ts";
import type { WireProtocolError } from "../wire/frames.ts";
import { outputGraceMs, spareStartTimeoutMs, stopTimeoutMs } from "./limits.ts";
import { claimRunFolder, makeRunFolder, type RunFolder, removeRunFolder } from "./run-folder.ts";

/** How a process ended. */
export interface ProcessEnd {
  exitCode: number | null;
  signal: string | null;
  /** Why the node ended it, when it did. */
  cause: PlatformError | null;
}

/** `exit code 1`, `signal SIGSEGV` */
export function describeEnd(end: ProcessEnd): string {
  return end.signal === null ? `exit code ${end.exitCode}` : `signal ${end.signal}`;
}

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
  /** The process has ended; every stream was lost before. Lines it printed may still follow. */
  onEnd(end: ProcessEnd): void;
}

export interface RunnerProcessOptions {
  id: string;
  /** Parent of the run folders. */
  runDir: string;
  /** Module that the process runs. */
  runnerPath: string;
  clock: Clock;
}

export class RunnerProcess implements ChannelOwner {
  readonly id: string;
  readonly pid: number;
  readonly folder: RunFolder;
  readonly channel: Channel;
  /** Resolves when the process is connected and can be given an app. */
  readonly started: Promise<void>;
  /** Resolves when the process has ended and its folder is removed. */
  readonly ended: Promise<ProcessEnd>;
  readonly #options: RunnerProcessOptions;
  readonly #started = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<ProcessEnd>();
  #loading: PromiseWithResolvers<void> | null = null;
  #owner: RunnerProcessOwner | null = null;
  #cause: PlatformError | null = null;
  /** Name of the app, for messages; a spare has none. */
  #app = "(none)";
  #hasEnded = false;
  readonly #outputs: Promise<unknown>[] = [];
  /** Gives up on output that a leftover child keeps open. */
  readonly #outputEnd = new AbortController();
  #killTimer: ReturnType<typeof setTimeout> | null = null;

  /** @throws when the process cannot be spawned. */
  static async spawn(options: RunnerProcessOptions): Promise<RunnerProcess> {
    const folder = makeRunFolder(options.runDir, options.id);
    let runner: RunnerProcess | null = null;
    try {
      const child = Bun.spawn(
        [process.execPath, "--no-install", "--no-env-file", "--no-orphans", options.runnerPath],
        {
          cwd: folder.tmp,
          env: {
            PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
            HOME: folder.home,
            TMPDIR: folder.tmp,
            LANG: process.env["LANG"] ?? "C.UTF-8",
          },
          stdio: ["ignore", "pipe", "pipe", "socket-fd"],
          // A group of its own, so that a signal reaches the app's children too.
          detached: true,
        } as Parameters<typeof Bun.spawn>[1] & object,
      );
      const fd = child.stdio[3] as unknown as number;
      const socket = await Bun.connect({
        fd,
        socket: {
          binaryType: "buffer",
          data: (_socket: unknown, chunk: Buffer) => runner?.channel.onBytes(chunk),
          drain: () => runner?.channel.onDrain(),
          close: () => runner?.onWireClosed(),
          error: () => runner?.onWireClosed(),
        },
      } as never);
      runner = new RunnerProcess(options, folder, child, socket as never);
      const made = runner;
      void child.exited.then(() => made.onExit(child.exitCode, child.signalCode as string | null));
      return made;
    } catch (error) {
      removeRunFolder(folder);
      throw error;
    }
  }

  private constructor(
    options: RunnerProcessOptions,
    folder: RunFolder,
    child: Bun.Subprocess,
    socket: ConstructorParameters<typeof Channel>[0],
  ) {
    this.#options = options;
    this.id = options.id;
    this.pid = child.pid;
    this.folder = folder;
    this.channel = new Channel(socket, this);
    this.started = this.#started.promise;
    this.ended = this.#ended.promise;
    // A spare that fails before anybody waits for it is noticed by its end.
    this.started.catch(() => {});
    claimRunFolder(folder, this.pid);
    this.#killTimer = setTimeout(() => this.kill(), spareStartTimeoutMs);
    const budget = new OutputBudget(options.clock.nowMs());
    this.#capture("stdout", child.stdout as ReadableStream<Uint8Array>, budget);
    this.#capture("stderr", child.stderr as ReadableStream<Uint8Array>, budget);
  }

  /** Who hears about this process from now on. */
  set owner(owner: RunnerProcessOwner | null) {
    this.#owner = owner;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /**
   * Gives the process its app. Called once, after `started`.
   *
   * @throws {LoadFailure} when the app cannot take requests; rejects too when the process ends first.
   */
  load(app: string, message: Omit<LoadMessage, "type" | "socketPath">): Promise<void> {
    invariant(this.#loading === null, "a process is loaded once");
    this.#app = app;
    this.#loading = Promise.withResolvers();
    this.channel.control({ type: "load", socketPath: this.folder.socketPath, ...message });
    return this.#loading.promise;
  }

  /** Asks the process to end, and ends it when it does not. Resolves when it is gone. */
  stop(): Promise<ProcessEnd> {
    if (!this.#hasEnded) {
      terminateGroup(this.pid);
      this.#clearKillTimer();
      this.#killTimer = setTimeout(() => this.kill(), stopTimeoutMs);
    }
    return this.ended;
  }

  /** Ends the process at once; its requests fail with `cause`. */
  kill(cause: PlatformError | null = null): void {
    if (this.#hasEnded) return;
    this.#cause ??= cause;
    killGroup(this.pid);
  }

  // --- what the wire says ---

  onControl(raw: unknown): void {
    const message = asRunnerMessage(raw);
    if (message === null) return;
    if (message.type === "started") {
      this.#clearKillTimer();
      this.#started.resolve();
    } else if (message.type === "loaded") {
      this.#loading?.resolve();
    } else {
      this.#loading?.reject(new LoadFailure(message));
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

  onWireClosed(): void {
    // Without a wire the process is of no use; when it has ended by itself this finds nobody.
    if (!this.#hasEnded) killGroup(this.pid);
  }

  onExit(exitCode: number | null, signal: string | null): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#clearKillTimer();
    // What the app started goes with it.
    killGroup(this.pid);
    const end: ProcessEnd = { exitCode, signal, cause: this.#cause };
    const ended = new ProcessEnded(end);
    this.#started.reject(ended);
    this.#loading?.promise.catch(() => {});
    this.#loading?.reject(ended);
    this.channel.close(end.cause ?? new PlatformError("APP_EXITED", [this.#app, describeEnd(end)]));
    removeRunFolder(this.folder);
    this.#owner?.onEnd(end);
    // What it printed last is evidence; a child of it that lives on must not hold us up.
    const timer = setTimeout(() => this.#outputEnd.abort(), outputGraceMs);
    void Promise.all(this.#outputs).then(() => {
      clearTimeout(timer);
      this.#ended.resolve(end);
    });
  }

  #capture(
    stream: "stdout" | "stderr",
    output: ReadableStream<Uint8Array>,
    budget: OutputBudget,
  ): void {
    this.#outputs.push(
      captureOutput(output, {
        budget,
        clock: this.#options.clock,
        signal: this.#outputEnd.signal,
        onLine: ({ text, requestId }) => this.#owner?.onLine(this, stream, text, requestId),
        onSlowed: () => this.#owner?.onThrottle(stream),
      }),
    );
  }

  #clearKillTimer(): void {
    if (this.#killTimer !== null) clearTimeout(this.#killTimer);
    this.#killTimer = null;
  }
}

/** The process ended before it could take requests. */
export class ProcessEnded extends Error {
  override readonly name = "ProcessEnded";
  readonly end: ProcessEnd;

  constructor(end: ProcessEnd) {
    super(`The process ended (${describeEnd(end)})`);
    this.end = end;
  }
}

/** The app's module ran and cannot take requests. */
export class LoadFailure extends Error {
  override readonly name = "LoadFailure";
  readonly failure: FailedMessage;

  constructor(failure: FailedMessage) {
    super(failure.message);
    this.failure = failure;
  }
}
