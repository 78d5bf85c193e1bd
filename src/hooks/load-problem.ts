/** What is wrong with a module that could not be loaded, and where in the operator's files. Pure. */
import { dirname, isAbsolute, relative } from "node:path";
import { messageOf } from "../base/errors.ts";

/** Syntax errors that are told of one module; more are counted. Count. */
const problemsMax = 3;

/** Levain's own code, which may be below the operator's folder. */
const ownFolder = dirname(import.meta.dir);

/** Of a `BuildMessage`, which is what Bun throws for a module that it cannot read. Line and column count from 1. */
interface BuildPosition {
  file: string;
  line: number;
  column: number;
}

/** In one line, with `file:line:column`. @param folder real path of the one that names of files count from */
export function problemOf(thrown: unknown, folder: string): string {
  const messages = thrown instanceof AggregateError ? thrown.errors : [thrown];
  const problems = messages.slice(0, problemsMax).map((one) => oneProblem(one, folder));
  const more = messages.length - problems.length;
  return [...problems, ...(more > 0 ? [`${more} more`] : [])].join("; ");
}

function oneProblem(thrown: unknown, folder: string): string {
  const { position } = (thrown ?? {}) as { position?: BuildPosition | null };
  const place =
    position === undefined || position === null
      ? placeInStack(thrown, folder)
      : `${shown(position.file, folder)}:${position.line}:${position.column}`;
  return place === null ? messageOf(thrown) : `${messageOf(thrown)} (${place})`;
}

/** The first call in a file of the operator's: below the folder, not Levain's, and in no package. */
function placeInStack(thrown: unknown, folder: string): string | null {
  const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
  for (const [, file = "", line, column] of stack.matchAll(/(\/[^()\n]*?):(\d+):(\d+)\)?$/gm)) {
    if (!isBelow(file, folder) || isBelow(file, ownFolder)) continue;
    if (file.includes("/node_modules/")) continue;
    return `${shown(file, folder)}:${line}:${column}`;
  }
  return null;
}

/** `./hooks/quota.ts`; of a file elsewhere its path. */
function shown(file: string, folder: string): string {
  return isBelow(file, folder) ? `./${relative(folder, file)}` : file;
}

function isBelow(file: string, folder: string): boolean {
  const path = relative(folder, file);
  return path !== "" && !path.startsWith("../") && !isAbsolute(path);
}
