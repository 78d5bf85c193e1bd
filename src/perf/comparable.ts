/** What stands in the way of comparing with an earlier report, known before anything is measured. Pure. */
import { comparedRoundsDefault } from "./limits.ts";
import type { Comparison, PerfReport } from "./report.ts";

/** What is going to be measured. */
export interface Asked {
  options: PerfReport["options"];
  scenarios: readonly { name: string; concurrency: number }[];
}

/** Options that make another question of the same scenario. Of concurrency that of each scenario counts. */
const DECISIVE = ["mode", "url", "durationMs", "ratePerS"] as const;

/** Runs of one side that make a spread at least, however wide. Count. */
const runsMin = 2;

/** Why a scenario cannot be judged, in words, by name; those that can be are not in it. */
export function obstaclesIn(base: PerfReport, asked: Asked): Map<string, string> {
  const others = DECISIVE.filter((key) => base.options[key] !== asked.options[key]).map((key) =>
    differenceOf(key, base.options[key], asked.options[key]),
  );
  const obstacles = new Map<string, string>();
  for (const { name, concurrency } of asked.scenarios) {
    const measured = base.scenarios.find((scenario) => scenario.name === name);
    const why = [...others];
    if (measured === undefined) why.push("not in the base");
    else {
      if (measured.concurrency !== concurrency)
        why.push(differenceOf("concurrency", measured.concurrency, concurrency));
      if (measured.runs.length < runsMin) why.push(tooFew("the base has", measured.runs.length));
    }
    if (asked.options.repeat < runsMin) why.push(tooFew("this is", asked.options.repeat));
    if (why.length > 0) obstacles.set(name, why.join("; "));
  }
  return obstacles;
}

/** What makes two reports less comparable, in words. */
export function differencesOf(base: PerfReport, candidate: PerfReport): string[] {
  const notes: string[] = [];
  const look = (what: string, left: unknown, right: unknown) => {
    if (left !== right) notes.push(differenceOf(what, left, right));
  };
  look("machine", base.machine.cpu, candidate.machine.cpu);
  look("cores", base.machine.cores, candidate.machine.cores);
  look("Bun", base.bun, candidate.bun);
  for (const key of Object.keys(candidate.options) as (keyof PerfReport["options"])[]) {
    // What is said of the scenarios themselves, and what changes nothing.
    if (["repeat", "seed", "concurrency", ...DECISIVE].includes(key)) continue;
    look(key, base.options[key], candidate.options[key]);
  }
  const sides = [
    ["the base has", base],
    ["this is", candidate],
  ] as const;
  for (const [who, { options }] of sides) {
    if (options.repeat < comparedRoundsDefault && options.repeat >= runsMin)
      notes.push(tooFew(who, options.repeat));
  }
  return notes;
}

/** Whether anything was said about any scenario. Hooks are not judged, so they always are. */
export function isJudged({ kind, scenarios }: Comparison): boolean {
  return kind === "hooks" || scenarios.some(({ verdict }) => !UNJUDGED.has(verdict));
}

const UNJUDGED = new Set<string>(["not comparable", "too few runs"]);

/** The same words once, of several scenarios: `warm-noop, wake: not in the base`. */
export function inWords(obstacles: ReadonlyMap<string, string>): string[] {
  const names = Map.groupBy(obstacles.keys(), (name) => obstacles.get(name)!);
  return [...names].map(([why, all]) => `${all.join(", ")}: ${why}`);
}

function differenceOf(what: string, left: unknown, right: unknown): string {
  return `${what}: ${left ?? "none"} in the base, ${right ?? "none"} now`;
}

/** `the base has 1 run, a spread needs 5: see --repeat` */
function tooFew(who: string, runs: number): string {
  return `${who} ${runs} ${runs === 1 ? "run" : "runs"}, a spread needs ${comparedRoundsDefault}: see --repeat`;
}
