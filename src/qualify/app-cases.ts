/** Cases of the project that is in a folder: its own test command, and the modules in its `qualify/`. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runCaseProcess } from "./case-process.ts";
import { appCasesMax, appTestsMemoryBytesMax } from "./limits.ts";
import { caseEnvironment, endInWords, runModuleCase } from "./module-case.ts";
import {
  type CaseFinding,
  type CaseRun,
  failed,
  type QualifyCase,
  skipped,
} from "./qualify-case.ts";

/** Folder of a project with cases of its own. */
const casesFolder = "qualify";

const CONFIGS = ["levain.config.ts", "levain.config.json"];

export interface AppCasesOptions {
  /** Absolute path. */
  folder: string;
  /** Shell command; null: the project's own, `scripts.test` of its package.json. */
  testCommand: string | null;
  /** Of each. Milliseconds. */
  timeoutMs: number;
}

/** None for a folder that is no project for Levain, unless a test command is given. */
export function appCases(options: AppCasesOptions): QualifyCase[] {
  const { folder, testCommand, timeoutMs } = options;
  const own = modulesIn(join(folder, casesFolder));
  const isProject = own.length > 0 || CONFIGS.some((name) => existsSync(join(folder, name)));
  if (!isProject && testCommand === null) return [];
  return [
    {
      name: "app-tests",
      group: "app",
      catches: "what the app's own tests catch",
      isRequired: true,
      run: (run) => runTests(options, run),
    },
    ...own.map(
      (path): QualifyCase => ({
        name: `app-${path.replace(/\.[^.]+$/, "")}`,
        group: "app",
        catches: `${casesFolder}/${path}`,
        isRequired: true,
        run: (run) => {
          const module = join(folder, casesFolder, path);
          const env = { ...environmentOf(), LEVAIN_RUNTIME: run.runtime.name };
          return runModuleCase({ module, cwd: folder, env, hasPeer: false, timeoutMs }, run);
        },
      }),
    ),
  ];
}

/** Names of modules in the folder, sorted. Tests beside them are none. */
function modulesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^[\w.-]+\.(ts|js|mts|mjs)$/.test(name))
      .filter((name) => !/\.(test|spec|d)\.[mc]?[tj]s$/.test(name))
      .sort()
      .slice(0, appCasesMax);
  } catch {
    return [];
  }
}

async function runTests(
  { folder, testCommand, timeoutMs }: AppCasesOptions,
  { runtime, folder: own, signal }: CaseRun,
): Promise<CaseFinding> {
  const command = testCommand ?? testScript(folder);
  if (command === null) return skipped("package.json has no scripts.test; --test gives one");
  const ended = await runCaseProcess({
    program: "/bin/sh",
    argv: ["sh", "-c", command],
    env: {
      ...environmentOf(),
      ...withModules(folder, caseEnvironment(runtime.program, own)),
      LEVAIN_RUNTIME: runtime.name,
    },
    cwd: folder,
    folder: own,
    timeoutMs,
    memoryBytesMax: appTestsMemoryBytesMax,
    signal,
  });
  const { passed, exitCode, lastLines } = ended;
  if (passed !== null) return failed(passed, { lastLines });
  if (exitCode !== 0)
    return failed(`\`${command}\` ended with ${endInWords(ended)}`, { lastLines });
  return { status: "pass", reason: null, measures: [], lastLines: [] };
}

/** The caller's own: tests may need a database that it names. */
function environmentOf(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Tools of the project come after the runtime. */
function withModules(folder: string, env: Record<string, string>): Record<string, string> {
  const [bin = "", ...rest] = (env["PATH"] ?? "").split(":");
  return { ...env, PATH: [bin, join(folder, "node_modules/.bin"), ...rest].join(":") };
}

function testScript(folder: string): string | null {
  try {
    const found = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      scripts?: { test?: unknown };
    };
    const script = found.scripts?.test;
    return typeof script === "string" && script.trim() !== "" ? script : null;
  } catch {
    return null;
  }
}
