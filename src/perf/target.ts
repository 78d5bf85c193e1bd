/**
 * The process that is measured: the lane of this checkout or of another one, and the levers to bring it to where a
 * scenario begins.
 *
 *   starting ──opened──▶ serving ──stop()──▶ gone
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { killAtExit } from "./leftovers.ts";
import { targetAnswerTimeoutMs, targetStartTimeoutMs, targetStopTimeoutMs } from "./limits.ts";
import type { RunOptions } from "./load/load-process.ts";
import type { LoadPlan, LoadResult } from "./load/plan.ts";
import {
  type FromTarget,
  type TargetAnswer,
  type TargetCommand,
  type TargetConfig,
  type TargetFacts,
  targetProtocol,
} from "./target-protocol.ts";

/** What is started, in a checkout of Levain. */
const targetEntry = "src/perf-target.ts";

/** @throws {PlatformError} `INPUT_INVALID` when the folder is no checkout that can be measured. */
export function requireCheckout(folder: string): void {
  if (existsSync(join(folder, targetEntry))) return;
  const why = `no checkout of Levain is there (it has no ${targetEntry})`;
  throw new PlatformError("INPUT_INVALID", [`--against ${folder}: ${why}`]);
}

/** Root of the checkout that this file is in. */
export const ownCheckout = join(import.meta.dir, "../..");

interface Pending {
  onPhase: RunOptions["onPhase"] | undefined;
  answer: PromiseWithResolvers<TargetAnswer>;
}

export class Target implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "inherit", "inherit">;
  readonly #pending = new Map<number, Pending>();
  readonly #checkout: string;
  /** As it was asked for; 0 = any free one. */
  readonly #port: number;
  #nextId = 1;
  #stopping: Promise<void> | null = null;
  port = 0;

  /**
   * Starts it from a checkout of Levain, under this Bun.
   *
   * @throws {PlatformError} `PERF_TARGET_FAILED`, `PORT_IN_USE`, `PORT_FORBIDDEN`; nothing of it is left then.
   */
  static async start(checkout: string, config: TargetConfig): Promise<Target> {
    const entry = join(checkout, targetEntry);
    if (!existsSync(entry)) {
      throw new PlatformError("PERF_TARGET_FAILED", [checkout, `it has no ${entry}`]);
    }
    const target = new Target(checkout, entry, config);
    try {
      const opened = await target.#ask({ kind: "open", config }, targetStartTimeoutMs);
      if (opened.kind !== "opened" || opened.protocol !== targetProtocol) {
        const spoken = opened.kind === "opened" ? opened.protocol : "none";
        throw new PlatformError("PERF_TARGET_FAILED", [
          checkout,
          `it speaks protocol ${spoken}, this Levain ${targetProtocol}`,
        ]);
      }
      target.port = opened.port;
      return target;
    } catch (error) {
      await target.stop();
      throw error;
    }
  }

  private constructor(checkout: string, entry: string, { dataDir, port }: TargetConfig) {
    this.#checkout = checkout;
    this.#port = port;
    this.#child = Bun.spawn(
      [process.execPath, "--no-install", "--no-env-file", "--no-orphans", entry],
      {
        cwd: dataDir,
        // stdout is the report's.
        stdio: ["ignore", 2, 2] as unknown as ["ignore", "inherit", "inherit"],
        serialization: "advanced",
        ipc: (message) => this.#onMessage(message as FromTarget),
      },
    );
    const release = killAtExit(this.#child);
    void this.#child.exited.then((code) => {
      release();
      this.#fail(`it ended with exit code ${code}`);
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  async facts(): Promise<TargetFacts> {
    const answer = await this.#ask({ kind: "facts" }, targetAnswerTimeoutMs);
    if (answer.kind !== "facts") throw this.#error("it gave no facts");
    return answer.facts;
  }

  /** What an app's log says on what went wrong. Not for another checkout, which may not know the command. */
  async log(app: string): Promise<string[]> {
    const answer = await this.#ask({ kind: "log", app }, targetAnswerTimeoutMs);
    if (answer.kind !== "log") throw this.#error("it gave no log");
    return answer.lines;
  }

  /** Brings an app's instance to where the next request is to find it. */
  async pull(lever: "stop" | "freeze", app: string): Promise<void> {
    await this.#ask({ kind: "lever", lever, app }, targetAnswerTimeoutMs);
  }

  /** Load in memory, made by the target itself. */
  async run(plan: LoadPlan, { onPhase }: RunOptions = {}): Promise<LoadResult> {
    const timeoutMs =
      plan.warmUpMs + plan.durationMs + 2 * plan.clientTimeoutMs + targetAnswerTimeoutMs;
    const answer = await this.#ask({ kind: "run", plan }, timeoutMs, onPhase);
    if (answer.kind !== "result") throw this.#error("it gave no result");
    return answer.result;
  }

  /** Ends it with all that it has started. Resolves when it is gone. Twice is safe. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    const kill = setTimeout(() => this.#child.kill("SIGKILL"), targetStopTimeoutMs);
    await this.#ask({ kind: "close" }, targetStopTimeoutMs).catch(() => {});
    // It leaves when it hears no more of us.
    if (this.#child.exitCode === null) this.#child.disconnect();
    await this.#child.exited;
    clearTimeout(kill);
  }

  async #ask(
    command: TargetCommand,
    timeoutMs: number,
    onPhase?: RunOptions["onPhase"],
  ): Promise<TargetAnswer> {
    const id = this.#nextId++;
    const answer = Promise.withResolvers<TargetAnswer>();
    this.#pending.set(id, { onPhase, answer });
    const timer = setTimeout(() => {
      answer.reject(this.#error(`"${command.kind}" was not done within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      if (this.#child.exitCode !== null) throw this.#error("it has ended");
      this.#child.send({ id, command });
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  #onMessage(message: FromTarget): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if ("phase" in message) pending.onPhase?.(message.phase);
    else if ("failure" in message) pending.answer.reject(this.#failureOf(message));
    else pending.answer.resolve(message.answer);
  }

  #failureOf({ failure, code }: { failure: string; code?: string }): PlatformError {
    if (code === "EADDRINUSE") return new PlatformError("PORT_IN_USE", ["--port", this.#port]);
    if (code === "EACCES" && this.#port > 0) {
      return new PlatformError("PORT_FORBIDDEN", ["--port", this.#port]);
    }
    return this.#error(failure);
  }

  #fail(why: string): void {
    for (const { answer } of this.#pending.values()) answer.reject(this.#error(why));
  }

  #error(why: string): PlatformError {
    return new PlatformError("PERF_TARGET_FAILED", [this.#checkout, why]);
  }
}
