/**
 * Apps with `ephemeral: true`: every request gets the app's modules anew in a `Bun.ModuleGraph`, which is disposed when
 * its response has ended. What the request opened (timers, sockets, children, databases) goes with it. Parsed code is
 * shared, so this costs some 30 µs, not a process.
 *
 *   loading ──handler called──▶ running ──stream closed──▶ disposed
 *        └──── error nobody caught: the request fails ────▶ disposed
 */
import { messageOf } from "../base/errors.ts";
import { ResetReason } from "../wire/frames.ts";
import type { Capture, Captures } from "./capture.ts";
import { captureOf, LoadError } from "./load.ts";
import type { ServerStream } from "./server-stream.ts";

interface Run {
  graph: Bun.ModuleGraph;
  capture: Capture | null;
  /** The handler has returned; its body may still be on its way. */
  isAnswered: boolean;
}

export class EphemeralApp {
  readonly #path: string;
  readonly #captures: Captures;
  readonly #runs = new WeakMap<ServerStream, Run>();

  constructor(path: string, captures: Captures) {
    this.#path = path;
    this.#captures = captures;
  }

  /** Loads the modules once, so that a broken app is told from a broken request. */
  async check(): Promise<void> {
    using graph = new Bun.ModuleGraph({ onError: console.error });
    if ((await this.#load(graph)) === null) {
      throw new LoadError({ type: "failed", code: "NO_HANDLER", message: this.#path });
    }
  }

  /** Handles one request; its graph goes when the stream closes. */
  handle(request: Request, stream: ServerStream): Promise<unknown> {
    const ended = Promise.withResolvers<never>();
    const graph = new Bun.ModuleGraph({
      // A process would have ended here; so does the request.
      onError: (error) => {
        if (!run.isAnswered) return ended.reject(error);
        console.error(error);
        stream.reset(ResetReason.BODY_FAILED, messageOf(error));
      },
    });
    const run: Run = { graph, capture: null, isAnswered: false };
    this.#runs.set(stream, run);
    stream.onRelease = () => {
      graph.dispose();
      // A disposed graph settles nothing, and nobody may wait for ever.
      ended.reject(new Error("the request has ended"));
    };
    return Promise.race([this.#handle(run, request), ended.promise]);
  }

  /** Asks the app's `error` handler of this request. */
  recover(error: unknown, stream: ServerStream): unknown {
    const run = this.#runs.get(stream);
    if (run === undefined || run.capture === null || stream.closed) return undefined;
    const { app, server } = run.capture;
    return run.graph.run(() => app.recover(error, server));
  }

  async #handle(run: Run, request: Request): Promise<unknown> {
    const capture = await this.#load(run.graph);
    if (capture === null) throw new Error("the app has no handler");
    run.capture = capture;
    const result = await run.graph.run(() => capture.app.handle(request, capture.server));
    run.isAnswered = true;
    return result;
  }

  async #load(graph: Bun.ModuleGraph): Promise<Capture | null> {
    const scope = this.#captures.scopeFor(graph);
    return captureOf(await graph.import(this.#path), this.#captures, scope);
  }
}
