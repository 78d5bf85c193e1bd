/**
 * Holds an app to the hosts that it declares, where its configuration names hosts: the kernel knows only their ports. This
 * is inside the app's process, so it catches mistakes (a URL from a user, a typo, a default of a library) and nobody who
 * means to get around it.
 *
 * `fetch`, `WebSocket` and `Bun.connect` are held. `node:net`, `node:http` and what is built on them are not, nor where
 * a redirect leads.
 */
import { parseDestination } from "../base/permissions.ts";

/** Ports that a URL has without saying so. */
const PORTS: Readonly<Record<string, number>> = {
  "http:": 80,
  "https:": 443,
  "ws:": 80,
  "wss:": 443,
};

/** Called once, before the app is loaded. @param connect `permissions.connect` of the version */
export function holdToHosts(connect: readonly string[]): void {
  const hosts = namedHosts(connect);
  if (hosts === null) return;
  const check = (host: string, port: number) => {
    if (isDeclared(hosts, host, port)) return;
    const error = new Error(`${host}:${port} is not among the app's permissions.connect`);
    throw Object.assign(error, { code: "EACCES" });
  };
  const checkUrl = (given: unknown) => {
    const url = URL.parse(given instanceof Request ? given.url : String(given));
    const port = url === null ? undefined : PORTS[url.protocol];
    // What is no address of a host (data:, blob:, s3:), or none at all, is the callee's affair.
    if (url !== null && port !== undefined) check(url.hostname, Number(url.port || port));
  };

  const { fetch, WebSocket } = globalThis;
  const connectSocket = Bun.connect;
  globalThis.fetch = Object.assign(async (input: never, init?: { unix?: string }) => {
    if (init?.unix === undefined) checkUrl(input);
    return fetch(input, init as never);
  }, fetch);
  globalThis.WebSocket = class extends WebSocket {
    constructor(url: string | URL, ...rest: never[]) {
      checkUrl(url);
      super(url, ...rest);
    }
  } as typeof WebSocket;
  (Bun as { connect: unknown }).connect = async (options: { hostname?: string; port?: number }) => {
    if (options.hostname !== undefined) check(options.hostname, Number(options.port));
    return connectSocket(options as never);
  };
}

/** Hosts by port; null when every port may be used with any host. */
export function namedHosts(connect: readonly string[]): Map<number, Set<string>> | null {
  const hosts = new Map<number, Set<string>>();
  for (const { host, port } of connect.flatMap((text) => parseDestination(text) ?? [])) {
    hosts.set(port, (hosts.get(port) ?? new Set()).add(host));
  }
  const namesAny = [...hosts.values()].some((names) => !names.has("*"));
  return namesAny ? hosts : null;
}

function isDeclared(hosts: ReadonlyMap<number, Set<string>>, host: string, port: number): boolean {
  const names = hosts.get(port);
  // A port that is not declared at all is refused by the kernel, in its own words.
  if (names === undefined || names.has("*")) return true;
  const name = host.toLowerCase().replace(/\.$/, "");
  return names.has(name) || names.has(`[${name}]`);
}
