/** Environment values of a `.env` file, read by Node's own rules for such files. Pure. */
import { parseEnv } from "node:util";
import { PlatformError } from "../base/errors.ts";

/** An assignment whose value is in quotes, over as many lines as they hold. */
const QUOTED = /^[ \t]*(?:export[ \t]+)?[^\s=:#]+[ \t]*[=:][ \t]*(?:"[^"]*"|'[^']*'|`[^`]*`).*$/gm;
const ASSIGNMENT = /^\s*(?:export\s+)?[^\s=:#]+\s*[=:]/;

/**
 * @param file its name, for messages, which never have what is in it
 * @throws {PlatformError} `ENV_FILE_INVALID` for what would be left out, or cut, without a word
 */
export function parseEnvFile(text: string, file: string): Record<string, string> {
  const plain = text.replace(/^\uFEFF/, "").replace(QUOTED, "");
  const strange = plain
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "" && !line.trimStart().startsWith("#"))
    .filter((line) => !ASSIGNMENT.test(line));
  if (strange.length > 0) {
    const what =
      strange.length === 1 ? "a line of it is no" : `${strange.length} of its lines are no`;
    throw new PlatformError("ENV_FILE_INVALID", [file, `${what} NAME=value`]);
  }
  const values = parseEnv(text) as Record<string, string>;
  for (const [name, value] of Object.entries(values)) {
    if (
      /^["'`]/.test(value) &&
      new RegExp(`^\\s*(export\\s+)?${escaped(name)}\\s*[=:]`, "m").test(plain)
    ) {
      throw new PlatformError("ENV_FILE_INVALID", [file, `the quote of ${name} has no end`]);
    }
  }
  if (Object.keys(values).length === 0) {
    throw new PlatformError("ENV_FILE_INVALID", [file, "there is no value in it"]);
  }
  return values;
}

function escaped(name: string): string {
  return name.replace(/[^\w]/g, "\\$&");
}
