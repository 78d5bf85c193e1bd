/**
 * Which of several brokers a key belongs to, by rendezvous hashing: each broker gets a number for the key, the highest wins.
 * Whoever knows the same brokers says the same, in whatever order; when one goes, only its keys move, to all others alike.
 */

/** One that may win. */
export interface Contender {
  /** Its base URL: what its numbers depend on, besides the key. */
  readonly url: string;
  /** Of `seedOf`. */
  readonly seed: bigint;
}

/** XXH64, since its results are the same in every version of the runtime: brokers of two versions have to agree. */
export function seedOf(url: string): bigint {
  return Bun.hash.xxHash64(url);
}

/** @returns null when there are none */
export function winnerOf<Member extends Contender>(
  contenders: Iterable<Member>,
  key: string,
): Member | null {
  let winner: Member | null = null;
  let best = -1n;
  for (const contender of contenders) {
    const score = Bun.hash.xxHash64(key, contender.seed);
    const isBetter = score > best || (score === best && contender.url < winner!.url);
    if (!isBetter) continue;
    winner = contender;
    best = score;
  }
  return winner;
}
