/** A PostgreSQL that somebody else runs, out of its URL: how the node's own connections reach it, and the relay's. */
import { readFileSync } from "node:fs";
import { messageOf, PlatformError } from "../base/errors.ts";
import type { ServerAddress, ServerTls } from "../relay/relay-api.ts";
import type { ServerAccess } from "./server.ts";

/** @throws {PlatformError} `NODE_CONFIG_INVALID` when a certificate that it names cannot be read */
export function externalServer(databaseUrl: string): ServerAccess {
  const url = new URL(databaseUrl);
  const tls = tlsOf(url.searchParams);
  const { address, host, port } = addressOf(url, tls);
  const user = decodeURIComponent(url.username);
  return {
    address,
    isOwn: false,
    config: {
      host,
      port,
      ...(user === "" ? {} : { user }),
      ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
      database: decodeURIComponent(url.pathname.slice(1)) || "postgres",
      ...(tls === null
        ? {}
        : {
            ssl: { rejectUnauthorized: tls.isVerified, ...(tls.ca === null ? {} : { ca: tls.ca }) },
          }),
    },
  };
}

function addressOf(
  url: URL,
  tls: ServerTls | null,
): { address: ServerAddress; host: string; port: number } {
  // As libpq has it: a host that is a path is the folder of a socket.
  const named = url.searchParams.get("host") ?? decodeURIComponent(url.hostname);
  const host = (named === "" ? "localhost" : named).replace(/^\[|\]$/g, "");
  const port = Number(url.port || url.searchParams.get("port") || 5432);
  return host.startsWith("/")
    ? { address: { kind: "socket", folder: host, port }, host, port }
    : { address: { kind: "tcp", host, port, tls }, host, port };
}

/** `require` and less encrypt and believe any certificate, as libpq does; `verify-ca` and `verify-full` believe known ones. */
function tlsOf(parameters: URLSearchParams): ServerTls | null {
  const file = parameters.get("sslrootcert");
  const mode = parameters.get("sslmode") ?? (file === null ? "disable" : "verify-full");
  if (mode === "disable" || mode === "allow" || mode === "prefer") return null;
  const ca = file === null || file === "system" ? null : readCertificates(file);
  return { ca, isVerified: mode.startsWith("verify-") };
}

function readCertificates(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const what = `sslrootcert cannot be read: ${messageOf(error)}`;
    throw new PlatformError("NODE_CONFIG_INVALID", ["databaseUrl", what]);
  }
}
