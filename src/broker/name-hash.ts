/** Hashes of the names that runners and supervisors bring, for tables. Another one in each process: nobody outside knows what collides. */

/** 32 bits. */
export const hashSeed = Math.floor(Math.random() * 2 ** 32) | 0;

/** 32 bits. */
export function hashOf(name: string): number {
  let bits = hashSeed;
  for (let at = 0; at < name.length; at++) {
    bits ^= name.charCodeAt(at);
    bits = Math.imul((bits << 13) | (bits >>> 19), 0x85ebca6b);
  }
  return spread(bits);
}

/** Every bit of the result depends on every bit of the number (the end of MurmurHash3). */
export function spread(number: number): number {
  let bits = number;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
