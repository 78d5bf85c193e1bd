/** Which of a file's representations a client takes best (RFC 9110, 12.5.3). Pure, but for what it remembers. */
import { ENCODINGS, type Encoding } from "./asset-manifest.ts";
import { acceptSpellingsMax } from "./limits.ts";

/** Weight of each coding, 0 to 1; 0 = not acceptable. */
export type Accepted = Readonly<Record<Encoding | "identity", number>>;

const IDENTITY_ONLY: Accepted = { br: 0, zstd: 0, gzip: 0, identity: 1 };

/** Below every weight that can be written. */
const lastResort = 0.0001;

/** Browsers send one of a few values with every request. */
const spellings = new Map<string, Accepted>();

/** @param header value of `accept-encoding`; null: there is none, and nothing encoded is sent */
export function acceptedEncodings(header: string | null): Accepted {
  if (header === null) return IDENTITY_ONLY;
  let accepted = spellings.get(header);
  if (accepted === undefined) {
    accepted = parse(header);
    if (spellings.size >= acceptSpellingsMax) spellings.clear();
    spellings.set(header, accepted);
  }
  return accepted;
}

function parse(header: string): Accepted {
  const weights = new Map<string, number>();
  for (const item of header.toLowerCase().split(",")) {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim());
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    if (name !== "") weights.set(name === "x-gzip" ? "gzip" : name, weightOf(q));
  }
  const others = weights.get("*");
  const coded = ENCODINGS.map((name) => [name, weights.get(name) ?? others ?? 0]);
  return {
    ...(Object.fromEntries(coded) as Record<Encoding, number>),
    // Refused only by name, or by a `*;q=0` that does not name it; unnamed it is the last resort.
    identity: weights.get("identity") ?? (others === 0 ? 0 : lastResort),
  };
}

/** What cannot be read counts as refused. */
function weightOf(q: string | undefined): number {
  if (q === undefined) return 1;
  return /^q=(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(q) ? Number(q.slice(2)) : 0;
}

/**
 * The one with the greatest weight; of equally wanted ones the smallest.
 *
 * @param representations the smallest first, the plain one last
 * @returns null when none is acceptable
 */
export function bestOf<One extends { readonly coding: Encoding | "identity" }>(
  representations: readonly One[],
  accepted: Accepted,
): One | null {
  let best: One | null = null;
  let weight = 0;
  for (const one of representations) {
    const its = accepted[one.coding];
    if (its <= weight) continue;
    best = one;
    weight = its;
  }
  return best;
}
