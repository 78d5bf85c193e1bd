/**
 * The admin API on its two listeners: the unix socket in the data directory (mode 0600) and the admin port, on 127.0.0.1
 * or, behind `admin-remote.ts`, beyond the machine. It routes, validates and answers; what an endpoint does is in a file
 * of its own (`admin-calls.ts` lists them).
 *
 *   listening ──stop()──▶ draining ──open answers end, or the grace is over──▶ stopped
 */
import type { Server } from "bun";
import { clientAddressOf, plainAddress } from "../base/client-address.ts";
import { asPlatformError, isForOperator, PlatformError } from "../base/errors.ts";
import { isTrustedProxy, type TrustedProxies, trustedProxies } from "../base/trusted-proxies.ts";
import { assertMayCall, type Principal } from "./access.ts";
import { audited } from "./admin-audit.ts";
import { answerCall } from "./admin-calls.ts";
import { AdminGuard } from "./admin-guard.ts";
import { closeListener, type Fetch, listenTcp, listenUnix } from "./admin-listeners.ts";
import { AdminRemote, type AdminRemoteOptions } from "./admin-remote.ts";
import type { AdminDeps } from "./deps.ts";
import {
  adminApiVersion,
  ENDPOINT_NAMES,
  ENDPOINT_PATHS,
  type EndpointMatch,
  matchEndpoint,
} from "./endpoints.ts";
import { assertOwnOrigin, type OwnNames } from "./origin-guard.ts";
import { platformVersion } from "./platform-version.ts";
import { tlsCheckAnswer } from "./tls-check.ts";

export interface AdminServerOptions {
  /** Folder with the token, which is there; see `admin-token.ts`. */
  dataDir: string;
  /** Path of the unix socket. What is left of an earlier one there is removed: the caller holds the node's lock. */
  socketPath: string;
  hostname: "127.0.0.1";
  /** 0 takes a free one. */
  port: number;
  /** In place of `hostname`: where others get to it. */
  remote?: Pick<AdminRemoteOptions, "hostname" | "tls" | "bounds" | "lookMs"> | null;
  /** Names that it is called by behind a proxy. */
  names?: readonly string[];
  /** Whose `x-forwarded-for` is believed. */
  trustedProxies?: readonly string[];
  deps: AdminDeps;
}

export interface AdminServer {
  /** The TCP port that is listened on. */
  readonly port: number;
  /**
   * Takes no more requests, ends streams, waits for open answers and closes. Resolves when both listeners are gone and
   * the socket file is removed; twice is safe.
   */
  stop(): Promise<void>;
}

/**
 * Resolves when both listeners accept requests.
 *
 * @throws {PlatformError} `PORT_IN_USE`, `PORT_FORBIDDEN`, `DATA_DIR_UNUSABLE`; then nothing is left listening.
 */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { socketPath, hostname, deps, dataDir } = options;
  const stopping = new AbortController();
  const { note, tokens } = deps;
  const guard = new AdminGuard({ dataDir, nowMs: () => deps.clock.nowMs(), note, tokens });
  const trusted = trustedProxies(options.trustedProxies ?? []);
  const answerOn =
    (way: Way): Fetch =>
    async (request, server) => {
      const response = await answer(request, server, way, deps, guard, stopping.signal);
      response.headers.set("levain-api", `${adminApiVersion}`);
      return response;
    };
  const names = options.names ?? [];
  await using cleanup = new AsyncDisposableStack();
  const onSocket = answerOn({ own: () => null, addressOf: () => "socket", isLocalPort: false });
  let port: number;
  if (options.remote == null) {
    const own = { names, isCertified: null, takesAddresses: false };
    const addressOf: Way["addressOf"] = (request, server) =>
      clientOf(request, plainAddress(server.requestIP(request)?.address ?? ""), trusted);
    const tcp = listenTcp(
      hostname,
      options.port,
      answerOn({ own: () => own, addressOf, isLocalPort: true }),
    );
    cleanup.defer(() => closeListener(tcp));
    port = tcp.port as number;
  } else {
    const remote = new AdminRemote({ ...options.remote, dataDir, port: options.port, note });
    cleanup.defer(() => remote.close());
    port = remote.port;
    const addressOf: Way["addressOf"] = (request) =>
      clientOf(request, remote.addressOf(request), trusted);
    const own = () => ({ names, isCertified: remote.isCertified, takesAddresses: true });
    await remote.serve(answerOn({ own, addressOf, isLocalPort: false }));
  }
  const unix = listenUnix(socketPath, onSocket);
  cleanup.defer(() => closeListener(unix));

  const listeners = cleanup.move();
  let stopped: Promise<void> | undefined;
  return {
    port,
    stop() {
      stopped ??= (async () => {
        stopping.abort(new PlatformError("NODE_DRAINING", []));
        await listeners.disposeAsync();
      })();
      return stopped;
    },
  };
}

