/**
 * An app that asks itself (`fetch("http://localhost:3000/…")`, as Next.js and others do) reaches its own server, which
 * listens on no port: `fetch` and `node:http` are led to its socket. Programs that the app starts are not.
 */

/** Path of the unix socket on which a server for this port listens, if there is one. */
type PathOf = (port: number) => string | undefined;

const ownAddress = /^(localhost|127(\.\d{1,3}){3}|\[?::1?\]?|0\.0\.0\.0)$/i;

let isInstalled = false;

/** Twice is safe; the first `pathOf` counts. */
export function reachOwnServers(pathOf: PathOf): void {
  if (isInstalled) return;
  isInstalled = true;
  leadFetch(pathOf);
  leadSockets(pathOf);
}

function leadFetch(pathOf: PathOf): void {
  const { fetch } = globalThis;
  const led = (input: never, init?: object): Promise<Response> => {
    const text = (input as unknown) instanceof Request ? (input as Request).url : String(input);
    const url = text.startsWith("http:") && !(init && "unix" in init) ? URL.parse(text) : null;
    const unix =
      url !== null && ownAddress.test(url.hostname) ? pathOf(Number(url.port || 80)) : undefined;
    return fetch(input, (unix === undefined ? init : { ...init, unix }) as never);
  };
  globalThis.fetch = Object.assign(led, fetch) as typeof fetch;
}

interface ConnectOptions {
  host?: string | null;
  hostname?: string | null;
  port?: number | string | null;
  path?: string | null;
}

/** `node:http` and what is built on `node:net`. */
function leadSockets(pathOf: PathOf): void {
  const { prototype } = process.getBuiltinModule("node:net").Socket as unknown as {
    prototype: { connect(...args: unknown[]): unknown };
  };
  const { connect } = prototype;
  prototype.connect = function connectOwn(this: unknown, ...args: unknown[]): unknown {
    const [first, second] = args;
    // Within Node the arguments come as a list already.
    const given = Array.isArray(first) ? (first[0] as unknown) : first;
    const options: ConnectOptions =
      typeof given === "object" && given !== null
        ? given
        : { port: given as number, host: typeof second === "string" ? second : null };
    const host = options.host ?? options.hostname ?? "localhost";
    const path = options.path || !ownAddress.test(host) ? undefined : pathOf(Number(options.port));
    if (path === undefined) return connect.apply(this, args);
    const led = { ...options, path, port: undefined, host: undefined };
    if (Array.isArray(first)) {
      first[0] = led;
      return connect.apply(this, args);
    }
    return connect.call(
      this,
      led,
      args.find((arg) => typeof arg === "function"),
    );
  };
}
