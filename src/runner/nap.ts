/**
 * What the app wants to do before this process is frozen and after. The node asks for the one; the other is done before
 * the first request, over whichever wire it comes, and needs nobody to ask.
 *
 *   awake ──settle()──▶ settling ──onStandby has run──▶ settled (frozen, some time)
 *     ▲                    └───────────┬──────────────────┘
 *     └── onResume has run ── resuming ◀── resume(), a request
 */
import type { Nap as NapFacts, ResumeHook, StandbyHook } from "../../sdk/src/lifecycle.ts";
import { lifecycleHooksMax, resumeTimeoutMs, standbyTimeoutMs } from "../wire/limits.ts";

// An app may replace them.
const { setTimeout, clearTimeout, performance } = globalThis;
const nowMs = performance.now.bind(performance);

/** The node, as far as it is told. */
export interface NapListener {
  /** Whether there are hooks now. */
  onHooks(hasHooks: boolean): void;
  onSettled(turn: number): void;
  /** The answer to one `resume`; said before requests go on. */
  onResumed(): void;
}

export class Nap {
  /** Requests go to the app. */
  isAwake = true;
  readonly #listener: NapListener;
  readonly #standbyHooks = new Map<object, StandbyHook>();
  readonly #resumeHooks = new Map<object, ResumeHook>();
  /** Since `onStandby` hooks have run; null before. Milliseconds. */
  #settledAtMs: number | null = null;
  /** What is under way, or was last. Never rejects. */
  #settling = Promise.resolve();
  #resuming: Promise<void> | null = null;
  /** Calls of `resume` that are not answered yet. Count. */
  #asked = 0;
  /** Requests that came before it was awake; bounded by what the node opens. */
  #waiting: (() => void)[] = [];

  constructor(listener: NapListener) {
    this.#listener = listener;
  }

  /** @throws {RangeError} for too many */
  onStandby(run: StandbyHook): () => void {
    return this.#add("onStandby", this.#standbyHooks, run);
  }

  /** @throws {RangeError} for too many */
  onResume(run: ResumeHook): () => void {
    return this.#add("onResume", this.#resumeHooks, run);
  }

  /** Runs `onStandby` hooks, and says so. */
  settle(turn: number): void {
    this.isAwake = false;
    const before = this.#resuming ?? this.#settling;
    this.#settling = (async () => {
      await before;
      this.isAwake = false;
      this.#settledAtMs = null;
      await runAll("onStandby", this.#standbyHooks, (run) => run(), standbyTimeoutMs);
      this.#settledAtMs = nowMs();
      this.#listener.onSettled(turn);
    })();
  }

  /** Runs `onResume` hooks unless it is awake, and says so. */
  resume(): void {
    if (this.isAwake) return this.#listener.onResumed();
    this.#asked += 1;
    this.#resuming ??= this.#resume();
  }

  /** Calls `start` when the app has resumed; for a request that comes before. */
  hold(start: () => void): void {
    this.#waiting.push(start);
    this.#resuming ??= this.#resume();
  }

  async #resume(): Promise<void> {
    const comesEarly = this.#settledAtMs === null;
    await this.#settling;
    const nap: NapFacts = { sleptMs: comesEarly ? 0 : Math.round(nowMs() - this.#settledAtMs!) };
    await runAll("onResume", this.#resumeHooks, (run) => run(nap), resumeTimeoutMs);
    this.#resuming = null;
    this.isAwake = true;
    for (; this.#asked > 0; this.#asked--) this.#listener.onResumed();
    for (const start of this.#waiting.splice(0)) start();
  }

  #add<Hook>(name: string, hooks: Map<object, Hook>, run: Hook): () => void {
    if (typeof run !== "function") throw new TypeError(`${name} takes a function`);
    if (hooks.size >= lifecycleHooksMax) {
      throw new RangeError(
        `${name} was called ${hooks.size} times: register a hook once, when its module is loaded`,
      );
    }
    const key = {};
    hooks.set(key, run);
    this.#listener.onHooks(true);
    return () => {
      if (!hooks.delete(key)) return;
      this.#listener.onHooks(this.#standbyHooks.size + this.#resumeHooks.size > 0);
    };
  }
}

/** Calls all hooks at once. Resolves when they have settled or the time is over, which is printed, as what they throw is. */
async function runAll<Hook>(
  name: string,
  hooks: ReadonlyMap<object, Hook>,
  call: (run: Hook) => unknown,
  timeoutMs: number,
): Promise<void> {
  if (hooks.size === 0) return;
  const all = [...hooks.values()].map(async (run) => {
    try {
      await call(run);
    } catch (error) {
      console.error(`${name}:`, error);
    }
  });
  const isOver = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    console.error(`${name}: it takes longer than ${timeoutMs} ms and is not waited for`);
    isOver.resolve();
  }, timeoutMs);
  await Promise.race([Promise.all(all), isOver.promise]);
  clearTimeout(timer);
}
