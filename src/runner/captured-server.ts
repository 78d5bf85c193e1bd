/**
 * The `Server` an app holds after `Bun.serve(...)`, or gets as the second argument of `fetch`. Requests reach the app
 * over the wire; a real `Bun.serve` on a unix socket of the process's own stands behind it, for WebSockets: an upgraded
 * connection is tunnelled to it, so that sockets, topics, compression and close codes are Bun's own.
 */
import type { App, ServeOptions } from "./app.ts";
import type { PendingUpgrades } from "./upgrades.ts";

/** Where a request came from and what can be done for it beside answering. */
export interface RequestContext {
  peerAddress: string;
  peerPort: number;
  /** Set for a request that asks for a WebSocket. */
  canUpgrade: boolean;
  /** `server.upgrade` was called: data and headers for the real upgrade. */
  upgrade: { data: unknown; headers: Headers | undefined } | null;
}

export interface CapturedServerOptions {
  app: App;
  /** What the app passed to Bun.serve; port and hostname are shown, not bound. */
  options: Record<string, unknown>;
  socketPath: string;
  upgrades: PendingUpgrades;
  contextOf(request: Request): RequestContext | undefined;
  /** Whether WebSockets are possible: not in an app whose state ends with each request. */
  hasTunnels: boolean;
}

/** Port that an app believes it listens on when it names none: Bun's own default. */
const defaultPort = 3000;

export function makeCapturedServer(input: CapturedServerOptions): Bun.Server<unknown> {
  const { app, options, upgrades, contextOf } = input;
  let real: Bun.Server<unknown> | null = null;
  /** Made when it is first needed, which for most apps is never. */
  const realServer = (): Bun.Server<unknown> => {
    real ??= upgrades.listen(input.socketPath, app.websocket ?? {});
    return real;
  };
  if (app.websocket !== undefined && input.hasTunnels) realServer();
  const hostname = typeof options["hostname"] === "string" ? options["hostname"] : "localhost";
  const port = Number(options["port"] ?? process.env["PORT"] ?? defaultPort) || defaultPort;

  const server = {
    get port() {
      return port;
    },
    get hostname() {
      return hostname;
    },
    get url() {
      return new URL(`http://${hostname}:${port}/`);
    },
    get id() {
      return String(options["id"] ?? "");
    },
    get development() {
      return false;
    },
    get pendingRequests() {
      return upgrades.pendingRequests();
    },
    get pendingWebSockets() {
      return real?.pendingWebSockets ?? 0;
    },
    protocol: "http",
    requestIP(request: Request) {
      const context = contextOf(request);
      if (context === undefined) return null;
      const family = context.peerAddress.includes(":") ? "IPv6" : "IPv4";
      return { address: context.peerAddress, family, port: context.peerPort };
    },
    upgrade(request: Request, upgradeOptions?: { data?: unknown; headers?: Bun.HeadersInit }) {
      const context = contextOf(request);
      if (context === undefined || !context.canUpgrade || context.upgrade !== null) return false;
      if (!input.hasTunnels) return false;
      if (app.websocket === undefined) {
        throw new Error('To enable websocket support, set the "websocket" object in Bun.serve({})');
      }
      context.upgrade = {
        data: upgradeOptions?.data,
        headers:
          upgradeOptions?.headers === undefined ? undefined : new Headers(upgradeOptions.headers),
      };
      return true;
    },
    publish: (...args: Parameters<Bun.Server<unknown>["publish"]>) => realServer().publish(...args),
    subscriberCount: (topic: string) => realServer().subscriberCount(topic),
    fetch: async (request: Request | string) =>
      app.handle(
        typeof request === "string" ? new Request(new URL(request, server.url.href).href) : request,
        server,
      ),
    reload(next: ServeOptions) {
      app.replace(next);
      if (next.websocket !== undefined) real = upgrades.reload(next.websocket);
      return server;
    },
    // The node decides about time and life; these answer as if they had been done.
    timeout() {},
    ref() {},
    unref() {},
    closeIdleConnections: () => 0,
    async stop(closeActive?: boolean) {
      await real?.stop(closeActive);
    },
    [Symbol.dispose]() {
      void real?.stop(true);
    },
  };
  return server as unknown as Bun.Server<unknown>;
}
