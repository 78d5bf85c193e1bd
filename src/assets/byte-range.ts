/** The part of a file that a `range` line asks for (RFC 9110, 14.1.2). Pure. */

export interface ByteRange {
  start: number;
  /** Behind the last byte. */
  end: number;
}

/**
 * @param header value of `range`
 * @param bytes of the whole
 * @returns null: the whole is sent, since it asks for several parts, in another unit, or in no way that is known
 */
export function byteRangeOf(header: string, bytes: number): ByteRange | "unsatisfiable" | null {
  const [, first = "", last = ""] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header) ?? [];
  if (first === "" && last === "") return null;
  if (first === "") {
    const length = Math.min(numberOf(last), bytes);
    return length === 0 ? "unsatisfiable" : { start: bytes - length, end: bytes };
  }
  const start = numberOf(first);
  if (last !== "" && numberOf(last) < start) return null;
  if (start >= bytes) return "unsatisfiable";
  return { start, end: last === "" ? bytes : Math.min(numberOf(last) + 1, bytes) };
}

/** Digits without end are more than any file has. */
function numberOf(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER - 1);
}
