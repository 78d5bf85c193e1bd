/**
 * How a problem with a configuration or a command is said, for apps and nodes alike: which key, what was given, what is allowed. The
 * schema library's own words never reach a person.
 */
import type { z } from "zod";
import { didYouMean } from "./did-you-mean.ts";
import { problemValueCharactersMax } from "./limits.ts";

/** What is known of a configuration's keys. */
export interface KnownKeys {
  /** Every key, groups opened: `limits.queueMax`. */
  keys: readonly string[];
  /** What a number may be; undefined for a key that takes none. */
  rangeOf(key: string): { smallest: number; largest: number } | undefined;
  /** Whether the value of a key must not be shown. */
  isSecret?(key: string): boolean;
}

/** `limits.queueMax is 20000, at most 10000 is allowed`. The issue must have been made with `reportInput`. Pure. */
export function describeValue(issue: z.core.$ZodIssue, key: string, known: KnownKeys): string {
  if (issue.input === undefined) return `${key} is missing`;
  const value = known.isSecret?.(key) === true ? "not usable" : shownValue(issue.input);
  return `${key} is ${value}, ${allowed(issue, key, known)}`;
}

/** `prot is not a key; did you mean port?` The nearest key, or those there are beside it. Pure. */
export function describeUnknownKey(key: string, keys: readonly string[]): string {
  const group = key.slice(0, key.lastIndexOf(".") + 1);
  const beside = keys
    .filter((other) => other.startsWith(group))
    .map((other) => other.slice(group.length));
  // Without the group, whose letters would make any two of its keys look alike.
  const names = [...new Set(beside.map((other) => other.split(".", 1)[0] ?? ""))];
  const word = key.slice(group.length);
  const near = didYouMean(word, names);
  // The very word, in the wrong place.
  const elsewhere =
    keys.find((other) => other === word || other.startsWith(`${word}.`))?.slice(0, word.length) ??
    keys.find((other) => other.endsWith(`.${word}`));
  const meant = near === null ? elsewhere : group + near;
  if (group !== "" && meant === word) return `${key} is not a key; ${word} stands by itself`;
  if (meant !== undefined) return `${key} is not a key; did you mean ${meant}?`;
  if (names.length === 0) return `${key} is not a key`;
  return `${key} is not a key; known here are ${names.join(", ")}`;
}

/** What a message says of its problems; `detail.problems` has all of them. Pure. */
export function sumUp(problems: readonly string[]): string {
  const [first = "", ...others] = problems;
  return others.length === 0 ? first : `${problems.length} problems`;
}

function allowed(issue: z.core.$ZodIssue, key: string, known: KnownKeys): string {
  const range = known.rangeOf(key);
  if (range !== undefined) {
    const { smallest, largest } = range;
    if (issue.code === "too_big" && issue.input !== Number.POSITIVE_INFINITY)
      return `at most ${largest} is allowed`;
    if (issue.code === "too_small") return `at least ${smallest} is allowed`;
    return `must be a whole number from ${smallest} to ${largest}`;
  }
  switch (issue.code) {
    case "invalid_type":
      return `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be one of ${issue.values.map(shownValue).join(", ")}`;
    case "too_small":
      if (issue.origin === "string") {
        return `must be at least ${issue.minimum === 1 ? "one character" : `${issue.minimum} characters`}`;
      }
      return `must be ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}`;
    case "too_big":
      if (issue.origin === "number" || issue.origin === "int")
        return `must be at most ${issue.maximum}`;
      return `must be at most ${issue.maximum} ${issue.origin === "array" ? "of them" : "characters"}`;
    default:
      return issue.message;
  }
}

/** In a person's words. */
const KINDS: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "a group of keys",
  record: "a group of keys",
  string: "a text",
};

/** A value as it would be written, cut when it is long. */
function shownValue(value: unknown): string {
  const isPlain = typeof value === "string" || (typeof value === "object" && value !== null);
  const text = isPlain
    ? written(value)
    : typeof value === "function"
      ? "a function"
      : String(value);
  return text.length > problemValueCharactersMax
    ? `${text.slice(0, problemValueCharactersMax)}…`
    : text;
}

function written(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return "an object";
  }
}
