/**
 * Short texts that come again and again, such as hosts and paths: the same string for the same bytes, without making
 * one. A string costs an allocation, and one that is used again has its hash for the look-up that follows.
 *
 * A table with one place per hash; what comes later takes the place of what was there, so it never grows.
 */
import { internedBytesMax, internedMax } from "./limits.ts";

export class Interned {
  readonly #strings = new Array<string>(internedMax).fill("");

  /** The latin1 text of `buffer[start..end)`. */
  read(buffer: Buffer, start: number, end: number): string {
    const bytes = end - start;
    if (bytes > internedBytesMax) return buffer.latin1Slice(start, end);
    let hash = bytes;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + buffer[at]!) | 0;
    const place = (hash ^ (hash >>> 15)) & (internedMax - 1);
    const found = this.#strings[place]!;
    if (found.length === bytes && isText(buffer, start, found)) return found;
    const made = buffer.latin1Slice(start, end);
    this.#strings[place] = made;
    return made;
  }
}

function isText(buffer: Buffer, start: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (buffer[start + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}
