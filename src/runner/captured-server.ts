/**
 * The `Server` an app holds after `Bun.serve(...)`, or gets as the second argument of `fetch`. Requests reach the app
 * over the wire; a real `Bun.serve` on a unix socket of the process's own stands behind it, for WebSockets: an upgraded
 * connection is tunnelled to it, so that sockets, topics, compression and close codes are Bun's own.
 */
import type { App, ServeOptions } from "./app.ts";
import type { UpgradeOptions, Upgrades } from "./upgrades.ts";
import { WireRequest } from "./wire-request.ts";

export interface CapturedServerOptions {
  app: App;
  /** What the app passed to Bun.serve; port and hostname are shown, not bound. */
  options: Record<string, unknown>;
  /** Null where no WebSockets are possible: in an app whose state ends with each request. */
  upgrades: Upgrades | null;
  requestsInFlight(): number;
}

/** Port that an app believes it listens on when it names none: Bun's own default. */
const defaultPort = 3000;

export function makeCapturedServer(input: CapturedServerOptions): Bun.Server<unknown> {
  const { app, options, upgrades, requestsInFlight } = input;
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
    get address() {
      return { address: hostname, family: "IPv4", port };
    },
    get pendingRequests() {
      return requestsInFlight();
    },
    get pendingWebSockets() {
      return upgrades?.server?.pendingWebSockets ?? 0;
    },
    protocol: "http",
    requestIP(request: Request) {
      const stream = WireRequest.streamOf(request);
      if (stream === undefined) return null;
      const { address, port } = stream.head.peer;
      return { address, family: address.includes(":") ? "IPv6" : "IPv4", port };
    },
    upgrade(request: Request, given: UpgradeOptions = {}) {
      if (app.websocket === undefined) {
        throw new Error('To enable websocket support, set the "websocket" object in Bun.serve({})');
      }
      return upgrades?.upgrade(request, app.websocket, given) ?? false;
    },
    publish: (...args: Parameters<Bun.Server<unknown>["publish"]>) =>
      upgrades?.server?.publish(...args) ?? 0,
    subscriberCount: (topic: string) => upgrades?.server?.subscriberCount(topic) ?? 0,
    fetch: async (request: Request | string) =>
      app.handle(
        typeof request === "string" ? new Request(new URL(request, server.url.href).href) : request,
        server,
      ),
    reload(next: ServeOptions) {
      app.replace(next);
      if (next.websocket !== undefined) upgrades?.reload(next.websocket);
      return server;
    },
    // The node decides about time and life; these answer as if they had been done.
    timeout() {},
    ref() {},
    unref() {},
    closeIdleConnections: () => 0,
    async stop(closeActive?: boolean) {
      await upgrades?.server?.stop(closeActive);
    },
    [Symbol.dispose]() {
      void upgrades?.server?.stop(true);
    },
  };
  return server as unknown as Bun.Server<unknown>;
}
