/** A passphrase out of a file: its first line. */
import { readFileSync, statSync } from "node:fs";
import { messageOf, PlatformError } from "../base/errors.ts";
import { passphraseBytesMax } from "./limits.ts";

/**
 * @param file absolute; read when there is no `given` one
 * @throws {PlatformError} `INPUT_INVALID` when the file cannot be read, has no line or is for others to read
 */
export function passphraseOf(
  given: string | undefined,
  file: string | undefined,
): string | undefined {
  if (given !== undefined && given !== "") return given;
  if (file === undefined) return undefined;
  const problem = (what: string) =>
    new PlatformError("INPUT_INVALID", [`the file of the passphrase, ${file}: ${what}`]);
  let text: string;
  try {
    const { mode, size } = statSync(file);
    if ((mode & 0o077) !== 0) {
      throw problem(`others may read it (mode ${(mode & 0o777).toString(8)}, must be 600)`);
    }
    if (size > passphraseBytesMax) throw problem(`it has ${size} bytes`);
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw problem(messageOf(error));
  }
  const [line = ""] = text.split(/\r?\n/);
  if (line === "") throw problem("its first line is empty");
  return line;
}
