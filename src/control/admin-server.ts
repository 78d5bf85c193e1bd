/**
 * The admin API on its two listeners: the unix socket in the data directory (mode 0600) and 127.0.0.1 at the admin
 * port. It routes, validates and answers; what an endpoint does is in a file of its own (`calls.ts` lists them).
 *
 *   listening ──stop()──▶ draining ──open answers end, or the grace is over──▶ stopped
 */
import { lstatSync, unlinkSync } from "node:fs";
import type { Server } from "bun";
import { asPlatformError, isForOperator, PlatformError } from "../base/errors.ts";
import { sourceUploadBytesMax } from "../deploy/limits.ts";
import { assertMayCall, type Principal } from "./access.ts";
import { audited } from "./admin-audit.ts";
import { answerCall } from "./admin-calls.ts";
import { AdminGuard } from "./admin-guard.ts";
import type { AdminDeps } from "./deps.ts";
import {
  adminApiVersion,
  ENDPOINT_NAMES,
  ENDPOINT_PATHS,
  type EndpointMatch,
  matchEndpoint,
} from "./endpoints.ts";
import { adminIdleSeconds, adminStopTimeoutMs } from "./limits.ts";
import { bindError } from "./node-config.ts";
import { assertOwnOrigin } from "./origin-guard.ts";
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
  const answerOn =
    (isTcp: boolean): Fetch =>
    async (request, server) => {
      const response = await answer(request, server, isTcp, deps, guard, stopping.signal);
      response.headers.set("levain-api", `${adminApiVersion}`);
      return response;
    };
  const tcp = listenTcp(hostname, options.port, answerOn(true));
  let unix: Server<undefined>;
  try {
    unix = listenUnix(socketPath, answerOn(false));
  } catch (error) {
    await tcp.stop(true);
    throw error;
  }

  let stopped: Promise<void> | undefined;
  return {
    port: tcp.port as number,
    stop() {
      stopped ??= (async () => {
        stopping.abort(new PlatformError("NODE_DRAINING", []));
        await Promise.all([close(tcp), close(unix)]);
      })();
      return stopped;
    },
  };
}

type Fetch = (request: Request, server: Server<undefined>) => Promise<Response>;

function listenTcp(hostname: string, port: number, fetch: Fetch): Server<undefined> {
  try {
    // `development: false` alone lets a second node share the port (Bun 1.4.5).
    const reusePort = false;
    const idleTimeout = adminIdleSeconds;
    return Bun.serve({ hostname, port, reusePort, idleTimeout, ...serveOptions, fetch });
  } catch (error) {
    throw bindError(error, "adminPort", port);
  }
}

function listenUnix(socketPath: string, fetch: Fetch): Server<undefined> {
  // The socket must never be open to others, not even between its creation and a chmod.
  const umask = process.umask(0o177);
  try {
    if (lstatSync(socketPath, { throwIfNoEntry: false })?.isSocket()) unlinkSync(socketPath);
    // No idle limit: `server.timeout` has no effect on a unix socket (Bun 1.4.5), so one would cut streams that wait for
    // their reader. Only this user's own processes get here, and a request without the token is answered at once.
    const options: Bun.Serve.Options<undefined> = { unix: socketPath, ...serveOptions, fetch };
    const server = Bun.serve(Object.assign(options, { idleTimeout: 0 }));
    return server;
  } catch (error) {
    const what = "its admin.sock cannot be made";
    throw new PlatformError("DATA_DIR_UNUSABLE", [socketPath, what], { cause: error });
  } finally {
    process.umask(umask);
  }
}

const serveOptions = {
  // Uploads are counted where they are read; this only has to be larger, or Bun would answer without a code.
  maxRequestBodySize: sourceUploadBytesMax * 2,
  // A stack trace must not leave the process.
  development: false,
} as const;

async function answer(
  request: Request,
  server: Server<undefined>,
  isTcp: boolean,
  deps: AdminDeps,
  guard: AdminGuard,
  stopping: AbortSignal,
): Promise<Response> {
  const address = isTcp ? (server.requestIP(request)?.address ?? "") : "socket";
  try {
    assertOwnOrigin(request.headers, isTcp);
    const url = new URL(request.url);
    const { pathname, searchParams } = url;
    const host = (request.headers.get("host") ?? "").toLowerCase();
    const caller = { peer: isTcp ? address : "", host, headers: request.headers };
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

async function close(server: Server<undefined>): Promise<void> {
  const closed = server.stop();
  const grace = Promise.withResolvers<void>();
  const timer = setTimeout(grace.resolve, adminStopTimeoutMs);
  await Promise.race([closed, grace.promise]);
  clearTimeout(timer);
  await server.stop(true);
}
