/** Names of environment values: which there may be, and whose they are. Pure. */
import { envNameCharactersMax } from "./limits.ts";

/** What is wrong with a name, or null. */
export function envNameProblem(name: string): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return "a name has only letters, digits and _, and does not begin with a digit";
  }
  if (name.length > envNameCharactersMax) {
    return `a name has at most ${envNameCharactersMax} characters`;
  }
  if (isOfNode(name)) return "HOME, TMPDIR and names that begin with LEVAIN_ are Levain's own";
  // A key of that name is lost in many places that read JSON.
  if (name === "__proto__") return "it is a word of JavaScript's own";
  return null;
}

/** Whether every process has one of the node's: an app's own value would be lost. */
export function isOfNode(name: string): boolean {
  return name.startsWith("LEVAIN_") || name === "HOME" || name === "TMPDIR";
}

/** What the node gives an app that has none of that name: never missing. */
export const GIVEN_BY_NODE: readonly string[] = ["NODE_ENV", "PORT"];

/** What is wrong with the name of a value for builds, beside that; or null. */
export function buildNameProblem(name: string): string | null {
  const isOurs = name === "PATH" || /^(LD_|BUN_)/.test(name) || name === "NODE_OPTIONS";
  return isOurs ? "it changes how Levain's own steps of a build run" : null;
}
