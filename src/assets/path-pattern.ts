/**
 * Patterns of `_redirects` and `_headers`: `/blog/:year/*`. Segments are compared unescaped; what a placeholder or the
 * splat stands for is kept as it was sent.
 */

export interface PathPattern {
  /** Unescaped segments; one that begins with `:` stands for any. */
  segments: string[];
  /** Ends with `*`, which stands for whatever follows, also for nothing. */
  hasSplat: boolean;
}

/** What the parts of a path stand for, by name; `splat` without its leading slash. */
export type Captures = ReadonlyMap<string, string>;

/** Names in a text that takes what they stand for. */
const NAMES = /:([A-Za-z][A-Za-z0-9_]*)/g;
const PLACEHOLDER = /^:[A-Za-z][A-Za-z0-9_]*$/;

/** Says what is wrong with a pattern by throwing an Error. */
export function parsePathPattern(text: string): PathPattern {
  if (!text.startsWith("/")) throw new Error(`"${text}" must begin with /`);
  if (text.includes("?") || text.includes("#")) {
    throw new Error(`"${text}" must be a path without a query and without #`);
  }
  const segments = text.split("/").slice(1);
  const hasSplat = segments.at(-1) === "*";
  if (hasSplat) segments.pop();
  const names = new Set<string>();
  for (const segment of segments) {
    if (segment.includes("*")) throw new Error(`* in "${text}" must stand alone at its end`);
    if (!segment.startsWith(":")) continue;
    if (!PLACEHOLDER.test(segment)) throw new Error(`"${segment}" is not a placeholder`);
    if (names.has(segment)) throw new Error(`"${text}" names ${segment} twice`);
    names.add(segment);
  }
  return {
    segments: segments.map((segment) => (segment.startsWith(":") ? segment : unescaped(segment))),
    hasSplat,
  };
}

/** Names that `capturesOf` gives for a pattern. */
export function namesOf({ segments, hasSplat }: PathPattern): string[] {
  const names = segments.filter((one) => one.startsWith(":")).map((one) => one.slice(1));
  return hasSplat ? [...names, "splat"] : names;
}

/** Whether every path that it stands for is the same one. */
export function isPlain({ segments, hasSplat }: PathPattern): boolean {
  return !hasSplat && !segments.some((segment) => segment.startsWith(":"));
}

/** The segments of a path. Once for all patterns: a path may have thousands. @param path as it was sent, without the query */
export function segmentsOf(path: string): string[] {
  return path.split("/").slice(1);
}

/**
 * What the pattern's parts stand for in a path, or null when it is not one of its paths. A slash at the end counts for
 * nothing.
 *
 * @param given `segmentsOf` the path
 */
export function capturesOf(
  { segments, hasSplat }: PathPattern,
  given: readonly string[],
): Captures | null {
  const hasSlash = !hasSplat && given.length > 1 && given.at(-1) === "";
  const length = hasSlash ? given.length - 1 : given.length;
  const wanted = segments.length > 1 && segments.at(-1) === "" ? segments.slice(0, -1) : segments;
  if (hasSplat ? length < wanted.length : length !== wanted.length) return null;
  const captures = new Map<string, string>();
  for (const [index, segment] of wanted.entries()) {
    const part = given[index] ?? "";
    if (segment.startsWith(":")) {
      if (part === "") return null;
      captures.set(segment.slice(1), part);
    } else if (segment !== part && segment !== unescaped(part)) return null;
  }
  if (hasSplat) captures.set("splat", given.slice(wanted.length).join("/"));
  return captures;
}

/**
 * A text with what its names stand for; others stay as they are.
 *
 * @returns null when that is too long: whoever asks says how long a part is, and a rule may name it many times
 */
export function filledText(text: string, captures: Captures, charactersMax: number): string | null {
  let length = text.length;
  for (const [, name = ""] of text.matchAll(NAMES)) length += captures.get(name)?.length ?? 0;
  if (length > charactersMax) return null;
  return text.replace(NAMES, (whole, name: string) => captures.get(name) ?? whole);
}

/** The text itself when it has escapes that mean nothing. */
function unescaped(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
