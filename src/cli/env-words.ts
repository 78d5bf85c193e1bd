/** What the words of `levain env` mean: for which app and branches, and which values. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { messageOf, PlatformError } from "../base/errors.ts";
import { PRODUCTION_BRANCH } from "../deploy/names.ts";
import { appOfFolder } from "./app-argument.ts";
import { parseEnvFile } from "./env-file.ts";
import { usageError } from "./failure.ts";
import { envInputBytesMax } from "./limits.ts";
import type { Call } from "./verb.ts";

/** `--app`, or the app of the current folder. */
export async function envApp({ flags, io }: Call): Promise<string> {
  return typeof flags.app === "string" ? flags.app : await appOfFolder(io.cwd);
}

/** The words behind the action. */
export function envWords({ args }: Call): string[] {
  return args.slice(1).filter((word) => word !== undefined);
}

/** For which branches; `main` when nothing is said. */
export function envPlace({ flags }: Call): {
  scope: "branch" | "previews" | "all";
  branch: string;
} {
  const { branch, previews, all } = flags;
  const given = [branch !== undefined, previews === true, all === true].filter(Boolean);
  if (given.length > 1) throw usageError("--branch, --previews and --all exclude each other");
  if (previews === true) return { scope: "previews", branch: "" };
  if (all === true) return { scope: "all", branch: "" };
  return { scope: "branch", branch: typeof branch === "string" ? branch : PRODUCTION_BRANCH };
}

/** Who sees the values: the app, unless `--build` says builds; both with `--run` beside it. */
export function envWhen({ flags }: Call): { atBuild: boolean; atRun: boolean } {
  const atBuild = flags.build === true;
  return { atBuild, atRun: flags.run === true || !atBuild };
}

/** `NAME=value …`, or `NAME -` and `NAME` alone for a value that comes on stdin. */
export async function valuesOfWords(call: Call): Promise<Record<string, string>> {
  const words = envWords(call);
  const [name = "", dash] = words;
  if (name === "") throw usageError("say what to set: NAME=value, or NAME - for stdin");
  if (!name.includes("=") && (words.length === 1 || (words.length === 2 && dash === "-"))) {
    const value = await call.io.value(`${name}: `, envInputBytesMax);
    if (value === "") throw usageError(`no value for ${name} came on stdin`);
    return { [name]: value };
  }
  const values: [string, string][] = words.map((word) => {
    const at = word.indexOf("=");
    // The word may be a value whose name was forgotten: it is not repeated.
    if (at < 1) throw usageError("a word is no NAME=value; a value from stdin is set alone");
    return [word.slice(0, at), word.slice(at + 1)];
  });
  return Object.fromEntries(values);
}

/** Values of a file in the form of `.env`; `-` is stdin. @throws {PlatformError} `ENV_FILE_INVALID` */
export async function valuesOfFile(path: string, { io }: Call): Promise<Record<string, string>> {
  if (path === "-") return parseEnvFile(await io.value("", envInputBytesMax), "stdin");
  let text: string;
  try {
    text = await readFile(resolve(io.cwd, path), "utf8");
  } catch (error) {
    throw new PlatformError("ENV_FILE_INVALID", [path, messageOf(error)]);
  }
  if (text.length > envInputBytesMax) {
    throw new PlatformError("ENV_FILE_INVALID", [path, `it has ${text.length} characters`]);
  }
  return parseEnvFile(text, path);
}
