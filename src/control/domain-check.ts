/**
 * Whether a host is the one's who asks for it. They show the claim's challenge where only its owner can put it: in a TXT
 * record of `_levain.<host>`, or at `/.well-known/levain-domain` of what answers there now.
 *
 * The node asks on behalf of somebody who names the host, so it asks nothing within networks of its own, follows nowhere, and
 * says of an answer only whether it was the right one.
 */
import { BlockList, isIP } from "node:net";
import { domainCheckBytesMax, domainCheckTimeoutMs } from "./limits.ts";

export interface DomainResolver {
  /** The parts of each TXT record. */
  resolveTxt(name: string): Promise<string[][]>;
  resolve4(name: string): Promise<string[]>;
  resolve6(name: string): Promise<string[]>;
}

/** Asks an address for a path of a host over HTTP; at most `domainCheckBytesMax` bytes, and no redirects. */
export type AskAddress = (address: string, host: string, path: string) => Promise<string>;

export interface DomainCheck {
  isVerified: boolean;
  /** What each of the two ways found: `found`, or what was in the way. */
  dns: string;
  http: string;
}

export const challengePath = "/.well-known/levain-domain";

/** Name of the TXT record. */
export function challengeName(host: string): string {
  return `_levain.${host}`;
}

/** What a TXT record or the answer has to be. */
export function challengeText(challenge: string): string {
  return `levain-verify=${challenge}`;
}

/** Never throws: what is in the way is a part of the answer. */
export async function checkDomain(
  host: string,
  challenge: string,
  { resolver, ask }: { resolver: DomainResolver; ask: AskAddress },
): Promise<DomainCheck> {
  const wanted = challengeText(challenge);
  const [dns, http] = await Promise.all([
    byDns(host, wanted, resolver),
    byHttp(host, wanted, resolver, ask),
  ]);
  return { isVerified: dns === "found" || http === "found", dns, http };
}

async function byDns(host: string, wanted: string, resolver: DomainResolver): Promise<string> {
  try {
    const records = await resolver.resolveTxt(challengeName(host));
    const isFound = records.some((parts) => parts.join("").trim() === wanted);
    return isFound ? "found" : `${challengeName(host)} has another text`;
  } catch (error) {
    return dnsProblem(error, `${challengeName(host)} has no TXT record`);
  }
}

async function byHttp(
  host: string,
  wanted: string,
  resolver: DomainResolver,
  ask: AskAddress,
): Promise<string> {
  const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const addresses = found.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  if (addresses.length === 0) {
    const [first] = found;
    const error = first?.status === "rejected" ? first.reason : null;
    return dnsProblem(error, `${host} has no address`);
  }
  const address = addresses.find((one) => isPublic(one));
  if (address === undefined) return `${host} has no public address`;
  try {
    const text = await ask(address, host, challengePath);
    return text.trim() === wanted ? "found" : `http://${host}${challengePath} has another text`;
  } catch {
    return `http://${host}${challengePath} does not answer with 200`;
  }
}

function dnsProblem(error: unknown, none: string): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === undefined || code === "ENOTFOUND" || code === "ENODATA") return none;
  return `the name server did not answer (${code})`;
}

/** Over port 80 of the address itself: a name could lead elsewhere the second time. */
export const askOverHttp: AskAddress = async (address, host, path) => {
  const at = isIP(address) === 6 ? `[${address}]` : address;
  const response = await fetch(`http://${at}${path}`, {
    headers: { host, accept: "text/plain" },
    redirect: "error",
    proxy: false,
    keepalive: false,
    signal: AbortSignal.timeout(domainCheckTimeoutMs),
  });
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > domainCheckBytesMax) throw new Error("too long");
  }
  return text;
};

/** Whether an address is of the open internet, and not of this machine, its networks, or nothing at all. */
export function isPublic(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  return family === 4 ? !INNER_4.check(address, "ipv4") : !INNER_6.check(address, "ipv6");
}

// Two: an IPv4 address is looked for among IPv6 ranges too, and one of these has them all.
const INNER_4 = new BlockList();
const INNER_6 = new BlockList();
for (const [address, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  INNER_4.addSubnet(address, bits, "ipv4");
}
for (const [address, bits] of [
  ["::", 96],
  ["::ffff:0:0", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const) {
  INNER_6.addSubnet(address, bits, "ipv6");
}
