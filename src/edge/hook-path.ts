/** The path of a request as apps read it. Pure. */

/** A path that `new URL` leaves as it is: no segment that begins with a dot or what may be one, no byte that it escapes. */
const AS_IT_IS = /^(?:\/(?!\.|%2[eE])[\w\-~!$&'()*+,;=:@%.]*)+$/;

/** What `new URL(request.url).pathname` gives for an origin-form target. */
export function pathOf(target: string): string {
  const query = target.indexOf("?");
  const path = query === -1 ? target : target.slice(0, query);
  return AS_IT_IS.test(path) ? path : new URL(`http://host${path}`).pathname;
}

/** From the `?` on; empty when there is none. */
export function queryOf(target: string): string {
  const query = target.indexOf("?");
  return query === -1 ? "" : target.slice(query);
}

/**
 * The path decoded once, as a path in a file system would be read: `\` is `/`, `//` is `/`, `.` and `..` are followed.
 *
 * @param path what `pathOf` gave
 */
export function plainPathOf(path: string): string {
  if (/^(?:\/(?!\.)[\w\-.~]+)*\/?$/.test(path)) return path;
  const names: string[] = [];
  const segments = decoded(path).replaceAll("\\", "/").split("/");
  for (const name of segments) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  const last = segments.at(-1);
  const isFolder = last === "" || last === "." || last === "..";
  return `/${names.join("/")}${isFolder && names.length > 0 ? "/" : ""}`;
}

/** Escapes that stand for no UTF-8 stay what they are. */
function decoded(path: string): string {
  return path.replace(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      // One by one: an ASCII character must not hide behind its neighbour.
      return escapes.replace(/%[0-7][0-9A-Fa-f]/g, decodeURIComponent);
    }
  });
}
