/**
 * The lines of a request's head that say how a file is wanted. They are looked for only when a file is the answer: the
 * parser needs none of them.
 */
import type { ConditionLines } from "../assets/conditions.ts";
import type { Ranges } from "../base/ranges.ts";
import { interned } from "../http/request-line.ts";

const COLON = 0x3a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;

export class AssetLines implements ConditionLines {
  accept: string | null = null;
  acceptEncoding: string | null = null;
  ifMatch: string | null = null;
  ifModifiedSince: string | null = null;
  ifNoneMatch: string | null = null;
  ifRange: string | null = null;
  ifUnmodifiedSince: string | null = null;
  range: string | null = null;
  fetchMode: string | null = null;

  /** Starts anew with whole header lines in the ranges of a head that was parsed. */
  read(source: Buffer, ranges: Ranges): void {
    this.accept = null;
    this.acceptEncoding = null;
    this.ifMatch = null;
    this.ifModifiedSince = null;
    this.ifNoneMatch = null;
    this.ifRange = null;
    this.ifUnmodifiedSince = null;
    this.range = null;
    this.fetchMode = null;
    for (let index = 0; index < ranges.length; index += 2) {
      this.#readLines(source, ranges.offsets[index]!, ranges.offsets[index + 1]!);
    }
  }

  #readLines(source: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      let nameEnd = at;
      while (source[nameEnd] !== COLON) nameEnd++;
      let lineEnd = nameEnd + 1;
      while (source[lineEnd] !== CR) lineEnd++;
      // Most lines have no name of a length that matters, or another letter in front.
      this.#readLine(source, at, nameEnd, lineEnd);
      at = lineEnd + 2;
    }
  }

  #readLine(source: Buffer, start: number, nameEnd: number, end: number): void {
    const first = source[start]! | 0x20;
    switch (nameEnd - start) {
      case 5:
        if (first === R && is(source, start, "range")) {
          this.range = joined(this.range, source, nameEnd, end);
        }
        return;
      case 6:
        if (first === A && is(source, start, "accept")) {
          this.accept = joined(this.accept, source, nameEnd, end);
        }
        return;
      case 8:
        if (first !== I) return;
        if (is(source, start, "if-match")) {
          this.ifMatch = joined(this.ifMatch, source, nameEnd, end);
        } else if (is(source, start, "if-range")) {
          this.ifRange = joined(this.ifRange, source, nameEnd, end);
        }
        return;
      case 13:
        if (first === I && is(source, start, "if-none-match")) {
          this.ifNoneMatch = joined(this.ifNoneMatch, source, nameEnd, end);
        }
        return;
      case 14:
        if (first === S && is(source, start, "sec-fetch-mode")) {
          this.fetchMode = joined(this.fetchMode, source, nameEnd, end);
        }
        return;
      case 15:
        if (first === A && is(source, start, "accept-encoding")) {
          this.acceptEncoding = joined(this.acceptEncoding, source, nameEnd, end);
        }
        return;
      case 17:
        if (first === I && is(source, start, "if-modified-since")) {
          this.ifModifiedSince = joined(this.ifModifiedSince, source, nameEnd, end);
        }
        return;
      case 19:
        if (first === I && is(source, start, "if-unmodified-since")) {
          this.ifUnmodifiedSince = joined(this.ifUnmodifiedSince, source, nameEnd, end);
        }
        return;
      default:
    }
  }
}

const A = 0x61;
const I = 0x69;
const R = 0x72;
const S = 0x73;

function is(source: Buffer, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    if ((source[start + index]! | 0x20) !== name.charCodeAt(index)) return false;
  }
  return true;
}

/** Lines of the same name are one list. */
function joined(before: string | null, source: Buffer, nameEnd: number, end: number): string {
  let from = nameEnd + 1;
  while (source[from] === SPACE || source[from] === TAB) from++;
  let to = end;
  while (to > from && (source[to - 1] === SPACE || source[to - 1] === TAB)) to--;
  const value = interned.read(source, from, to);
  return before === null ? value : `${before}, ${value}`;
}
