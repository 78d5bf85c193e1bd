/**
 * Apps with `ephemeral: true`: every request gets the app's modules anew in a `Bun.ModuleGraph`, which is disposed when
 * its response has ended. What the request opened (timers, sockets, children, databases) goes with it. Parsed code is
 * shared, so this costs some 30 µs, not a process.
 */
import type { Captures } from "./capture.ts";
import { captureOf, LoadError } from "./load.ts";

export interface EphemeralRun {
  /** What the handler returned; rejects with what it threw. */
  result: Promise<unknown>;
  /** Ends everything the request started. Call it once its response has ended. Twice is safe. */
  dispose(): void;
}

export class EphemeralApp {
  readonly #path: string;
  readonly #captures: Captures;

  constructor(path: string, captures: Captures) {
    this.#path = path;
    this.#captures = captures;
  }

  /** Loads the modules once, so that a broken app is told from a broken request. */
  async check(): Promise<void> {
    const graph = new Bun.ModuleGraph({ onError: report });
    try {
      const scope = this.#captures.scopeFor(graph);
      const module = await graph.import(this.#path);
      if (captureOf(module, this.#captures, scope) === null) {
        throw new LoadError({ type: "failed", code: "NO_HANDLER", message: this.#path });
      }
    } finally {
      graph.dispose();
    }
  }

  run(request: Request): EphemeralRun {
    const gone = Promise.withResolvers<never>();
    // Nobody may be waiting when the graph goes.
    gone.promise.catch(() => {});
    const graph = new Bun.ModuleGraph({
      onError(error) {
        report(error);
        gone.reject(error);
      },
    });
    let disposed = false;
    return {
      result: Promise.race([this.#handle(graph, request), gone.promise]),
      dispose() {
        if (disposed) return;
        disposed = true;
        graph.dispose();
        gone.reject(new Error("the request has ended"));
      },
    };
  }

  async #handle(graph: Bun.ModuleGraph, request: Request): Promise<unknown> {
    const scope = this.#captures.scopeFor(graph);
    const module = await graph.import(this.#path);
    const capture = captureOf(module, this.#captures, scope);
    if (capture === null) throw new Error("the app has no handler");
    return await graph.run(() => capture.app.handle(request, capture.server));
  }
}

function report(error: unknown): void {
  console.error(error);
}
