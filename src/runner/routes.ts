/**
 * Finds the route of a captured `Bun.serve({ routes })`, with Bun's precedence: exact path, then parameters, then
 * wildcards, the more specific first. Compiled once per set of routes.
 */

/** Whatever the app put there: a handler, a Response, a file, false, or one of these by method. */
export type RouteValue = unknown;

export interface RouteMatch {
  value: RouteValue;
  params: Record<string, string>;
}

interface Pattern {
  segments: readonly string[];
  value: RouteValue;
  /** By segment: exact 2, parameter 1, wildcard 0; compared from the left, higher first. */
  rank: readonly number[];
}

const rankOf = (segment: string): number => (segment === "*" ? 0 : segment.startsWith(":") ? 1 : 2);

export class Routes {
  readonly #exact = new Map<string, RouteValue>();
  readonly #patterns: Pattern[] = [];

  constructor(routes: Readonly<Record<string, RouteValue>>) {
    for (const [path, value] of Object.entries(routes)) {
      if (!path.includes(":") && !path.includes("*")) {
        this.#exact.set(path, value);
        continue;
      }
      const segments = path.split("/").slice(1);
      this.#patterns.push({ segments, value, rank: segments.map(rankOf) });
    }
    this.#patterns.sort((a, b) => {
      const shared = Math.max(a.rank.length, b.rank.length);
      for (let index = 0; index < shared; index++) {
        const difference = (b.rank[index] ?? -1) - (a.rank[index] ?? -1);
        if (difference !== 0) return difference;
      }
      return 0;
    });
  }

  /** `path` is percent-encoded and starts with a slash. */
  match(path: string): RouteMatch | null {
    const exact = this.#exact.get(path);
    if (exact !== undefined) return { value: exact, params: {} };
    if (this.#patterns.length === 0) return null;
    const parts = path.split("/").slice(1);
    for (const { segments, value } of this.#patterns) {
      const params = matchSegments(segments, parts);
      if (params !== null) return { value, params };
    }
    return null;
  }
}

function matchSegments(
  segments: readonly string[],
  parts: readonly string[],
): Record<string, string> | null {
  const params: Record<string, string> = {};
  for (let index = 0; index < segments.length; index++) {
    const segment = segments[index]!;
    if (segment === "*" && index === segments.length - 1) return params;
    const part = parts[index];
    if (part === undefined) return null;
    if (segment === "*") continue;
    if (segment.startsWith(":")) {
      if (part === "") return null;
      params[segment.slice(1)] = decode(part);
    } else if (segment !== part) {
      return null;
    }
  }
  return segments.length === parts.length ? params : null;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
