/**
 * Runner processes that stand ready without an app, so that a first start does not pay for a process start.
 *
 * They are held as strictly as a version that declares nothing; a version that declares something is started for itself.
 *
 * `take` gives one that is ready, else one that is being started, else starts one for the caller: nobody waits behind
 * somebody else. Those that are missing are started a moment later, when the app that took one has had the machine.
 */
import { randomBytes } from "node:crypto";
import { invariant } from "../base/errors.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import type { Cgroups } from "../sandbox/cgroups.ts";
import { DiskMeter } from "../sandbox/disk-meter.ts";
import { hasEnded } from "../sandbox/process-facts.ts";
import { nodeOutputBudget, type OutputBudget } from "../telemetry/output-budget.ts";
import { spareDelayMs } from "./limits.ts";
import { ProcessBounds } from "./process-bounds.ts";
import { defaultProfile, isSameProfile, type Profile } from "./profile.ts";
import { RunnerProcess } from "./runner-process.ts";
import type { RunnerSandbox } from "./runner-sandbox.ts";

export interface SparesOptions {
  runDir: string;
  /** The module that a process runs; it may change. */
  runner: {
    readonly path: string;
    /** Resolves when it is a file that other users can read. */
    make?(): Promise<void>;
  };
  sandbox: RunnerSandbox;
  clock: TurnClock;
  /** Processes that stand ready. Count; 0 = none. */
  sparesMax: number;
  /** Null: the node may make none. Default null. */
  cgroups?: Cgroups | null;
  /** Where versions that name one get their runtime. Default: no version may name one. */
  runtimes?: PinnedRuntimes;
  /** See `RunnerProcessOptions`. Default false. */
  takesWires?: boolean;
}

/** What a process is started with when it is not the node's own Bun. */
export interface RuntimeFiles {
  /** Path of the Bun. */
  program: string;
  /** The runner as that Bun runs it. */
  runnerPath: string;
}

export interface PinnedRuntimes {
  /** Resolves when it can be used by other users too. @throws {PlatformError} why it cannot be had */
  open(name: string): Promise<RuntimeFiles>;
}

/** What a process is started for. */
export interface Becomes {
  app: string;
  /** Name of its runtime; null: the node's own. Spares run on that one. */
  runtime: string | null;
  /** Folder of its files. */
  artifact: string;
}

export interface Taken {
  running: RunnerProcess;
  /** Where it finds the app's files. */
  root: string;
}

export class Spares {
  readonly #options: SparesOptions;
  /** Started or starting; each is removed when it is taken or ends. */
  readonly #spares = new Set<RunnerProcess>();
  readonly #ready: RunnerProcess[] = [];
  /** Shared by every process that comes from here, which is every one of the node. */
  readonly #outputTotal: OutputBudget;
  readonly #diskMeter: DiskMeter;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #stopped = false;

  constructor(options: SparesOptions) {
    this.#options = options;
    this.#diskMeter = DiskMeter.of(options.runDir);
    this.#outputTotal = nodeOutputBudget(options.clock.nowMs());
  }

  /** What processes are held to, and what versions may ask for. */
  get sandbox(): RunnerSandbox {
    return this.#options.sandbox;
  }

  /** Of those that nobody has taken. */
  get pids(): number[] {
    return [...this.#spares].map(({ pid }) => pid);
  }

  /** Processes that stand ready. Count. */
  get ready(): number {
    return this.#ready.length;
  }

  /**
   * A started process; the caller owns it.
   *
   * @throws when none can be started
   */
  async take(profile: Profile, becomes: Becomes): Promise<Taken> {
    const { artifact, runtime } = becomes;
    if (runtime !== null)
      return { running: await this.#startOn(runtime, profile, becomes), root: artifact };
    if (isSameProfile(profile, defaultProfile(this.#options.sandbox))) {
      const running = await this.#takeSpare();
      const root = running.rootFor(artifact);
      if (root !== null) return { running, root };
      running.kill();
    }
    return { running: await this.#startOne(profile, becomes), root: artifact };
  }

  async #takeSpare(): Promise<RunnerProcess> {
    this.#refillSoon();
    for (let spare = this.#ready.shift(); spare !== undefined; spare = this.#ready.shift()) {
      this.#spares.delete(spare);
      if (isFit(spare)) return spare;
    }
    const [starting] = this.#spares;
    if (starting !== undefined) {
      this.#spares.delete(starting);
      await starting.started.catch(() => starting.ended);
      if (isFit(starting)) return starting;
    }
    return this.#startOne(defaultProfile(this.#options.sandbox), null);
  }

  /** @param becomes null: it is not known yet */
  async #startOne(profile: Profile, becomes: Becomes | null): Promise<RunnerProcess> {
    if (!this.#options.sandbox.isUserShared) await this.#options.runner.make?.();
    return started(this.#spawn(profile, becomes));
  }

  async #startOn(runtime: string, profile: Profile, becomes: Becomes): Promise<RunnerProcess> {
    const { runtimes } = this.#options;
    invariant(runtimes !== undefined, "a version names a runtime only where there are some");
    return started(this.#spawn(profile, becomes, await runtimes.open(runtime)));
  }

  /** Starts what is missing, in the background. What cannot be started is tried again by the next `take`. */
  refill(): void {
    if (this.#stopped) return;
    while (this.#spares.size < this.#options.sparesMax) {
      try {
        this.#add(this.#spawn(defaultProfile(this.#options.sandbox), null));
      } catch {
        return;
      }
    }
  }

  /** Ends the processes that nobody has taken. Resolves when they are gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const spares = [...this.#spares];
    for (const spare of spares) spare.kill();
    await Promise.all(spares.map((spare) => spare.ended));
  }

  #refillSoon(): void {
    if (this.#timer !== null || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.refill();
    }, spareDelayMs);
  }

  #add(spare: RunnerProcess): void {
    this.#spares.add(spare);
    spare.started.then(
      () => {
        // It may have been taken meanwhile.
        if (this.#spares.has(spare)) this.#ready.push(spare);
      },
      () => {},
    );
    void spare.exited.then(() => {
      this.#spares.delete(spare);
      const index = this.#ready.indexOf(spare);
      if (index !== -1) this.#ready.splice(index, 1);
    });
  }

  #spawn(profile: Profile, becomes: Becomes | null, files?: RuntimeFiles): RunnerProcess {
    const { runDir, runner, clock, sandbox } = this.#options;
    const id = randomBytes(6).toString("hex");
    const bounds = new ProcessBounds(this.#options.cgroups?.create(id) ?? null, this.#diskMeter);
    try {
      return RunnerProcess.spawn({
        id,
        runDir,
        ...(files ?? { runnerPath: runner.path }),
        clock,
        sandbox,
        profile,
        app: becomes?.app ?? null,
        artifact: becomes?.artifact ?? null,
        outputTotal: this.#outputTotal,
        bounds,
        takesWires: this.#options.takesWires ?? false,
      });
    } catch (error) {
      void bounds.remove();
      throw error;
    }
  }
}

/** The kernel may know of its end before this process hears of it: an app that was given it then would fail to start. */
function isFit(spare: RunnerProcess): boolean {
  return !spare.isGoing && !hasEnded(spare.pid);
}

/** Resolves when it is; what does not come up is gone when this rejects. */
async function started(runner: RunnerProcess): Promise<RunnerProcess> {
  try {
    await runner.started;
  } catch (error) {
    await runner.ended;
    throw error;
  }
  return runner;
}
