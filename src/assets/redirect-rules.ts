/**
 * `_redirects`, in the format that static hosts share: `from to [status]` a line, `#` begins a comment.
 *
 *   /old          /new
 *   /blog/*       https://blog.example.com/:splat  302
 *   /user/:id     /profile.html                    200     answered with that file, the address stays
 *   /gone         /404.html                        404
 *   /shop/*       /closed                          302!    also where there is a file
 *
 * The first rule that fits counts. Pure.
 */
import {
  redirectCharactersMax,
  redirectRulesMax,
  ruleLineCharactersMax,
  ruleProblemsMax,
} from "./limits.ts";
import {
  type Captures,
  capturesOf,
  filledText,
  namesOf,
  type PathPattern,
  parsePathPattern,
  segmentsOf,
} from "./path-pattern.ts";

export interface RedirectRule {
  from: PathPattern;
  /** Path, or URL with a scheme; `:name` stands for what the name stands for in `from`. */
  to: string;
  status: RedirectStatus;
  /** Before files. */
  isForced: boolean;
}

/** 200 and 404 answer with a file; the others send the client elsewhere. */
const STATUSES = [200, 301, 302, 303, 307, 308, 404] as const;
export type RedirectStatus = (typeof STATUSES)[number];

export interface ParsedRules<Rule> {
  rules: Rule[];
  /** `line 3: …`, the first ones. */
  problems: string[];
}

/** @param text of the file */
export function parseRedirects(text: string): ParsedRules<RedirectRule> {
  const rules: RedirectRule[] = [];
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const words = line.trim().split(/\s+/);
    const comment = words.findIndex((word) => word.startsWith("#"));
    if (comment !== -1) words.length = comment;
    if (words.length === 0 || words[0] === "") continue;
    try {
      if (line.length > ruleLineCharactersMax) {
        throw new Error(
          `it has ${line.length} characters, at most ${ruleLineCharactersMax} are read`,
        );
      }
      rules.push(parseRule(words));
      if (rules.length > redirectRulesMax) {
        throw new Error(`there are more than ${redirectRulesMax} rules`);
      }
    } catch (error) {
      problems.push(`line ${index + 1}: ${(error as Error).message}`);
      if (problems.length >= ruleProblemsMax) break;
    }
  }
  return { rules, problems };
}

function parseRule([from = "", to, status = "301", ...more]: string[]): RedirectRule {
  if (to === undefined) throw new Error("it must name where the path leads to");
  if (/=/.test(to) && !/^(\/|https?:)/.test(to)) {
    throw new Error(`"${to}" is a condition on the query, which is not known here`);
  }
  if (more.length > 0) {
    throw new Error(
      `"${more[0]}" is a condition, which is not known here; at most three words are read`,
    );
  }
  const isForced = status.endsWith("!");
  const code = Number(isForced ? status.slice(0, -1) : status) as RedirectStatus;
  if (!STATUSES.includes(code)) {
    throw new Error(`"${status}" must be one of ${STATUSES.join(", ")}, perhaps with !`);
  }
  const pattern = parsePathPattern(from);
  const answersWithFile = code === 200 || code === 404;
  if (!to.startsWith("/") && !/^https?:\/\/[^/]/.test(to)) {
    throw new Error(`"${to}" must begin with / or with https://`);
  }
  if (answersWithFile && !to.startsWith("/")) {
    throw new Error(`a ${code} rule must lead to a path of this app, not to "${to}"`);
  }
  if (/[^\x21-\x7e]/.test(to)) throw new Error(`"${to}" must be escaped as in a URL`);
  const names = namesOf(pattern);
  for (const [, name = ""] of pathOf(to).matchAll(/:([A-Za-z][A-Za-z0-9_]*)/g)) {
    if (!names.includes(name)) throw new Error(`:${name} is nothing of "${from}"`);
  }
  return { from: pattern, to, status: code, isForced };
}

/** What follows the authority, which may have a port. */
function pathOf(to: string): string {
  return to.replace(/^https?:\/\/[^/]*/, "");
}

/** What a path leads to by the first of these rules that fits; one whose target would be too long does not. */
export interface Redirected {
  status: RedirectStatus;
  /** Path or URL, with what the rule has kept of the request. */
  to: string;
}

/**
 * @param path as it was sent, without the query
 * @param query with its `?`, or empty; passed on when the rule has none of its own
 */
export function redirectOf(
  rules: readonly RedirectRule[],
  path: string,
  query: string,
): Redirected | null {
  const segments = segmentsOf(path);
  for (const { from, to, status } of rules) {
    const captures = capturesOf(from, segments);
    const filled = captures === null ? null : fill(to, captures);
    if (filled === null) continue;
    if (status === 200 || status === 404) return { status, to: filled };
    const location =
      filled.includes("?") || query === "" ? filled : filled.replace(/#|$/, (mark) => query + mark);
    return { status, to: location };
  }
  return null;
}

function fill(to: string, captures: Captures): string | null {
  const authority = to.slice(0, to.length - pathOf(to).length);
  const path = filledText(pathOf(to), captures, redirectCharactersMax);
  // What the client wrote must not become another host: browsers read `//host` and `/\host` as one.
  return path === null ? null : authority + path.replace(/^[/\\]{2,}/, "/");
}
