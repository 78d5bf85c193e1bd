/** Where the admin API listens: the unix sockets and the port on 127.0.0.1. */
import { lstatSync, unlinkSync } from "node:fs";
import type { Server } from "bun";
import { PlatformError } from "../base/errors.ts";
import { sourceUploadBytesMax } from "../deploy/limits.ts";
import { adminIdleSeconds, adminStopTimeoutMs, dumpUploadBytesMax } from "./limits.ts";
import { bindError } from "./node-config.ts";

export type Fetch = (request: Request, server: Server<undefined>) => Promise<Response>;

/** @throws {PlatformError} `PORT_IN_USE`, `PORT_FORBIDDEN` */
export function listenTcp(hostname: string, port: number, fetch: Fetch): Server<undefined> {
  try {
    // `development: false` alone lets a second node share the port (Bun 1.4.5).
    const reusePort = false;
    const idleTimeout = adminIdleSeconds;
    return Bun.serve({ hostname, port, reusePort, idleTimeout, ...serveOptions, fetch });
  } catch (error) {
    throw bindError(error, "adminPort", port);
  }
}

/** What is left of an earlier socket there is removed. @throws {PlatformError} `DATA_DIR_UNUSABLE` */
export function listenUnix(socketPath: string, fetch: Fetch): Server<undefined> {
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
  maxRequestBodySize: Math.max(sourceUploadBytesMax * 2, dumpUploadBytesMax),
  // A stack trace must not leave the process.
  development: false,
} as const;

/** Waits for open answers, then ends what is left. */
export async function closeListener(server: Server<undefined>): Promise<void> {
  const closed = server.stop();
  const grace = Promise.withResolvers<void>();
  const timer = setTimeout(grace.resolve, adminStopTimeoutMs);
  await Promise.race([closed, grace.promise]);
  clearTimeout(timer);
  await server.stop(true);
}
