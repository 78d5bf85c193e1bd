/** The proxies whose word is taken for who a request comes from, as addresses and ranges. */
import { BlockList, isIPv6 } from "node:net";

export type TrustedProxies = BlockList | null;

/** @param ranges such as `10.0.0.1` and `10.1.0.0/16` */
export function trustedProxies(ranges: readonly string[]): TrustedProxies {
  if (ranges.length === 0) return null;
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

export function isTrustedProxy(address: string, trusted: TrustedProxies): boolean {
  return trusted?.check(address, isIPv6(address) ? "ipv6" : "ipv4") ?? false;
}
