/** One process with idle runners, which can be frozen as a paused machine freezes them, and killed. */
import { until } from "../../src/base/until-for-tests.ts";
import { eachJsonLine } from "./json-lines.ts";
import type { ControllerOptions, RunnerEvent } from "./runner-events.ts";
import { bundled, commandOf, type Runtime } from "./runtimes.ts";

export interface RunnerProcessOptions {
  runtime: Runtime;
  controllers: readonly ControllerOptions[];
  /** Script of `fixtures/`. Default: the newest client. */
  fixture?: string;
  /** Of each event, when it comes. */
  onEvent?: (event: RunnerEvent) => void;
}

export class RunnerProcess implements AsyncDisposable {
  readonly controllers: readonly string[];
  readonly events: RunnerEvent[] = [];
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  isFrozen = false;
  isKilled = false;

  private constructor(child: Bun.Subprocess<"pipe", "pipe", "inherit">, controllers: string[]) {
    this.#child = child;
    this.controllers = controllers;
  }

  /** Resolves at once; `polling` says when they ask for work. */
  static async start(
    options: RunnerProcessOptions,
    /** What runs it, such as a command that puts it into another network. */
    within: readonly string[] = [],
  ): Promise<RunnerProcess> {
    const script = await bundled(options.fixture ?? "controllers");
    const { controllers, onEvent } = options;
    const child = Bun.spawn(
      [...within, ...commandOf(options.runtime, script), JSON.stringify({ controllers })],
      { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
    );
    const ids = controllers.map(({ id }) => id);
    const runners = new RunnerProcess(child, ids);
    void eachJsonLine(child.stdout, (line) => {
      const event = line as unknown as RunnerEvent;
      runners.events.push(event);
      onEvent?.(event);
    });
    return runners;
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** Snapshots that these runners have, in order. */
  got(): string[] {
    return this.events.flatMap((event) => (event.kind === "got" ? [event.snapshot] : []));
  }

  /** How those that have ended did: code and reason. */
  ends(): string[] {
    return this.events.flatMap((event) =>
      event.kind === "ended" ? [`${event.code} ${event.why}`] : [],
    );
  }

  /** Waits until each has said `count` times that it asks for work. */
  async polling(count = 1): Promise<void> {
    const times = () => this.events.filter(({ kind }) => kind === "polling").length;
    await until(() => times() >= count * this.controllers.length, 60_000);
  }

  /** Waits until a runner of these has it. */
  async has(snapshot: string, timeoutMs = 20_000): Promise<void> {
    await until(() => this.got().includes(snapshot), timeoutMs);
  }

  /** As a paused machine: the kernel goes on taking bytes for it. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
    this.isFrozen = true;
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
    this.isFrozen = false;
  }

  async kill(): Promise<void> {
    this.isKilled = true;
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
