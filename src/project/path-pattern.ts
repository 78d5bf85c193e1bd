/** Paths with wildcards, as the table of frameworks has them: `*` is one name, `**` any number of folders. Pure. */

export interface PatternMatch {
  path: string;
  /** Puts what the wildcards stood for into another pattern, in order. */
  fill(pattern: string): string;
}

/** The file that fits; of several the one least deep, then the first by name. Null for none. */
export function findByPattern(pattern: string, files: Iterable<string>): PatternMatch | null {
  const test = new RegExp(`^${expressionOf(pattern)}$`);
  let best: RegExpExecArray | null = null;
  for (const file of files) {
    const match = test.exec(file);
    if (match !== null && (best === null || isBefore(match[0], best[0]))) best = match;
  }
  if (best === null) return null;
  const [path, ...parts] = best;
  return {
    path,
    fill(other) {
      const left = [...parts];
      const filled = other.replace(/\*\*|\*/g, () => left.shift() ?? "");
      // `**` may have stood for no folder at all.
      return filled.replace(/(^|[\s/])\/+/g, "$1");
    },
  };
}

function expressionOf(pattern: string): string {
  return pattern
    .split(/(\*\*\/|\*)/)
    .map((part) => {
      if (part === "**/") return "(?:(.+)/)?";
      if (part === "*") return "([^/]*)";
      return part.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
    })
    .join("");
}

function isBefore(left: string, right: string): boolean {
  const depth = left.split("/").length - right.split("/").length;
  return depth === 0 ? left < right : depth < 0;
}
