/**
 * What became of each run: what its supervisor was told, and which runners have it.
 *
 *   lost     told true, and no runner has it: it stands still until a heartbeat finds it
 *   doubled  two runners have it: a warm one twice, or a warm one beside the cold one that `false` has started
 *   fenced   as doubled, but after no answer at all: the second start is refused for its stale snapshot, a cold start too many
 */
import type { Verdict } from "./supervisor.ts";

export interface Entry {
  snapshot: string;
  verdict: Verdict | null;
  /** Controllers that have it, in order. */
  runners: string[];
}

export interface Balance {
  runs: number;
  warm: number;
  cold: number;
  fenced: number;
  lost: string[];
  doubled: string[];
}

export class Ledger {
  readonly #entries = new Map<string, Entry>();

  entry(snapshot: string): Entry {
    const known = this.#entries.get(snapshot);
    if (known !== undefined) return known;
    const made: Entry = { snapshot, verdict: null, runners: [] };
    this.#entries.set(snapshot, made);
    return made;
  }

  /** What the supervisor was told. The same again is no news; true after anything else is. */
  told(snapshot: string, verdict: Verdict): void {
    const entry = this.entry(snapshot);
    if (entry.verdict !== "true") entry.verdict = verdict;
  }

  got(snapshot: string, runner: string): void {
    this.entry(snapshot).runners.push(runner);
  }

  /** Told true, and nobody has it so far. */
  missing(): Entry[] {
    return [...this.#entries.values()].filter(
      ({ verdict, runners }) => verdict === "true" && runners.length === 0,
    );
  }

  balance(): Balance {
    const entries = [...this.#entries.values()];
    const show = ({ snapshot, verdict, runners }: Entry) =>
      `${snapshot}: told ${verdict}, has ${runners.join(" and ") || "nobody"}`;
    const hasTwo = ({ verdict, runners }: Entry) =>
      runners.length > 1 || (verdict === "false" && runners.length > 0);
    return {
      runs: entries.length,
      warm: entries.filter(({ verdict }) => verdict === "true").length,
      cold: entries.filter(({ verdict }) => verdict !== "true").length,
      fenced: entries.filter((entry) => entry.verdict === "error" && entry.runners.length === 1)
        .length,
      lost: this.missing().map(show),
      doubled: entries.filter(hasTwo).map(show),
    };
  }
}
