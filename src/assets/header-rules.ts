/**
 * `_headers`, in the format that static hosts share: a path at the beginning of a line, below it indented headers.
 *
 *   /fonts/*
 *     Access-Control-Allow-Origin: *
 *     ! X-Robots-Tag                     taken away again, when a rule above has set it
 *
 * All rules that fit count; values of the same name are joined. Pure.
 */
import {
  headerRulesMax,
  ruleLineCharactersMax,
  ruleLinesBytesMax,
  ruleProblemsMax,
} from "./limits.ts";
import {
  capturesOf,
  filledText,
  type PathPattern,
  parsePathPattern,
  segmentsOf,
} from "./path-pattern.ts";
import type { ParsedRules } from "./redirect-rules.ts";

export interface HeaderRule {
  path: PathPattern;
  /** Lower-case name and value; a value of null takes the name away. */
  set: [name: string, value: string | null][];
}

/** What the edge says about the bytes and the connection; another value would be a lie. */
const OWN = [
  "accept-ranges",
  "age",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "date",
  "etag",
  "keep-alive",
  "last-modified",
  "location",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "vary",
  "x-request-id",
];

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** @param text of the file */
export function parseHeaders(text: string): ParsedRules<HeaderRule> {
  const rules: HeaderRule[] = [];
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    try {
      if (line.length > ruleLineCharactersMax) {
        throw new Error(
          `it has ${line.length} characters, at most ${ruleLineCharactersMax} are read`,
        );
      }
      if (!/^\s/.test(line)) {
        if (/^https?:/.test(trimmed)) throw new Error("a rule is for a path, not for a host");
        rules.push({ path: parsePathPattern(trimmed), set: [] });
        if (rules.length > headerRulesMax) {
          throw new Error(`there are more than ${headerRulesMax} rules`);
        }
      } else {
        const rule = rules.at(-1);
        if (rule === undefined) throw new Error("a header must stand below a path");
        rule.set.push(parseHeader(trimmed));
      }
    } catch (error) {
      problems.push(`line ${index + 1}: ${(error as Error).message}`);
      if (problems.length >= ruleProblemsMax) break;
    }
  }
  const bytes = rules
    .flatMap(({ set }) => set)
    .reduce((sum, [name, value]) => sum + name.length + (value?.length ?? 0) + 4, 0);
  // One answer may get them all.
  if (bytes > ruleLinesBytesMax) {
    problems.push(
      `all headers together have ${bytes} bytes, at most ${ruleLinesBytesMax} are sent`,
    );
  }
  return { rules, problems };
}

function parseHeader(text: string): [name: string, value: string | null] {
  if (text.startsWith("!")) return [nameOf(text.slice(1).trim()), null];
  const colon = text.indexOf(":");
  if (colon === -1) throw new Error(`"${text}" must be a name, a colon and a value`);
  const value = text.slice(colon + 1).trim();
  if (/[^\t\x20-\x7e]/.test(value)) throw new Error("a value has only visible ASCII characters");
  return [nameOf(text.slice(0, colon).trim()), value];
}

function nameOf(text: string): string {
  const name = text.toLowerCase();
  if (!NAME.test(name)) throw new Error(`"${text}" is not a header name`);
  if (OWN.includes(name) || name.startsWith("levain-")) {
    throw new Error(`${name} is set by Levain and cannot be changed`);
  }
  return name;
}

/**
 * The headers that rules give an answer, by name; null for one that was taken away. What a long path would make longer
 * than all of them may be is left out.
 *
 * @param path as it was sent, without the query
 */
export function headersFor(rules: readonly HeaderRule[], path: string): Map<string, string | null> {
  const found = new Map<string, string | null>();
  const segments = rules.length === 0 ? [] : segmentsOf(path);
  let left = ruleLinesBytesMax;
  for (const { path: pattern, set } of rules) {
    const captures = capturesOf(pattern, segments);
    if (captures === null) continue;
    for (const [name, value] of set) {
      if (value === null) {
        found.set(name, null);
        continue;
      }
      const filled = filledText(value, captures, left);
      if (filled === null) continue;
      left -= filled.length;
      const before = found.get(name);
      // Of cookies each has a line of its own.
      const joint = name === "set-cookie" ? "\n" : ", ";
      found.set(name, before == null ? filled : `${before}${joint}${filled}`);
    }
  }
  return found;
}
