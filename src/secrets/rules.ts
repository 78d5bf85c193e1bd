/**
 * What an app says of its environment in levain.config.ts, as data: a rule for each name, and values of its own. A rule of
 * type `standard` is a schema of the app's own (zod and others): only the app's code can check it. Pure.
 */
import { GIVEN_BY_NODE } from "./names.ts";

export const ENV_TYPES = [
  "string",
  "secret",
  "url",
  "enum",
  "port",
  "number",
  "boolean",
  "standard",
] as const;

export interface EnvRule {
  type: (typeof ENV_TYPES)[number];
  /** It may be missing. */
  optional?: boolean | undefined;
  /** Taken when nothing is set. */
  default?: string | undefined;
  /** Of an `enum`. */
  choices?: string[] | undefined;
  /** Of a `url`, such as `https:`; default: any. */
  protocols?: string[] | undefined;
  /** Of a `number`. */
  min?: number | undefined;
  max?: number | undefined;
  /** For people. */
  description?: string | undefined;
}

export interface EnvDeclaration {
  rules: Record<string, EnvRule>;
  /** Values of the config's own. */
  values: Record<string, string>;
}

export interface EnvProblem {
  name: string;
  kind: "missing" | "invalid";
  /** What is asked for, without the value that was found. */
  rule: string;
}

/** What is wrong with the values that an app would start with. Rules of type `standard` are not looked at. */
export function problemsOf(
  { rules }: Pick<EnvDeclaration, "rules">,
  values: ReadonlyMap<string, string>,
): EnvProblem[] {
  return Object.entries(rules).flatMap(([name, rule]): EnvProblem[] => {
    if (rule.type === "standard") return [];
    const value = values.get(name);
    if (value === undefined) {
      const isFine = rule.optional === true || GIVEN_BY_NODE.includes(name);
      return isFine ? [] : [{ name, kind: "missing", rule: describeRule(rule) }];
    }
    return obeys(rule, value) ? [] : [{ name, kind: "invalid", rule: describeRule(rule) }];
  });
}

/** Whether a value is what a rule asks for. */
export function obeys(rule: EnvRule, value: string): boolean {
  switch (rule.type) {
    case "standard":
      return true;
    case "string":
    case "secret":
      return value !== "";
    case "enum":
      return rule.choices?.includes(value) ?? false;
    case "boolean":
      return /^(true|false|1|0)$/.test(value);
    case "port":
      return /^\d{1,5}$/.test(value) && Number(value) <= 65_535;
    case "number": {
      const number = Number(value);
      if (value.trim() === "" || !Number.isFinite(number)) return false;
      return number >= (rule.min ?? -Infinity) && number <= (rule.max ?? Infinity);
    }
    case "url": {
      const url = URL.parse(value);
      if (url === null) return false;
      return rule.protocols === undefined || rule.protocols.includes(url.protocol);
    }
  }
}

/** `a URL (https:)`: completes "it must be …". */
export function describeRule(rule: EnvRule): string {
  switch (rule.type) {
    case "string":
      return "a text that is not empty";
    case "secret":
      return "a secret that is not empty";
    case "enum":
      return `one of ${rule.choices?.join(", ")}`;
    case "boolean":
      return "true or false";
    case "port":
      return "a port from 0 to 65535";
    case "number": {
      const { min, max } = rule;
      if (min !== undefined && max !== undefined) return `a number from ${min} to ${max}`;
      if (min !== undefined) return `a number of at least ${min}`;
      return max === undefined ? "a number" : `a number of at most ${max}`;
    }
    case "url":
      return rule.protocols === undefined ? "a URL" : `a URL with ${rule.protocols.join(" or ")}`;
    case "standard":
      return "what its schema says";
  }
}
