/** Why the code of now cannot be served, with the place in the source where it says one. For the terminal and for the page. */
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { ErrorBody } from "../base/errors.ts";
import { excerptLines } from "./limits.ts";

export interface DevFailure {
  code: string;
  message: string;
  fix: string;
  /** Everything that is wrong, when it is more than the message says. */
  problems: string[];
  /** What the app or the build printed last. */
  output: string[];
  excerpt: Excerpt | null;
}

/** Some lines of a file of the project. */
export interface Excerpt {
  /** Relative to the project. */
  path: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
  lines: { number: number; text: string }[];
}

/** What their remedy says about a deploy is not needed here. */
const FIXED_BY_SAVING: Readonly<Record<string, string>> = {
  BUILD_FAILED: "Correct it and save",
  BUILD_TIMEOUT: "Make the build shorter and save",
  BOOT_CRASHED: "Correct it and save",
  ENVIRONMENT_INVALID:
    "Give the values in .env or .env.local, or correct `env` in levain.config.ts",
};

/** @param folder the project */
export async function describeFailure(error: ErrorBody, folder: string): Promise<DevFailure> {
  const problems = textsOf(error.detail?.["problems"]);
  const output = textsOf(error.detail?.["lastLines"]).map((line) => Bun.stripANSI(line));
  const { code } = error;
  const fix = FIXED_BY_SAVING[code] ?? error.fix;
  const message = error.message.replaceAll(`${folder}/`, "");
  return {
    code,
    message,
    fix,
    problems: problems.filter((problem) => !message.includes(problem)),
    output,
    excerpt: await firstExcerpt([...problems, message, ...output], folder),
  };
}

/** The excerpt as lines of text, with a mark below the column. */
export function excerptText({ path, line, column, lines }: Excerpt): string[] {
  const width = String(lines.at(-1)?.number ?? 0).length;
  const shown = lines.flatMap(({ number, text }) => {
    const row = `${number === line ? ">" : " "} ${String(number).padStart(width)} | ${text}`;
    return number === line ? [row, `${" ".repeat(width + 3)}| ${" ".repeat(column - 1)}^`] : [row];
  });
  return [`${path}:${line}:${column}`, ...shown];
}

const PLACE = /([^\s()"'`]+\.(?:[cm]?[jt]sx?|json)):(\d+):(\d+)/g;

async function firstExcerpt(texts: readonly string[], folder: string): Promise<Excerpt | null> {
  for (const text of texts) {
    for (const [, name = "", line, column] of text.matchAll(PLACE)) {
      const path = relative(folder, join(folder, name.replace(`${folder}/`, "")));
      if (path.startsWith("..") || path.includes("node_modules/")) continue;
      const found = await excerptAt(folder, path, Number(line), Number(column));
      if (found !== null) return found;
    }
  }
  return null;
}

async function excerptAt(
  folder: string,
  path: string,
  line: number,
  column: number,
): Promise<Excerpt | null> {
  const text = await readFile(join(folder, path), "utf8").catch(() => null);
  const all = text?.split("\n") ?? [];
  if (line < 1 || line > all.length) return null;
  const first = Math.max(1, line - excerptLines);
  const lines = all
    .slice(first - 1, line + excerptLines)
    .map((shown, index) => ({ number: first + index, text: shown.replaceAll("\t", " ") }));
  // Whoever printed the place may have printed anything.
  const end = (all[line - 1]?.length ?? 0) + 1;
  return { path, line, column: Math.min(Math.max(1, column), end), lines };
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
