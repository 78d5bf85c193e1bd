/**
 * Finds the route of a captured `Bun.serve({ routes })`, with Bun's precedence: exact path, then parameters, then
 * wildcards, the more specific first. Compiled once per set of routes.
 */

import { filesOf, isHtmlImport, pageOf } from "./html-import.ts";

/** Whatever the app put there: a handler, a Response, a file, an HTML import, false, or one of these by method. */
export type RouteValue = unknown;

export interface RouteMatch {
  /** A handler, a Response or a file. */
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
  /** Of pages that the app's author has bundled, by path. */
  readonly #files = new Map<string, Response>();

  /** @throws {TypeError} for a route that cannot be served. */
  constructor(routes: Readonly<Record<string, RouteValue>>) {
    for (const [path, given] of Object.entries(routes)) {
      checkRoute(path, given);
      const value = this.#withPages(path, given);
      if (!path.includes(":") && !path.includes("*")) {
        this.#exact.set(path, value);
        continue;
      }
      const segments = path.split("/").slice(1);
      // As in Bun: a wildcard in the middle matches nothing.
      if (segments.slice(0, -1).includes("*")) continue;
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

  /** Pages among the values become what they are answered with, and what they load has addresses. */
  #withPages(path: string, value: RouteValue): RouteValue {
    if (isHtmlImport(value)) {
      for (const [url, file] of filesOf(path, value)) this.#files.set(url, file);
      return pageOf(path, value);
    }
    if (typeof value !== "object" || value === null || isAnswer(value)) return value;
    const parts = Object.entries(value);
    if (!parts.some(([, part]) => isHtmlImport(part))) return value;
    return Object.fromEntries(parts.map(([name, part]) => [name, this.#withPages(path, part)]));
  }

  /** What answers this request; null when the app's `fetch` is to be asked. */
  match(url: string, method: string): RouteMatch | null {
    const path = pathOf(url);
    const exact = byMethod(this.#exact.get(path), method);
    if (exact !== undefined) return exact === false ? null : { value: exact, params: {} };
    const file = this.#files.get(path);
    if (file !== undefined) return { value: file, params: {} };
    if (this.#patterns.length === 0) return null;
    const parts = path.split("/").slice(1);
    for (const { segments, value } of this.#patterns) {
      const params = matchSegments(segments, parts);
      const chosen = params === null ? undefined : byMethod(value, method);
      // A route without this method leaves it to a less specific one; `false` leaves it to `fetch`.
      if (chosen !== undefined) return chosen === false ? null : { value: chosen, params: params! };
    }
    return null;
  }
}

/** @throws {TypeError} */
function checkRoute(path: string, value: RouteValue): void {
  if (!path.startsWith("/"))
    throw new TypeError(`Invalid route "${path}". Path must start with '/'`);
  if (value === false || typeof value === "function") return;
  if (value instanceof Response || value instanceof Blob) return;
  if (typeof value === "object" && value !== null) {
    if (isHtmlImport(value)) return;
    if (Object.values(value).some((part) => part === false || isAnswer(part) || isHtmlImport(part)))
      return;
  }
  throw new TypeError(
    `Route "${path}" has no handler: it must be a function, a Response, a file, false, or an object of these by method`,
  );
}

function isAnswer(value: unknown): boolean {
  return typeof value === "function" || value instanceof Response || value instanceof Blob;
}

/** The path as it stands in the URL: percent-encoded, with its slash, without the query. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const query = url.indexOf("?", start);
  return query === -1 ? url.slice(start) : url.slice(start, query);
}

/** The part of a route's value for this method; undefined when there is none. */
function byMethod(value: RouteValue, method: string): RouteValue {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Response || value instanceof Blob) return value;
  const methods = value as Record<string, RouteValue>;
  return methods[method] ?? (method === "HEAD" ? methods["GET"] : undefined);
}

function matchSegments(
  segments: readonly string[],
  parts: readonly string[],
): Record<string, string> | null {
  const params: Record<string, string> = {};
  for (let index = 0; index < segments.length; index++) {
    const segment = segments[index]!;
    const part = parts[index];
    if (part === undefined) return null;
    if (segment === "*") return params;
    if (segment.startsWith(":")) {
      if (part === "") return null;
      params[segment.slice(1)] = decode(part);
    } else if (segment !== part) {
      return null;
    }
  }
  return segments.length === parts.length ? params : null;
}

/** Percent-decoded; what is no percent-encoded UTF-8 becomes U+FFFD, as Bun does. */
function decode(part: string): string {
  if (!part.includes("%")) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    const parts = part.split(/((?:%[0-9A-Fa-f]{2})+|%..|%)/s);
    return parts.map((piece, index) => (index % 2 === 0 ? piece : decodeEscapes(piece))).join("");
  }
}

function decodeEscapes(escapes: string): string {
  const bytes = escapes.replaceAll("%", "");
  if (!/^(%[0-9A-Fa-f]{2})+$/.test(escapes)) return "\ufffd";
  return new TextDecoder().decode(Buffer.from(bytes, "hex"));
}
