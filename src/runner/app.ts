/**
 * What an app serves with: the options it gave to `Bun.serve`, or its default export. Turns a Request into whatever the
 * handler returns.
 */
import { Routes, type RouteValue } from "./routes.ts";
import { staticAnswer } from "./static-route.ts";
import { WireRequest } from "./wire-request.ts";

type Handler = (this: unknown, request: Request, server: unknown) => unknown;

/** The parts of `Bun.serve`'s options that matter behind the wire. */
export interface ServeOptions {
  fetch?: Handler | undefined;
  routes?: Record<string, RouteValue> | undefined;
  error?: ((this: unknown, error: unknown) => unknown) | undefined;
  websocket?: object | undefined;
}

export class App {
  #options: ServeOptions;
  #routes: Routes | null = null;

  /** @throws {TypeError} for options that `Bun.serve` would not take either. */
  constructor(options: ServeOptions) {
    this.#options = options;
    this.#compile();
  }

  get websocket(): object | undefined {
    return this.#options.websocket;
  }

  /** `server.reload`. */
  replace(options: ServeOptions): void {
    // As in Bun: routes are replaced, even by none; a missing `fetch` or `error` stays.
    this.#options = { ...this.#options, routes: undefined, ...options };
    this.#compile();
  }

  /** What the handler returns, or a promise of it. Throws what the handler throws. */
  handle(request: Request, server: unknown): unknown {
    const match = this.#routes?.match(targetOf(request), request.method) ?? null;
    if (match === null) return this.#fetch(request, server);
    const { value, params } = match;
    if (typeof value === "function") {
      addParams(request, params);
      return value.call(server, request, server);
    }
    const answer = staticAnswer(value as Response | Blob, request);
    if (answer instanceof Response) return answer;
    return answer.then((found) => found ?? this.#fetch(request, server));
  }

  /** What the app's `error` handler makes of an error; undefined when it has none. Throws what that throws. */
  recover(error: unknown, server: unknown): unknown {
    return this.#options.error?.call(server, error);
  }

  #fetch(request: Request, server: unknown): unknown {
    const { fetch } = this.#options;
    return fetch === undefined
      ? new Response(null, { status: 404 })
      : fetch.call(server, request, server);
  }

  #compile(): void {
    const { fetch, routes } = this.#options;
    if (fetch !== undefined && typeof fetch !== "function") {
      throw new TypeError("Expected fetch() to be a function");
    }
    const hasRoutes = routes !== undefined && Object.keys(routes).length > 0;
    if (fetch === undefined && !hasRoutes) {
      throw new TypeError("Bun.serve() needs either a routes object or a fetch handler");
    }
    this.#routes = hasRoutes ? new Routes(routes) : null;
  }
}

/** The URL as the client sent it: Bun matches routes before it takes out dot segments. */
function targetOf(request: Request): string {
  return WireRequest.streamOf(request)?.head.url ?? request.url;
}

function addParams(request: Request, params: Record<string, string>): void {
  if (request instanceof WireRequest) request.params = params;
  // One that the app made itself, for `server.fetch`.
  else Object.defineProperty(request, "params", { value: params, configurable: true });
}
