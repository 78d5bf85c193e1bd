/**
 * Whose requests the admin API answers. A web page must not be able to use the admin port of the machine its reader
 * sits at: neither directly (`Origin`, `Sec-Fetch-Site`) nor through a host name that is made to resolve to it
 * (`Host`). Apps on `*.localhost` count as strangers: for a browser they are the same site, but never the same origin.
 */
import { isIP } from "node:net";
import { PlatformError } from "../base/errors.ts";

/** With any port: a tunnel has another one at its end than the node. */
const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/;

/** Whether a `Host` header, in lower case, names this machine to itself. */
export function isLoopbackHost(host: string): boolean {
  return LOOPBACK_HOST.test(host);
}

/** How a listener may be called. */
export interface OwnNames {
  /** Names that the operator has given it, in lower case: those that a proxy passes on. */
  names: readonly string[];
  /** Whether its certificate is for a name or an address; null without one. */
  isCertified: ((host: string) => boolean) | null;
  /**
   * Whether an address will do: where others get to it, it is called by one, and a name that was made to resolve to it
   * is still none.
   */
  takesAddresses: boolean;
}

/**
 * @param own null on the unix socket, where `Host` says nothing and no browser has business.
 * @throws {PlatformError} `ORIGIN_REFUSED` naming the header.
 */
export function assertOwnOrigin(headers: Headers, own: OwnNames | null): void {
  const host = (headers.get("host") ?? "").toLowerCase();
  if (own !== null && !isOwnHost(host, own)) refuse("Host", host);

  const origin = headers.get("origin");
  if (origin !== null && !(own !== null && isOwnOrigin(origin.toLowerCase(), host, own))) {
    refuse("Origin", origin);
  }

  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") refuse("Sec-Fetch-Site", site);
}

function isOwnHost(host: string, { names, isCertified, takesAddresses }: OwnNames): boolean {
  if (isLoopbackHost(host)) return true;
  const name = /^(?:\[([\da-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host);
  const called = name?.[1] ?? name?.[2] ?? "";
  if (called === "") return false;
  if (names.includes(called)) return true;
  return takesAddresses && isIP(called) !== 0 ? true : (isCertified?.(called) ?? false);
}

/** Over TLS, also that of a proxy, a page is another one than in the clear. */
function isOwnOrigin(origin: string, host: string, { names, isCertified }: OwnNames): boolean {
  const isSecure = isCertified !== null || names.includes(host.replace(/:\d+$/, ""));
  return origin === `${isSecure ? "https" : "http"}://${host}`;
}

function refuse(header: string, value: string): never {
  throw new PlatformError("ORIGIN_REFUSED", [header, value.slice(0, 100)]);
}
