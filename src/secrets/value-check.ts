/** Whether a value may be set. Pure; the value is in no message. */
import { PlatformError } from "../base/errors.ts";
import { envValueBytesMax } from "./limits.ts";
import { buildNameProblem, envNameProblem } from "./names.ts";

/** @throws {PlatformError} `ENV_NAME_INVALID`, `ENV_VALUE_INVALID` */
export function checkNewValue(name: string, value: string, atBuild: boolean): void {
  const problem = envNameProblem(name) ?? (atBuild ? buildNameProblem(name) : null);
  if (problem !== null) throw new PlatformError("ENV_NAME_INVALID", [name, problem]);
  const wrong = valueProblem(value);
  if (wrong !== null) throw new PlatformError("ENV_VALUE_INVALID", [name, wrong]);
}

/** What is wrong with a value, or null. */
export function valueProblem(value: string): string | null {
  // A process could not have it: the kernel ends a value there.
  if (value.includes("\0")) return "its value has a NUL character";
  if (!value.isWellFormed()) return "its value is not Unicode text";
  const bytes = Buffer.byteLength(value);
  return bytes > envValueBytesMax
    ? `its value has ${bytes} bytes, at most ${envValueBytesMax} are accepted`
    : null;
}
