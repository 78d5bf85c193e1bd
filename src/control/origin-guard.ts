/**
 * Whose requests the admin API answers. A web page must not be able to use the admin port of the machine its reader
 * sits at: neither directly (`Origin`, `Sec-Fetch-Site`) nor through a host name that is made to resolve to 127.0.0.1
 * (`Host`). Apps on `*.localhost` count as strangers: for a browser they are the same site, but never the same origin.
 */
import { PlatformError } from "../base/errors.ts";

const LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"];

/**
 * @param port the admin port, or null on the unix socket, where `Host` says nothing and no browser has business.
 * @throws {PlatformError} `ORIGIN_REFUSED` naming the header.
 */
export function assertOwnOrigin(headers: Headers, port: number | null): void {
  const allowedHosts = port === null ? [] : hostsOf(port);

  const host = headers.get("host") ?? "";
  if (port !== null && !allowedHosts.includes(host.toLowerCase())) refuse("Host", host);

  const origin = headers.get("origin");
  if (origin !== null) {
    const isOwn = allowedHosts.some((allowed) => origin.toLowerCase() === `http://${allowed}`);
    if (!isOwn) refuse("Origin", origin);
  }

  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") refuse("Sec-Fetch-Site", site);
}

function hostsOf(port: number): string[] {
  const withPort = LOOPBACK_NAMES.map((name) => `${name}:${port}`);
  return port === 80 ? [...withPort, ...LOOPBACK_NAMES] : withPort;
}

function refuse(header: string, value: string): never {
  throw new PlatformError("ORIGIN_REFUSED", [header, value.slice(0, 100)]);
}
