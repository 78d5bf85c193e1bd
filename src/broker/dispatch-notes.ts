/** Tells the log of each dispatch that was answered; makes nothing when nobody listens. */
import type { Attempt } from "./attempt.ts";
import type { Dispatch, DispatchRecord, MissReason, Outcome } from "./broker-api.ts";

export class DispatchNotes {
  readonly #onDispatch: ((record: DispatchRecord) => void) | null;

  constructor(onDispatch: ((record: DispatchRecord) => void) | null) {
    this.#onDispatch = onDispatch;
  }

  /** Answered without looking for a waiter. @param isRepeated the outcome is that of an earlier one */
  unsought(dispatch: Dispatch, outcome: Outcome, isRepeated: boolean): void {
    this.#onDispatch?.({
      ...named(dispatch),
      didWarmStart: outcome === "taken",
      reason: outcome === "taken" ? null : outcome,
      isRepeated,
      mode: null,
      offers: 0,
      lapses: 0,
      controller: "",
      instance: "",
      tookMs: 0,
    });
  }

  /** @param reason null: delivered. `asked`: whoever is answered, the first or one that joined later */
  sought(
    attempt: Attempt,
    reason: MissReason | null,
    asked: { dispatch: Dispatch; startedMs: number },
    nowMs: number,
  ): void {
    if (this.#onDispatch === null) return;
    const { lapses, lease, offers, poll } = attempt;
    this.#onDispatch({
      ...named(asked.dispatch),
      didWarmStart: reason === null,
      reason,
      isRepeated: asked !== attempt,
      mode: reason !== null ? null : lease === "" ? "direct" : "claimed",
      offers,
      lapses,
      controller: poll?.controller ?? "",
      instance: poll?.instance ?? "",
      tookMs: nowMs - asked.startedMs,
    });
  }
}

function named({ key, message, run, snapshot, traceparent }: Dispatch) {
  return { snapshot, run, key, traceparent, bytes: message.byteLength };
}
