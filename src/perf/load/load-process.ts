/**
 * A load generator: a process of its own, so that client and server share no event loop. It does one thing at a time,
 * keeps nothing from one run to the next but the connection of kept shots, and dies with the process that started it.
 *
 *   starting ──ready──▶ idle ⇄ busy ──stop(), exit, silence──▶ ended
 */
import { join } from "node:path";
import { invariant, PlatformError } from "../../base/errors.ts";
import { killAtExit } from "../leftovers.ts";
import type { FromGenerator, ToGenerator } from "./generator-messages.ts";
import { generatorGraceMs, generatorStartTimeoutMs, generatorStopTimeoutMs } from "./limits.ts";
import type { LoadPhase, LoadPlan, LoadResult, ShotPlan, ShotResult } from "./plan.ts";

export interface RunOptions {
  /** Called at the beginning of each phase. */
  onPhase?: (phase: LoadPhase) => void;
}

/** The answer to one message; phases come in between. */
interface Pending {
  onPhase: ((phase: LoadPhase) => void) | undefined;
  answer: PromiseWithResolvers<FromGenerator>;
}

export interface LoadProcessOptions {
  /** What a run may take beyond all that its plan adds up to. Default `generatorGraceMs`. Milliseconds. */
  graceMs?: number;
}

export class LoadProcess implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "inherit", "inherit">;
  readonly #graceMs: number;
  /** How it ended, in words; null while it lives. */
  #end: string | null = null;
  #pending: Pending | null = null;
  #stopping: Promise<void> | null = null;

  /** @throws {PlatformError} `LOAD_GENERATOR_FAILED` when it does not come up in time; nothing of it is left then. */
  static async start(options: LoadProcessOptions = {}): Promise<LoadProcess> {
    const generator = new LoadProcess(options);
    try {
      await generator.#ask(null, generatorStartTimeoutMs);
      return generator;
    } catch (error) {
      await generator.stop();
      throw error;
    }
  }

  private constructor({ graceMs = generatorGraceMs }: LoadProcessOptions) {
    this.#graceMs = graceMs;
    this.#child = Bun.spawn(
      [
        process.execPath,
        "--no-install",
        "--no-env-file",
        "--no-orphans",
        join(import.meta.dir, "generator.ts"),
      ],
      {
        cwd: import.meta.dir,
        // Whatever it says is a defect, and for a person to see; stdout is the report's.
        stdio: ["ignore", "inherit", "inherit"],
        serialization: "advanced",
        ipc: (message) => this.#onMessage(message as FromGenerator),
      },
    );
    const release = killAtExit(this.#child);
    void this.#child.exited.then(() => {
      release();
      this.#onExit();
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /**
   * Runs one plan. One at a time.
   *
   * @throws {PlatformError} `LOAD_GENERATOR_FAILED` when the process ends, or is silent for longer than the plan can take
   */
  async run(plan: LoadPlan, { onPhase }: RunOptions = {}): Promise<LoadResult> {
    // Opening connections and waiting for what is in flight are bounded by the client's time-out each.
    const timeoutMs = plan.warmUpMs + plan.durationMs + 2 * plan.clientTimeoutMs + this.#graceMs;
    const answer = await this.#ask({ kind: "run", plan }, timeoutMs, onPhase);
    invariant(answer.kind === "result", "a run is answered by its result");
    return answer.result;
  }

  /** Sends one request. @throws as `run` does; what the request itself meets is in the result. */
  async shoot(plan: ShotPlan): Promise<ShotResult> {
    const timeoutMs = 2 * plan.clientTimeoutMs + this.#graceMs;
    const answer = await this.#ask({ kind: "shoot", plan }, timeoutMs);
    invariant(answer.kind === "shot", "a shot is answered by its result");
    return answer.result;
  }

  /** Ends the process, whatever it does. Resolves when it is gone. Twice is safe. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    if (this.#pending === null && this.#end === null) this.#send({ kind: "stop" });
    else this.#child.kill("SIGKILL");
    const kill = setTimeout(() => this.#child.kill("SIGKILL"), generatorStopTimeoutMs);
    await this.#child.exited;
    clearTimeout(kill);
  }

  /** With null nothing is sent: the first message comes by itself. */
  async #ask(
    message: ToGenerator | null,
    timeoutMs: number,
    onPhase?: (phase: LoadPhase) => void,
  ): Promise<FromGenerator> {
    invariant(this.#pending === null, "a load generator does one thing at a time");
    if (this.#end !== null) throw failed(this.#end);
    const answer = Promise.withResolvers<FromGenerator>();
    this.#pending = { onPhase, answer };
    const timer = setTimeout(() => answer.reject(failed(`silent for ${timeoutMs} ms`)), timeoutMs);
    try {
      if (message !== null) this.#send(message);
      return await answer.promise;
    } catch (error) {
      this.#child.kill("SIGKILL");
      throw error;
    } finally {
      clearTimeout(timer);
      this.#pending = null;
    }
  }

  #send(message: ToGenerator): void {
    try {
      this.#child.send(message);
    } catch {
      // It has just ended; `#onExit` says so.
    }
  }

  #onMessage(message: FromGenerator): void {
    if (this.#pending === null) return;
    if (message.kind === "phase") this.#pending.onPhase?.(message.phase);
    else if (message.kind === "failed") {
      this.#pending.answer.reject(failed(message.message));
    } else this.#pending.answer.resolve(message);
  }

  #onExit(): void {
    const { exitCode, signalCode } = this.#child;
    this.#end = `ended by ${signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`}`;
    this.#pending?.answer.reject(failed(this.#end));
  }
}

function failed(what: string): PlatformError {
  return new PlatformError("LOAD_GENERATOR_FAILED", [what]);
}
