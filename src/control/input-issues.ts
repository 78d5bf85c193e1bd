/**
 * What a schema has against an input, in one line that names each field: `version: expected number, received string;
 * colour: unknown key`.
 */
import type { z } from "zod";
import { PlatformError } from "../base/errors.ts";

/** @throws {PlatformError} `INPUT_INVALID` naming every field that is wrong. `part` is said when the whole is wrong. */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  part: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new PlatformError("INPUT_INVALID", [describeIssues(parsed.error, part)]);
}

/** @param part how to call the value itself, when an issue is not about one of its fields. */
export function describeIssues(error: z.ZodError, part: string): string {
  return error.issues
    .flatMap((issue) => {
      const field = issue.path.length === 0 ? part : issue.path.map(String).join(".");
      if (issue.code === "unrecognized_keys") {
        const parents = issue.path.map(String);
        return issue.keys.map((key) => `${[...parents, key].join(".")}: unknown key`);
      }
      return [`${field}: ${issue.message.replace(/^Invalid input: /, "")}`];
    })
    .join("; ");
}
