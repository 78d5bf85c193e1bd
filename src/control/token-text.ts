/**
 * What a token looks like: `lvn_`, its id, and 256 random bits. The id finds it, so that comparing is with one hash only;
 * a scanner that looks for leaked secrets finds it by its beginning.
 */
import { createHash, timingSafeEqual } from "node:crypto";

export interface NewToken {
  id: string;
  /** Shown once, to who asked for it. */
  text: string;
  /** What is kept of it. */
  hash: string;
}

/** @param random gives so many random bytes */
export function makeToken(random: (bytes: number) => Buffer): NewToken {
  const id = random(5).toString("hex");
  const text = `lvn_${id}_${random(32).toString("base64url")}`;
  return { id, text, hash: tokenHash(text).toString("hex") };
}

/** The id of what looks like a token; null for anything else. Says nothing about whether there is one. */
export function tokenIdOf(text: string): string | null {
  return /^lvn_([0-9a-f]{10})_[A-Za-z0-9_-]{43}$/.exec(text)?.[1] ?? null;
}

/** In constant time. `hash` is of `makeToken`. */
export function isTokenOf(text: string, hash: string): boolean {
  return timingSafeEqual(tokenHash(text), Buffer.from(hash, "hex"));
}

/** A hash that no token has: comparing with it takes as long as with one that somebody has. */
export const noHash = "0".repeat(64);

function tokenHash(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
