/**
 * Apps with `ephemeral: true`: every request gets the app's modules anew in a `Bun.ModuleGraph`, which is disposed when
 * its response has ended. What the request opened (timers, sockets, children, databases) goes with it, and what it did to
 * the process is undone (`shared-process.ts`). Compiled code is shared, so a small app costs some 50 µs, not a process.
 *
 * No graph is made ahead of its request: what a module does when it is loaded (print, connect, start a clock) belongs to a
 * request, runs under its id and its deadline, and must not lie for hours in a frozen process.
 *
 *   loading ──handler called──▶ running ──stream closed──▶ (held) ──▶ disposed
 *        └──── error nobody caught: the request fails ──────────────▶ disposed
 */
import { messageOf } from "../base/errors.ts";
import { ResetReason } from "../wire/frames.ts";
import type { Capture, Captures } from "./capture.ts";
import type { HeldGraphs } from "./held-graphs.ts";
import { captureOf, LoadError } from "./load.ts";
import type { ServerStream } from "./server-stream.ts";
import { SharedProcess } from "./shared-process.ts";

interface Run {
  graph: Bun.ModuleGraph;
  capture: Capture | null;
  /** The handler has returned; its body may still be on its way. */
  isAnswered: boolean;
}

/** Nobody sees it; one for all, since a stack costs more than what it would tell. */
const requestEnded = new Error("the request has ended");

export class EphemeralApp {
  readonly #path: string;
  readonly #captures: Captures;
  readonly #process = new SharedProcess();
  readonly #held: HeldGraphs;
  readonly #runs = new WeakMap<ServerStream, Run>();

  constructor(path: string, captures: Captures, held: HeldGraphs) {
    this.#path = path;
    this.#captures = captures;
    this.#held = held;
  }

  /** Loads the modules once, so that a broken app is told from a broken request. */
  async check(): Promise<void> {
    await keepSource(this.#path);
    this.#process.install();
    using graph = new Bun.ModuleGraph({ onError: console.error });
    const scope = this.#captures.scopeFor(graph);
    const capture = captureOf(await graph.import(this.#path), this.#captures, scope);
    this.#held.drop(graph);
    if (capture === null && scope.isNodeServer) {
      throw new LoadError({ type: "failed", code: "EPHEMERAL_SERVER", message: this.#path });
    }
    if (capture === null) {
      throw new LoadError({ type: "failed", code: "NO_HANDLER", message: this.#path });
    }
  }

  /** Handles one request; its graph goes when the stream has closed and nothing holds it (`waitUntil`). */
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
    this.#process.enter(graph, ended.reject);
    stream.onRelease = () => {
      this.#held.whenFree(graph, () => {
        this.#process.leave(graph);
        graph.dispose();
      });
      // A disposed graph settles nothing, and nobody may wait for ever.
      ended.reject(requestEnded);
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

/** First line of a module that Bun has made and need not transpile, as the bundle of a deployed app. */
const bundled = /^\/\/ @bun\r?\n/;

/**
 * Keeps the text of a bundled entry in memory: a graph reads its modules from disk each time, in another thread, which
 * costs more than all the rest. The files of a version never change. Others are read each time.
 */
async function keepSource(path: string): Promise<void> {
  const contents = await Bun.file(path)
    .text()
    .catch(() => "");
  if (!bundled.test(contents)) return;
  Bun.plugin({
    name: "levain-ephemeral",
    setup: (builder) => {
      const filter = new RegExp(`^${RegExp.escape(path)}$`);
      builder.onLoad({ filter }, () => ({ contents, loader: "js" }));
    },
  });
}
