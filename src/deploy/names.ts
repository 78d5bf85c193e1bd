/**
 * Names that become host names. `shop.<domain>` is production, `<label>--shop.<domain>` a branch and
 * `v7--shop.<domain>` a version, so neither an app nor a branch's label may look like the others. Pure.
 */
import { createHash } from "node:crypto";
import { PlatformError } from "../base/errors.ts";
import { appNameCharactersMax, branchNameCharactersMax, hostLabelCharactersMax } from "./limits.ts";

export { PRODUCTION_BRANCH } from "../base/production-branch.ts";

const VERSION_NAME = /^v\d+$/;
/** Hex digits of a name's hash in a shortened or colliding label; 32 bits. */
const HASH_DIGITS = 8;

/** What is wrong with an app's name, or null. */
export function appNameProblem(name: string): string | null {
  if (name.length === 0) return "it is empty";
  if (name.length > appNameCharactersMax) {
    return `it has ${name.length} characters, at most ${appNameCharactersMax} are allowed`;
  }
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name)) {
    return "it must have lower-case letters, digits and dashes, and begin and end with a letter or digit";
  }
  if (name.includes("--")) return "it must not have two dashes in a row";
  if (VERSION_NAME.test(name)) return "v and a number is how versions are named";
  return null;
}

/** @throws {PlatformError} `NAME_INVALID` */
export function checkAppName(name: string): string {
  const problem = appNameProblem(name);
  if (problem !== null) throw new PlatformError("NAME_INVALID", ["the app's name", name, problem]);
  return name;
}

/**
 * An app's name out of one that was not meant as such: `@me/My_App` is `my-app`. Null when nothing usable is left.
 */
export function appNameFrom(text: string): string | null {
  const name = slug(text.replace(/^@[^/]*\//, ""))
    .slice(0, appNameCharactersMax)
    .replace(/-$/, "");
  return appNameProblem(name) === null ? name : null;
}

/** @throws {PlatformError} `NAME_INVALID` when Git would not take it either, or it is too long */
export function checkBranchName(name: string): string {
  const problem = branchNameProblem(name);
  if (problem !== null) {
    throw new PlatformError("NAME_INVALID", ["the branch's name", name, problem]);
  }
  return name;
}

/**
 * The host label of a branch: `feature/x` is `feature-x`. A hash of the name is added when the label had to be
 * shortened, when it would read as a version, or when another branch has it.
 *
 * @param taken labels of the app's other branches
 * @param app the app's name: label, `--` and name share one host label of 63 characters
 */
export function branchLabel(branch: string, taken: ReadonlySet<string>, app: string): string {
  const room = hostLabelCharactersMax - "--".length - app.length;
  const plain = slug(branch);
  const isUsable = plain !== "" && plain.length <= room && !VERSION_NAME.test(plain);
  if (isUsable && !taken.has(plain)) return plain;

  // A label that ends in a hash can be taken too: by a branch of just that name. Then another hash.
  for (let round = 0; ; round += 1) {
    const hash = createHash("sha256")
      .update(`${branch}\0${round}`)
      .digest("hex")
      .slice(0, HASH_DIGITS);
    const kept = plain.slice(0, room - HASH_DIGITS - 1).replace(/-+$/, "");
    const label = kept === "" ? `b-${hash}` : `${kept}-${hash}`;
    if (!taken.has(label)) return label;
  }
}

function branchNameProblem(name: string): string | null {
  if (name.length === 0) return "it is empty";
  if (name.length > branchNameCharactersMax) {
    return `it has ${name.length} characters, at most ${branchNameCharactersMax} are allowed`;
  }
  // As the store has it: also those beyond ASCII.
  if (/[\s\p{Cc}~^:?*[\\]/u.test(name)) {
    return "it must not have spaces, control characters or any of ~ ^ : ? * [ \\";
  }
  if (!name.isWellFormed() || /\p{Cf}/u.test(name)) return "it has characters that cannot be seen";
  // A key of that name is lost in many places that read JSON.
  if (name === "__proto__") return "it is a word of JavaScript's own";
  if (/^[-/]|\/$|\/\/|\.\.|@\{|\.$/.test(name)) return "it is not the name of a Git branch";
  return null;
}

/** Lower-case letters, digits and single dashes; nothing at either end. */
function slug(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}
