/** The path of a request as it names a file: unescaped once, and never more than a name. Pure. */

/**
 * @param path as it was sent, without the query
 * @returns null when it can be the path of no file: it has escapes for what separates or ends paths, or for `.` where
 *   only a dot segment would need one; "malformed" when its escapes mean nothing
 */
export function unescapedPath(path: string): string | null | "malformed" {
  if (!path.includes("%")) return path.includes("\\") ? null : path;
  let plain: string;
  try {
    // Once: `%252e` is the name `%2e`. Refuses what is no UTF-8, longer forms of a character among it.
    plain = decodeURIComponent(path);
  } catch {
    return "malformed";
  }
  if (plain.includes("\0")) return "malformed";
  // A slash that was escaped is a part of a name, and no file has such a name.
  if (/%2f|%5c/i.test(path) || plain.includes("\\")) return null;
  return plain;
}

/** The path as it is written in a URL, from names as they are. */
export function escapedPath(plain: string): string {
  return plain
    .split("/")
    .map(encodeURIComponent)
    .join("/")
    .replace(/%(40|3A|24|2C|2B|3D|26|3B)/g, (text) => decodeURIComponent(text));
}
