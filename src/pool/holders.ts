/**
 * What keeps an instance awake beside its requests, by the word of its app: `waitUntil` work and `keepAwake`. Each has a
 * budget, counted here since the process is not trusted; what is over it is still shown, and no longer counts.
 *
 *   taken ──▶ counts ──its budget is over──▶ spent
 *                └─────────released────────────┴──▶ gone
 */
import type { Holder, HolderKind, LifecycleMessage } from "../wire/control.ts";
import { WireProtocolError } from "../wire/frames.ts";
import { holdersMax, keepAwakeMsMax, waitUntilMsMax } from "../wire/limits.ts";
import { holdersShownMax, tickMs } from "./limits.ts";

const budgetsMs: Record<HolderKind, number> = {
  waitUntil: waitUntilMsMax,
  keepAwake: keepAwakeMsMax,
};

/** A holder as it is shown. */
export interface HolderFacts {
  kind: HolderKind;
  /** The app's own word for it; may be empty. */
  name: string;
  ageMs: number;
  /** Its budget is over: it does not keep the instance awake. */
  isSpent: boolean;
}

interface Kept extends Holder {
  /** Clock time. Milliseconds. */
  sinceMs: number;
  isSpent: boolean;
}

export class Holders {
  /** The oldest first. */
  readonly #all = new Map<number, Kept>();
  #spent = 0;
  #lookedAtMs = 0;

  /** Those that keep the instance awake. Count. */
  get count(): number {
    return this.#all.size - this.#spent;
  }

  /** All of them. Count. */
  get size(): number {
    return this.#all.size;
  }

  /** @throws {WireProtocolError} for what no runner says */
  note({ taken, released }: LifecycleMessage, nowMs: number): void {
    for (const holder of taken) {
      if (this.#all.has(holder.id)) throw new WireProtocolError("a holder that is taken twice");
      if (this.#all.size >= holdersMax) throw new WireProtocolError("more holders than may be");
      this.#all.set(holder.id, { ...holder, sinceMs: nowMs, isSpent: false });
    }
    for (const id of released) {
      if (this.#all.get(id)?.isSpent) this.#spent -= 1;
      this.#all.delete(id);
    }
  }

  /** Gives those whose budget is over since it was called last. Called every `tickMs`. */
  look(nowMs: number): HolderFacts[] {
    if (this.count === 0 || nowMs - this.#lookedAtMs < 10 * tickMs) return [];
    this.#lookedAtMs = nowMs;
    const spent: HolderFacts[] = [];
    for (const holder of this.#all.values()) {
      if (holder.isSpent || nowMs - holder.sinceMs < budgetsMs[holder.kind]) continue;
      holder.isSpent = true;
      this.#spent += 1;
      spent.push(factsOf(holder, nowMs));
    }
    return spent;
  }

  /** The oldest, at most `holdersShownMax`. */
  facts(nowMs: number): HolderFacts[] {
    return [...this.#all.values()].slice(0, holdersShownMax).map((one) => factsOf(one, nowMs));
  }
}

function factsOf({ kind, name, sinceMs, isSpent }: Kept, nowMs: number): HolderFacts {
  return { kind, name, ageMs: nowMs - sinceMs, isSpent };
}

/** `waitUntil "mail"` */
export function holderName({ kind, name }: Pick<HolderFacts, "kind" | "name">): string {
  return name === "" ? kind : `${kind} ${JSON.stringify(name)}`;
}
