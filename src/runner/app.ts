/**
 * What an app serves with: the options it gave to `Bun.serve`, or its default export. Turns a Request into whatever the
 * handler returns.
 */
import { Routes, type RouteValue } from "./routes.ts";

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

  constructor(options: ServeOptions) {
    this.#options = options;
    this.#compile();
  }

  get websocket(): object | undefined {
    return this.#options.websocket;
  }

  /** `server.reload`. */
  replace(options: ServeOptions): void {
    this.#options = { ...this.#options, ...options };
    this.#compile();
  }

  /** What the handler returns or a promise of it. Throws what the handler throws when the app has no `error` handler. */
  handle(request: Request, server: unknown): unknown {
    const { error } = this.#options;
    if (error === undefined) return this.#dispatch(request, server);
    try {
      const result = this.#dispatch(request, server);
      if (!(result instanceof Promise)) return result;
      return result.catch((thrown) => error.call(server, thrown));
    } catch (thrown) {
      return error.call(server, thrown);
    }
  }

  #compile(): void {
    const { routes } = this.#options;
    this.#routes = routes === undefined ? null : new Routes(routes);
  }

  #dispatch(request: Request, server: unknown): unknown {
    if (this.#routes !== null) {
      const match = this.#routes.match(pathOf(request.url));
      if (match !== null) {
        const handler = byMethod(match.value, request.method);
        if (handler !== undefined && handler !== false) {
          if (typeof handler !== "function") return staticResponse(handler);
          addRouteProperties(request, match.params);
          return handler.call(server, request, server);
        }
      }
    }
    const { fetch } = this.#options;
    if (fetch === undefined) return new Response(null, { status: 404 });
    return fetch.call(server, request, server);
  }
}

function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const query = url.indexOf("?", start);
  return query === -1 ? url.slice(start) : url.slice(start, query);
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

/** The part of a route's value for this method; undefined when there is none, so that `fetch` is asked. */
function byMethod(value: RouteValue, method: string): RouteValue {
  if (
    typeof value !== "object" ||
    value === null ||
    value instanceof Response ||
    value instanceof Blob
  ) {
    return value;
  }
  const methods = value as Record<string, RouteValue>;
  const chosen = methods[method] ?? (method === "HEAD" ? methods["GET"] : undefined);
  if (chosen !== undefined) return chosen;
  return METHODS.some((name) => name in methods) ? undefined : value;
}

/** A route's Response is sent again and again, so each answer is a copy of it. */
function staticResponse(value: RouteValue): unknown {
  if (value instanceof Response) return value.clone();
  if (value instanceof Blob) return new Response(value);
  return value;
}

/** What Bun gives to the request of a route: `params` and `cookies`. */
function addRouteProperties(request: Request, params: Record<string, string>): void {
  let cookies: Bun.CookieMap | undefined;
  Object.defineProperties(request, {
    params: { value: params, configurable: true, enumerable: true },
    cookies: {
      get: () => {
        cookies ??= new Bun.CookieMap(request.headers.get("cookie") ?? "");
        COOKIES.set(request, cookies);
        return cookies;
      },
      configurable: true,
    },
  });
}

const COOKIES = new WeakMap<Request, Bun.CookieMap>();

/** `set-cookie` values for what the route's handler did to `request.cookies`. */
export function changedCookies(request: Request): readonly string[] {
  return COOKIES.get(request)?.toSetCookieHeaders() ?? [];
}
