/**
 * Large buffers that are used again. A fresh one costs a page fault for every 4 KiB that is written to it, which is more
 * than copying the bytes; so a few stay, as long as there is use for them.
 */
import { invariant } from "../base/errors.ts";
import { segmentBytes, segmentsKeptMax } from "./limits.ts";

/** Calls of `rest` after which one buffer fewer is kept. Count. */
const restsPerSegment = 256;

const kept: Buffer[] = [];
let rests = 0;

/** A buffer of `segmentBytes`, with anything in it. Give it back with `giveSegment`, once; or lose it, that is safe. */
export function takeSegment(): Buffer {
  return kept.pop() ?? Buffer.allocUnsafeSlow(segmentBytes);
}

export function giveSegment(segment: Buffer): void {
  invariant(segment.length === segmentBytes, "what is given back is a segment");
  rests = 0;
  if (kept.length < segmentsKeptMax) kept.push(segment);
}

/** Says that a turn went by without a use for a segment. */
export function rest(): void {
  if (kept.length === 0 || ++rests < restsPerSegment) return;
  rests = 0;
  kept.pop();
}
