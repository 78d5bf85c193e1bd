/**
 * What an app with `onStandby` or `onResume` hooks needs before it is frozen and after: it is asked to settle, frozen when
 * it has or its time is over, and told to go on. One without hooks is always ready.
 *
 *   awake ──look()──▶ settling ──settled, or too late──▶ settled ──(frozen)──┐
 *     ▲                  └── used meanwhile ──▶ resuming ◀──────── resume() ──┘
 *     └── resumed, or too late ────────────────────┘
 *
 * That a request waits until the app has resumed is its runner's affair (`runner/nap.ts`).
 */
import type { NodeMessage } from "../wire/control.ts";
import { resumeTimeoutMs, standbyTimeoutMs } from "../wire/limits.ts";
import { settlingGraceMs } from "./limits.ts";

type State = "awake" | "settling" | "settled" | "resuming";

export class Settling {
  readonly #say: (message: NodeMessage) => void;
  /** The app has hooks. */
  hasHooks = false;
  #state: State = "awake";
  #turn = 0;
  /** When the state began. Clock time, milliseconds. */
  #sinceMs = 0;

  constructor(say: (message: NodeMessage) => void) {
    this.#say = say;
  }

  /** It was asked to settle, and is not frozen or has not been told to go on. */
  get isUnderWay(): boolean {
    return this.#state === "settling" || this.#state === "settled";
  }

  /** `onResume` hooks run, as far as is known. */
  get isResuming(): boolean {
    return this.#state === "resuming";
  }

  /**
   * Whether an idle instance can be frozen now; asks it to settle when it has to be. `late`: now, though it did not say
   * that it has. One in use is told to `resume` instead: what came meanwhile waits in its runner, so it is open still.
   */
  look(nowMs: number): "ready" | "wait" | "late" {
    const forMs = nowMs - this.#sinceMs;
    switch (this.#state) {
      case "awake":
        if (!this.hasHooks) return "ready";
        this.#turn += 1;
        this.#move("settling", nowMs);
        this.#say({ type: "settle", turn: this.#turn });
        return "wait";
      case "resuming":
        if (forMs >= resumeTimeoutMs + settlingGraceMs) this.#move("awake", nowMs);
        return "wait";
      default:
        if (this.#state === "settled") return "ready";
        if (forMs < standbyTimeoutMs + settlingGraceMs) return "wait";
        this.#move("settled", nowMs);
        return "late";
    }
  }

  /** Its hooks have run. Returns whether that was awaited. */
  onSettled(turn: number, nowMs: number): boolean {
    if (this.#state !== "settling" || turn !== this.#turn) return false;
    this.#move("settled", nowMs);
    return true;
  }

  /** Tells it to go on, when it was asked to settle. */
  resume(nowMs: number): void {
    if (!this.isUnderWay) return;
    this.#move("resuming", nowMs);
    this.#say({ type: "resume" });
  }

  /** Its hooks have run. */
  onResumed(nowMs: number): void {
    if (this.#state === "resuming") this.#move("awake", nowMs);
  }

  #move(state: State, nowMs: number): void {
    this.#state = state;
    this.#sinceMs = nowMs;
  }
}
