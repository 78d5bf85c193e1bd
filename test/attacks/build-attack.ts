/** What every hostile build is: a script in a project, which tries one thing and prints what it got. */
import { readFileSync } from "node:fs";
import { type Report, reportOf, type Target, type Tries } from "./attack.ts";

/** What it is told, in a file of its project. */
export interface BuildTarget extends Target {
  /** What a build of another app has, as the node lays it out: its project, and the packages that it has fetched. */
  otherBuild: { project: string; packages: string };
}

export const targetFile = "target.json";

const mark = "report of an attack: ";

/** Prints what came of each try. */
export async function attackBuild(tries: (target: BuildTarget) => Tries): Promise<void> {
  const target: BuildTarget = JSON.parse(readFileSync(targetFile, "utf8"));
  console.log(mark + JSON.stringify(await reportOf(tries(target))));
}

/** The report that is among the lines that a build printed, or null. */
export function reportIn(lines: readonly string[]): Report | null {
  const line = lines.find((line) => line.startsWith(mark));
  return line === undefined ? null : JSON.parse(line.slice(mark.length));
}
