/**
 * Modules of ephemeral requests that stay after their response, for work that was given to `waitUntil` or for `keepAwake`.
 *
 *   held ──released, or its time is over──▶ free
 */
import { waitUntilMsMax } from "../wire/limits.ts";
import { asRunner, atTurnEnd } from "./turn-end.ts";

const { setTimeout, clearTimeout } = globalThis;

interface HeldGraph {
  /** What ends each; bounded by `holdersMax`. */
  open: Set<() => void>;
  onFree: (() => void) | null;
}

export class HeldGraphs {
  readonly #byGraph = new WeakMap<object, HeldGraph>();

  /** Holds the modules whose code is running, if it is a request's. Returns what ends it and calls `release`. Twice is safe. */
  hold(release: () => void): () => void {
    const { current } = Bun.ModuleGraph;
    if (current === undefined) return release;
    const graph = this.#byGraph.getOrInsertComputed(current, () => ({
      open: new Set(),
      onFree: null,
    }));
    const end = () => {
      if (!graph.open.delete(end)) return;
      release();
      if (graph.open.size === 0) graph.onFree?.();
    };
    graph.open.add(end);
    return end;
  }

  /** Calls `free` when nothing holds the modules any more, or has for too long; perhaps at once. */
  whenFree(graph: object, free: () => void): void {
    const held = this.#byGraph.get(graph);
    if (held === undefined || held.open.size === 0) return free();
    // Timers of a request's own go with its modules.
    const timer = asRunner(setTimeout, () => this.drop(graph), waitUntilMsMax);
    held.onFree = () => {
      clearTimeout(timer);
      // It may be code of those modules that runs now.
      atTurnEnd(free);
    };
  }

  /** Nothing holds the modules any more. */
  drop(graph: object): void {
    for (const end of this.#byGraph.get(graph)?.open ?? []) end();
  }
}
