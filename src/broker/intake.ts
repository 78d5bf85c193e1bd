/**
 * What becomes of a dispatch before anybody is sought for it.
 *
 *   dispatch ──no key, no room, switched off──▶ refused
 *     ├──its snapshot has a verdict──▶ answered with that
 *     ├──its snapshot is under way──▶ joined, answered with it
 *     └──▶ begun (`attempts.ts`)
 */
import { Attempt, Joined } from "./attempt.ts";
import type { Attempts } from "./attempts.ts";
import type { Dispatch, Dispatcher, MissReason, Outcome } from "./broker-api.ts";
import type { BrokerState } from "./broker-state.ts";
import type { DispatchNotes } from "./dispatch-notes.ts";
import { joinedMax } from "./limits.ts";

/** What a dispatcher gets that was answered at once: there is nothing left that it could leave. */
const ANSWERED: object = {};

export class Intake {
  readonly #state: BrokerState;
  readonly #attempts: Attempts;
  readonly #notes: DispatchNotes;

  constructor(state: BrokerState, attempts: Attempts, notes: DispatchNotes) {
    this.#state = state;
    this.#attempts = attempts;
    this.#notes = notes;
  }

  /** @returns what `leave` wants */
  take(dispatch: Dispatch, dispatcher: Dispatcher): object {
    const { clock, counters, isDraining, isOn, verdicts } = this.#state;
    const { key, snapshot } = dispatch;
    counters.dispatches += 1;
    if (key === "" || snapshot === "") return this.#refuse(dispatch, dispatcher, "bad_key");
    const pending = verdicts.pending(snapshot);
    if (pending !== null) return this.#join(pending, dispatch, dispatcher);
    const known = verdicts.settled(snapshot, clock.lastMs);
    if (known !== null) return this.#repeat(dispatch, dispatcher, known);
    if (!this.#attempts.hasRoom(dispatch)) return this.#refuse(dispatch, dispatcher, "overloaded");
    if (!isOn || isDraining) {
      return this.#refuse(dispatch, dispatcher, isDraining ? "draining" : "off");
    }
    const attempt = new Attempt(dispatch, dispatcher, clock.lastMs, 0);
    this.#attempts.begin(attempt);
    return attempt;
  }

  /** Whoever asked has gone. Twice is safe. */
  leave(handle: object): void {
    if (handle instanceof Joined) {
      const { attempt } = handle;
      handle.isGone = true;
      const left = attempt.joined?.filter((joined) => joined !== handle) ?? [];
      attempt.joined = left.length === 0 ? null : left;
      this.#attempts.cancelUnwanted(attempt);
    } else if (handle instanceof Attempt) {
      handle.dispatcher = null;
      this.#attempts.cancelUnwanted(handle);
    }
  }

  #join(attempt: Attempt, dispatch: Dispatch, dispatcher: Dispatcher): object {
    const { clock, counters } = this.#state;
    if ((attempt.joined?.length ?? 0) >= joinedMax) {
      return this.#refuse(dispatch, dispatcher, "overloaded");
    }
    counters.repeated += 1;
    const joined = new Joined(attempt, dispatch, dispatcher, clock.lastMs);
    attempt.joined ??= [];
    attempt.joined.push(joined);
    return joined;
  }

  #repeat(dispatch: Dispatch, dispatcher: Dispatcher, outcome: Outcome): object {
    this.#state.counters.repeated += 1;
    this.#notes.unsought(dispatch, outcome, true);
    dispatcher.answer(outcome === "taken");
    return ANSWERED;
  }

  #refuse(dispatch: Dispatch, dispatcher: Dispatcher, reason: MissReason): object {
    this.#state.counters.misses[reason] += 1;
    this.#notes.unsought(dispatch, reason, false);
    dispatcher.answer(false);
    return ANSWERED;
  }
}
