/**
 * Replaces `Bun.serve` for the app: nothing is bound, the options are kept, and the app gets a server that works behind
 * the wire. The first call is the app. In an ephemeral app every request has its own module graph and its own capture.
 */
import { App, type ServeOptions } from "./app.ts";
import { makeCapturedServer } from "./captured-server.ts";
import { NODE_HTTP_HANDLER, type NodeListenOptions, type NodeServers } from "./node-servers.ts";
import type { Upgrades } from "./upgrades.ts";

export interface Capture {
  app: App;
  server: Bun.Server<unknown>;
}

/** Where a call of `Bun.serve` is noted: the process, or one request's module graph. */
export interface CaptureScope {
  capture: Capture | null;
  onCapture: ((capture: Capture) => void) | null;
  /** A server of node:http was to listen. */
  isNodeServer: boolean;
}

export interface CaptureOptions {
  upgrades: Upgrades;
  /** Null where state ends with each request, and no server can listen. */
  nodeServers: NodeServers | null;
  requestsInFlight(): number;
}

export class Captures {
  readonly #options: CaptureOptions;
  readonly #byGraph = new WeakMap<object, CaptureScope>();
  /** The process's own scope. */
  readonly root: CaptureScope = { capture: null, onCapture: null, isNodeServer: false };

  constructor(options: CaptureOptions) {
    this.#options = options;
  }

  /** Replaces `Bun.serve`. Call it once, before any code of the app's is loaded. */
  install(): void {
    const native = Bun.serve as unknown as (options: object) => never;
    const serve = (options: Record<string, unknown>) => {
      const scope = this.#currentScope();
      // node:http comes here too, with a handler that only a real server can call.
      if (NODE_HTTP_HANDLER in options) {
        const { nodeServers } = this.#options;
        scope.isNodeServer = true;
        // It goes with its request, and can at most be a server beside the handler.
        if (nodeServers === null) return native(options);
        return nodeServers.listen(options as unknown as NodeListenOptions, native);
      }
      if (scope.capture !== null) {
        console.warn(
          "Bun.serve was called a second time: only the first server of an app takes requests",
        );
      }
      return this.make(options, scope).server;
    };
    // The real one stays reachable for the server behind the tunnels.
    Bun.serve = serve as unknown as typeof Bun.serve;
  }

  /** Makes a capture of `options` in `scope`; the first of a scope is the one that serves. */
  make(options: Record<string, unknown>, scope: CaptureScope): Capture {
    const app = new App(options as ServeOptions);
    const { requestsInFlight } = this.#options;
    const upgrades = scope === this.root ? this.#options.upgrades : null;
    const server = makeCapturedServer({ app, options, upgrades, requestsInFlight });
    const capture = { app, server };
    if (scope.capture === null) {
      scope.capture = capture;
      scope.onCapture?.(capture);
    }
    return capture;
  }

  /** A scope of its own for what runs in `graph`. */
  scopeFor(graph: object): CaptureScope {
    const scope: CaptureScope = { capture: null, onCapture: null, isNodeServer: false };
    this.#byGraph.set(graph, scope);
    return scope;
  }

  #currentScope(): CaptureScope {
    const graph = (Bun.ModuleGraph as unknown as { current?: object } | undefined)?.current;
    return (graph === undefined ? undefined : this.#byGraph.get(graph)) ?? this.root;
  }
}

/**
 * The options in a module's default export, or null when it is no handler. A framework's instance (Hono, Elysia) is
 * asked through its `fetch` alone: its other properties only look like options.
 */
export function optionsOf(exported: unknown): Record<string, unknown> | null {
  if ((typeof exported !== "object" && typeof exported !== "function") || exported === null)
    return null;
  const value = exported as Record<string, unknown>;
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    return typeof value["fetch"] === "function" || isRecord(value["routes"]) ? value : null;
  }
  const { fetch } = value;
  if (typeof fetch !== "function") return null;
  const options: Record<string, unknown> = {
    fetch: (request: Request, server: unknown) => fetch.call(value, request, server),
  };
  if (isRecord(value["websocket"]) && typeof exported !== "function")
    options["websocket"] = value["websocket"];
  return options;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