/** How a request has come. */
interface Way {
  /** How the listener may be called; null on the unix socket. */
  own(): OwnNames | null;
  /** Who asks; `socket` for the machine itself. @throws {PlatformError} when the request is none of the listener's */
  addressOf(request: Request, server: Server<undefined>): string;
  /** Whether it is the port that only this machine gets to. */
  isLocalPort: boolean;
}

/** Whom a proxy that is trusted names, else the peer. */
function clientOf(request: Request, peer: string, trusted: TrustedProxies): string {
  const forwarded = request.headers.get("x-forwarded-for");
  if (forwarded === null || trusted === null) return peer;
  return clientAddressOf(peer, forwarded, (address) => isTrustedProxy(address, trusted));
}

async function answer(
  request: Request,
  server: Server<undefined>,
  way: Way,
  deps: AdminDeps,
  guard: AdminGuard,
  stopping: AbortSignal,
): Promise<Response> {
  try {
    const address = way.addressOf(request, server);
    assertOwnOrigin(request.headers, way.own());
    const url = new URL(request.url);
    const { pathname, searchParams } = url;
    const host = (request.headers.get("host") ?? "").toLowerCase();
    const peer = way.isLocalPort ? (server.requestIP(request)?.address ?? "") : "";
    const caller = { peer, host, headers: request.headers };
    const asked = { method: request.method, url };
    const tlsCheck = tlsCheckAnswer(asked, caller, deps.domains.isServed);
    if (tlsCheck !== null) return tlsCheck;
    const match = matchEndpoint(request.method, pathname);
    const principal = await identify(request, address, match, guard, deps);
    if (request.method === "GET" && pathname === "/") return Response.json(index());
    if (match === null) {
      throw new PlatformError("ENDPOINT_UNKNOWN", [request.method, pathname.slice(0, 200)]);
    }
    if (stopping.aborted) throw new PlatformError("NODE_DRAINING", []);
    return await audited({ match, principal, address, audit: deps.audit }, (note) =>
      answerCall(match, {
        request,
        query: searchParams,
        deps,
        principal,
        note,
        signal: request.signal,
        stopping,
        // A stream proves itself with its own lines; its silence is bounded there.
        unboundIdle: () => server.timeout(request, 0),
      }),
    );
  } catch (thrown) {
    const error = asPlatformError(thrown);
    if (isForOperator(error)) deps.report(thrown);
    return Response.json(
      { error: error.toBody() },
      { status: error.status, headers: refusalHeaders(error.status) },
    );
  }
}

/** Who asks, when they may. Those who may not are in the audit log. */
async function identify(
  request: Request,
  address: string,
  match: EndpointMatch | null,
  guard: AdminGuard,
  { audit }: AdminDeps,
): Promise<Principal> {
  let principal: Principal | null = null;
  try {
    principal = await guard.identify(request.headers);
    assertMayCall(principal, match?.name ?? null, match?.app ?? "");
    return principal;
  } catch (thrown) {
    const { code } = asPlatformError(thrown);
    const app = match === null || match.app === "" ? null : match.app.slice(0, 100);
    const facts = { app, address, result: code, detail: {} };
    if (principal !== null) {
      audit.refused(principal, { action: match?.name ?? "index", ...facts });
    } else if (code !== "ADMIN_TOKEN_MISSING" && code !== "STORE_UNAVAILABLE") {
      audit.refused(null, { action: "authenticate", ...facts, app: null });
    }
    throw thrown;
  }
}

/** What HTTP wants to be said with a refusal. */
function refusalHeaders(status: number): Record<string, string> {
  if (status === 401) return { "www-authenticate": 'Bearer realm="levain"' };
  return status === 429 ? { "retry-after": "1" } : {};
}

/** What a person sees who opens the admin port. */
function index(): unknown {
  return {
    name: "levain",
    version: platformVersion(),
    docs: "docs/admin-api.md",
    endpoints: ENDPOINT_NAMES.map((name) => ({ name, ...ENDPOINT_PATHS[name] })),
  };
}
