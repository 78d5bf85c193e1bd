/**
 * The Request that an app gets. Most handlers read its URL and nothing else, so its headers are parsed and its abort
 * signal is made when somebody asks: both together cost more than all the rest of a request.
 *
 * Native code that is given such a Request (`fetch`, `new Request`, `new Response`) reads it through these getters,
 * because it is a subclass; what does not (`clone`, `blob`, `formData`, printing) is overridden.
 */
import type { RequestHead } from "./request-head.ts";
import type { ServerStream } from "./server-stream.ts";

/** What the request of a route has beyond others. */
interface RouteProperties {
  params: Record<string, string>;
  cookies: Bun.CookieMap | undefined;
}

export class WireRequest extends Request {
  readonly #head: RequestHead;
  readonly #stream: ServerStream;
  #hasHeaders = false;
  #route: RouteProperties | undefined;

  constructor(head: RequestHead, stream: ServerStream, init?: RequestInit) {
    super(head.url, init);
    this.#head = head;
    this.#stream = stream;
  }

  /** The stream of a request that came over the wire and is not a copy. */
  static streamOf(request: Request): ServerStream | undefined {
    return #stream in request ? request.#stream : undefined;
  }

  /** Gives the request what a route's handler finds in it. */
  set params(params: Record<string, string>) {
    this.#route = { params, cookies: undefined };
  }

  get params(): Record<string, string> {
    return this.#route?.params as Record<string, string>;
  }

  /** As in Bun, only in the request of a route. */
  get cookies(): Bun.CookieMap {
    const route = this.#route;
    if (route === undefined) return undefined as never;
    route.cookies ??= new Bun.CookieMap(this.headers.get("cookie") ?? "");
    return route.cookies;
  }

  /** `set-cookie` values for what the handler did to `cookies`. */
  get changedCookies(): readonly string[] {
    return this.#route?.cookies?.toSetCookieHeaders() ?? [];
  }

  static {
    const { clone, blob, formData } = Request.prototype;
    const headers = Object.getOwnPropertyDescriptor(Request.prototype, "headers")!.get!;
    // TypeScript declares most of these as properties, so they cannot be overridden as members of the class.
    const override = (
      name: string | symbol,
      property: PropertyDescriptor & ThisType<WireRequest>,
    ): void => {
      Object.defineProperty(WireRequest.prototype, name, { configurable: true, ...property });
    };
    override("headers", {
      get(this: WireRequest): Headers {
        const native: Headers = headers.call(this);
        if (!this.#hasHeaders) {
          this.#hasHeaders = true;
          this.#head.fill(native);
        }
        return native;
      },
    });
    // A native Request would make a GET of a method that it does not know.
    override("method", {
      get(this: WireRequest): string {
        return this.#head.method;
      },
    });
    override("signal", {
      get(this: WireRequest): AbortSignal {
        return this.#stream.signal;
      },
    });
    override("clone", {
      value: function cloneWithSignal(this: WireRequest): Request {
        void this.headers;
        // A native copy does not know our signal.
        return new Request(clone.call(this) as never, { signal: this.signal });
      },
    });
    for (const reader of [blob, formData] as (() => Promise<unknown>)[]) {
      override(reader.name, {
        value: function readWithType(this: WireRequest): Promise<unknown> {
          // What it makes of the body depends on its content-type.
          void this.headers;
          return reader.call(this);
        },
      });
    }
    // What it looks like when it is printed: as without us.
    override(Symbol.for("nodejs.util.inspect.custom"), {
      value: function inspect(this: WireRequest): string {
        return Bun.inspect(new Request(this.url, { method: this.method, headers: this.headers }));
      },
    });
    // Apps that ask for its class see what they would see without us.
    override("constructor", { value: Request });
  }
}
