/** A version as people write it: `v7` or `7`. */
import { usageError } from "./failure.ts";

/** @throws {PlatformError} `INPUT_INVALID` naming the argument or flag. */
export function parseVersionNumber(text: string, name: string): number {
  const digits = /^v?([1-9]\d{0,8})$/.exec(text)?.[1];
  if (digits === undefined) {
    throw usageError(`${name} "${text}" is no version: write it as v7 or 7`);
  }
  return Number(digits);
}
