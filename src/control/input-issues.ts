/**
 * What a schema has against an input, in one line that names each field: `version is "7", must be a whole number;
 * colour: unknown key`.
 */
import type { z } from "zod";
import { describeValue, type KnownKeys } from "../base/config-problems.ts";
import { PlatformError } from "../base/errors.ts";

/** @throws {PlatformError} `INPUT_INVALID` naming every field that is wrong. `part` is said when the whole is wrong. */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  part: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new PlatformError("INPUT_INVALID", [describeIssues(parsed.error, part)]);
}

/**
 * @param part how to call the value itself, when an issue is not about one of its fields.
 * @param error of a parse with `reportInput`
 */
export function describeIssues(error: z.ZodError, part: string): string {
  return error.issues
    .flatMap((issue) => {
      const path = issue.path.map(String);
      if (issue.code === "unrecognized_keys") {
        return issue.keys.map((key) => `${[...path, key].join(".")}: unknown key`);
      }
      return [describeValue(issue, path.length === 0 ? part : path.join("."), KNOWN)];
    })
    .join("; ");
}

const KNOWN: KnownKeys = {
  keys: [],
  rangeOf: () => undefined,
  // Environments of versions are in route tables; values are set and compared.
  isSecret: (key) => /\.env\.|(^|\.)(set|values)\./.test(key),
};
