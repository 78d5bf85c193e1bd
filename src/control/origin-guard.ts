/**
 * Whose requests the admin API answers. A web page must not be able to use the admin port of the machine its reader
 * sits at: neither directly (`Origin`, `Sec-Fetch-Site`) nor through a host name that is made to resolve to 127.0.0.1
 * (`Host`). Apps on `*.localhost` count as strangers: for a browser they are the same site, but never the same origin.
 */
import { PlatformError } from "../base/errors.ts";

/** With any port: a tunnel has another one at its end than the node. */
const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/;

/**
 * @param isTcp false on the unix socket, where `Host` says nothing and no browser has business.
 * @throws {PlatformError} `ORIGIN_REFUSED` naming the header.
 */
export function assertOwnOrigin(headers: Headers, isTcp: boolean): void {
  const host = (headers.get("host") ?? "").toLowerCase();
  if (isTcp && !LOOPBACK_HOST.test(host)) refuse("Host", host);

  const origin = headers.get("origin");
  if (origin !== null && !(isTcp && origin.toLowerCase() === `http://${host}`)) {
    refuse("Origin", origin);
  }

  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") refuse("Sec-Fetch-Site", site);
}

function refuse(header: string, value: string): never {
  throw new PlatformError("ORIGIN_REFUSED", [header, value.slice(0, 100)]);
}
