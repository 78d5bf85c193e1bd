/** Who the peers are: base URLs as they were given, or the addresses of one name; and which of them are this machine's. */
import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import { peersDnsTimeoutMs } from "./limits.ts";

/** A base URL in the one form that brokers compare; null when it is none. */
export function baseUrlOf(text: string): string | null {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return null;
  // What stands behind the origin, and who one is, do not survive `new URL("/warm-start", base)`.
  const isBare = url.pathname === "/" && url.search === "" && url.hash === "";
  return isBare && url.username === "" && url.password === "" ? url.origin : null;
}

/** `name:port` in two parts; null when it is none. */
export function readPeersDns(text: string): { name: string; port: number } | null {
  const [, name = "", digits = ""] = /^([A-Za-z0-9._-]{1,253}):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  return name !== "" && port >= 1 && port <= 65_535 ? { name, port } : null;
}

/**
 * The base URLs of the brokers that a name leads to now.
 *
 * @throws when it has none, or nobody says so in time
 */
export async function resolvePeers(name: string, port: number): Promise<string[]> {
  // The system's way of resolving, so that /etc/hosts and search domains count; it knows no end of its own.
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`no answer within ${peersDnsTimeoutMs} ms`)),
    peersDnsTimeoutMs,
  );
  try {
    return peerUrls(await Promise.race([lookup(name, { all: true }), late.promise]), port);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a base URL with an address in it, not a name, is this machine's with this port. */
export function isOwnAddress(url: string, port: number): boolean {
  const { hostname, port: digits, protocol } = new URL(url);
  const itsPort = digits === "" ? (protocol === "https:" ? 443 : 80) : Number(digits);
  if (itsPort !== port) return false;
  const bare = hostname.replace(/^\[|\]$/g, "");
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === bare),
  );
}

/** One for each broker: with two addresses each would be two, and runners might not reach the second. */
export function peerUrls(found: readonly LookupAddress[], port: number): string[] {
  const four = found.filter(({ family }) => family === 4);
  const urls = (four.length > 0 ? four : found).map(
    ({ address, family }) =>
      new URL(`http://${family === 6 ? `[${address}]` : address}:${port}`).origin,
  );
  return [...new Set(urls)];
}
