/**
 * Who a request comes from, when proxies stand in front of the node. Each proxy adds the address that it was reached
 * from at the end of `x-forwarded-for`, so the list is read from its end, and only as long as those who wrote it are
 * trusted: what stands before was written by whoever it was.
 */
import { isIP } from "node:net";
import { forwardedHopsMax } from "./limits.ts";

/**
 * @param peer address of whoever has connected
 * @param forwardedFor values of all `x-forwarded-for` lines
 */
export function clientAddressOf(
  peer: string,
  forwardedFor: string,
  isTrusted: (address: string) => boolean,
): string {
  let client = peer;
  let end = forwardedFor.length;
  for (let hops = 0; hops < forwardedHopsMax && end > 0 && isTrusted(client); hops++) {
    const comma = forwardedFor.lastIndexOf(",", end - 1);
    const address = addressIn(forwardedFor.slice(comma + 1, end));
    // A proxy that hides its client, or writes what is no address: it is the last that is known.
    if (address === null) return client;
    client = address;
    end = comma;
  }
  return client;
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`, each perhaps with a zone, as an address; else null. */
function addressIn(hop: string): string | null {
  const text = hop.trim();
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1];
  const [address = ""] = (bracketed ?? text.replace(/^([\d.]+):\d+$/, "$1")).split("%");
  return isIP(address) === 0 ? null : plainAddress(address);
}

/** An IPv4 address that was written as IPv6, as IPv4; others in lower case. */
export function plainAddress(address: string): string {
  const lower = address.toLowerCase();
  return lower.startsWith("::ffff:") && lower.includes(".") ? lower.slice("::ffff:".length) : lower;
}
