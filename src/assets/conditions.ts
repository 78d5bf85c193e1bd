/** What a request's conditions come to (RFC 9110, 13): the whole, nothing new, or a failed precondition. Pure. */

/** Values of the request's header lines; null for one that is not there. */
export interface ConditionLines {
  ifMatch: string | null;
  ifNoneMatch: string | null;
  ifModifiedSince: string | null;
  ifUnmodifiedSince: string | null;
}

/** What a representation says of itself. */
export interface Validators {
  /** With its quotes. */
  etag: string;
  /** An HTTP date. */
  lastModified: string;
}

/** In the order of RFC 9110, 13.2.2, for GET and HEAD. */
export function conditionsOf(
  lines: ConditionLines,
  { etag, lastModified }: Validators,
): 200 | 304 | 412 {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = lines;
  if (ifMatch !== null) {
    if (!hasTag(ifMatch, etag, true)) return 412;
  } else if (ifUnmodifiedSince !== null && !isSame(ifUnmodifiedSince, lastModified)) {
    const limit = Date.parse(ifUnmodifiedSince);
    if (!Number.isNaN(limit) && Date.parse(lastModified) > limit) return 412;
  }
  if (ifNoneMatch !== null) {
    return ifNoneMatch === etag || hasTag(ifNoneMatch, etag, false) ? 304 : 200;
  }
  // Only the very date that was given: after a rollback the older files are the newer answer.
  return ifModifiedSince !== null && isSame(ifModifiedSince, lastModified) ? 304 : 200;
}

/**
 * Whether a range counts, which it does only of the bytes that the client has a part of.
 *
 * @param ifRange value of `if-range`, or null
 * @param isOnlyForm whether the page has no other encoding
 */
export function isRangeCurrent(
  ifRange: string | null,
  { etag, lastModified }: Validators,
  isOnlyForm: boolean,
): boolean {
  // All encodings have the same date: it does not tell which of them the client has a part of.
  return ifRange === null || ifRange === etag || (isOnlyForm && isSame(ifRange, lastModified));
}

function isSame(given: string, lastModified: string): boolean {
  if (given === lastModified) return true;
  // The older spellings of dates. A tag is none.
  return !given.includes('"') && Date.parse(given) === Date.parse(lastModified);
}

/** Whether a list of tags has this one. `isStrong`: a weak one does not count. */
function hasTag(list: string, etag: string, isStrong: boolean): boolean {
  if (list.trim() === "*") return true;
  for (const [, weak, tag] of list.matchAll(/(W\/)?("[^"]*")/g)) {
    if (tag === etag && !(isStrong && weak !== undefined)) return true;
  }
  return false;
}
