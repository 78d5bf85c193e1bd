/**
 * A limit on how often a client may ask, as a token bucket: each client has `requestsMax` tokens, a request takes one,
 * and `requestsMax` of them come back every `perMs`. So a client may ask `requestsMax` times at once, and goes on at that
 * rate. Beyond it the answer is 429 with `Retry-After`.
 *
 *   { module: "levain/hooks/rate-limit", options: { requestsMax: 100, perMs: 60_000 } }
 *
 * A client is an address, as the trusted proxies say; of IPv6 a whole network, since one customer has many addresses.
 * With `header`, clients are told apart by that header's value: put a limit by address in front, since who makes values
 * up has a full bucket each time. Each edge process counts for itself.
 */
import type { HookRequest, HookSetup } from "levain/hooks";

export interface RateLimitOptions {
  /** Requests at once, and every `perMs`. */
  requestsMax: number;
  /** Milliseconds. */
  perMs: number;
  /** Tell clients apart by this header; those without it, by address. */
  header?: string;
  /** Limit only these apps. Default: all. */
  apps?: string[];
  /** Clients that are remembered; beyond it, those that asked longest ago are forgotten. Default 20000. */
  clientsMax?: number;
  /** Leading bits of an IPv6 address that make a client. Default 64. */
  ipv6Bits?: number;
}

/** Longer header values are told apart by their hash, so that keys are short. Characters. */
const keyCharactersMax = 64;

const OPTIONS = ["requestsMax", "perMs", "header", "apps", "clientsMax", "ipv6Bits"];

const rateLimit: HookSetup<RateLimitOptions> = (options = {} as RateLimitOptions, { nowMs }) => {
  const problems = Object.keys(options)
    .filter((key) => !OPTIONS.includes(key))
    .map((key) => `there is no option \`${key}\``);
  const { header, apps, requestsMax, perMs, clientsMax = 20_000, ipv6Bits = 64 } = options;
  if (!(ipv6Bits >= 4 && ipv6Bits <= 128 && ipv6Bits % 4 === 0)) {
    problems.push(`\`ipv6Bits\` is ${ipv6Bits}, must be a multiple of 4 up to 128`);
  }
  const numbers = [
    ["requestsMax", requestsMax, 1],
    ["perMs", perMs, 1],
    ["clientsMax", clientsMax, 2],
  ] as const;
  for (const [name, value, smallest] of numbers) {
    if (typeof value === "number" && Number.isFinite(value) && value >= smallest) continue;
    const shown = value === undefined ? "missing" : JSON.stringify(value);
    problems.push(`\`${name}\` is ${shown}, must be a number from ${smallest} up`);
  }
  if (problems.length > 0) throw new Error(problems.join("; "));
  const buckets = new Buckets(requestsMax, perMs, clientsMax, nowMs);

  return {
    onRequest(request) {
      if (apps !== undefined && !apps.includes(request.app ?? "")) return;
      const waitMs = buckets.take(keyOf(request, header, ipv6Bits));
      if (waitMs === 0) return;
      const seconds = Math.ceil(waitMs / 1000);
      const headers = { "retry-after": String(seconds) };
      return { reject: `too many requests; try again in ${seconds} s`, status: 429, headers };
    },
  };
};
export default rateLimit;

interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * At most `clientsMax` buckets, in two halves: one that is asked goes to the younger half, and when that is full, the
 * older one is forgotten. That is almost "least recently used" and costs a look-up.
 */
class Buckets {
  readonly #tokensMax: number;
  readonly #tokensPerMs: number;
  readonly #halfMax: number;
  readonly #nowMs: () => number;
  #young = new Map<string, Bucket>();
  #old = new Map<string, Bucket>();

  constructor(requestsMax: number, perMs: number, clientsMax: number, nowMs: () => number) {
    this.#tokensMax = requestsMax;
    this.#tokensPerMs = requestsMax / perMs;
    this.#halfMax = Math.floor(clientsMax / 2);
    this.#nowMs = nowMs;
  }

  /** Takes a token. Returns 0, or how long to wait until there is one. */
  take(key: string): number {
    const nowMs = this.#nowMs();
    const bucket = this.#bucketOf(key, nowMs);
    const grown = bucket.tokens + (nowMs - bucket.atMs) * this.#tokensPerMs;
    bucket.tokens = Math.min(grown, this.#tokensMax);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return (1 - bucket.tokens) / this.#tokensPerMs;
    bucket.tokens -= 1;
    return 0;
  }

  #bucketOf(key: string, nowMs: number): Bucket {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const bucket = this.#old.get(key) ?? { tokens: this.#tokensMax, atMs: nowMs };
    if (this.#young.size >= this.#halfMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, bucket);
    return bucket;
  }
}

/** A letter keeps addresses and header values apart: nobody can take another's bucket by sending an address. */
function keyOf(request: HookRequest, header: string | undefined, ipv6Bits: number): string {
  const value = header === undefined ? null : request.headers.get(header);
  if (value === null) return `a${networkOf(request.clientAddress, ipv6Bits)}`;
  if (value.length <= keyCharactersMax) return `v${value}`;
  return `h${new Bun.CryptoHasher("sha256").update(value).digest("base64")}`;
}

/** The network of an IPv6 address, as hex digits; an IPv4 address as it is. */
function networkOf(address: string, bits: number): string {
  if (!address.includes(":")) return address;
  const [before = "", after] = address.split("::");
  const groups = before === "" ? [] : before.split(":");
  if (after !== undefined) {
    const last = after === "" ? [] : after.split(":");
    groups.push(...Array<string>(8 - groups.length - last.length).fill("0"), ...last);
  }
  const digits = groups.map((group) => group.padStart(4, "0")).join("");
  return digits.slice(0, bits / 4);
}
