/** What has come from a client and is not used yet. */
import { headBytesMax } from "./limits.ts";

const CR = 0x0d;
const LF = 0x0a;

export const nothing = Buffer.alloc(0);

/**
 * Where the first head ends at the latest: behind its empty line, or behind that of a later one when the input ends with
 * it. Less than 4 when no head has ended.
 */
export function endOfHead(input: Buffer): number {
  const end = input.length;
  const endsWithHead =
    end >= 4 &&
    end <= headBytesMax &&
    input[end - 1] === LF &&
    input[end - 2] === CR &&
    input[end - 3] === LF &&
    input[end - 4] === CR;
  return endsWithHead ? end : input.indexOf("\r\n\r\n", 0, "latin1") + 4;
}

/** What follows the first bytes. */
export function rest(input: Buffer, used: number): Buffer {
  return used === input.length ? nothing : input.subarray(used);
}
