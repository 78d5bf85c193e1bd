/** Lines about migrations of a branch's database, for a person. Pure. */
import type { MigrationRun } from "../control/api.ts";
import type { LockFound } from "../migrations/lock-tally.ts";
import type { MigrationReport, StageReport } from "../migrations/report.ts";
import { showAge, showDuration } from "./units.ts";

/** What one run did and what was seen of it; below the step that it was. */
export function stageLines(report: StageReport): string[] {
  const { applied, state, copyMs, pauseMs, held, waited, transactionMs, ms } = report;
  const lines = applied.map(({ name, ms }) => `${name}  ${showDuration(ms)}`);
  if (copyMs !== null) {
    const pause = pauseMs === null ? "" : `, during which apps waited ${showDuration(pauseMs)}`;
    lines.unshift(`copied in ${showDuration(copyMs)}${pause}`);
  }
  if (held !== null) lines.push(`held ${lockWords(held)}`);
  if (waited !== null) lines.push(`waited for ${lockWords(waited)}`);
  if (held === null && waited === null && state === "succeeded") {
    lines.push("no lock that holds up others");
  }
  // Shorter ones hold nobody up either.
  if (transactionMs > longTransactionMs && transactionMs <= ms * 2) {
    lines.push(`longest transaction ${showDuration(transactionMs)}; rows it changed were locked`);
  }
  return lines;
}

/** What a promote did to the branch's database. */
export function migrationLines(report: MigrationReport | null): string[] {
  if (report === null || report.target === null) return [];
  const { trial, target } = report;
  return [
    ...(trial === null ? [] : [`tried on a copy in ${showDuration(trial.ms)}`]),
    `migrated in ${showDuration(target.ms)}`,
    ...stageLines(target).map((line) => `  ${line}`),
  ];
}

/** What there is to see of a migration that failed. */
export function failedLines({ way, trial, target }: MigrationReport): string[] {
  const failed = target ?? trial;
  if (failed === null) return [];
  const { stage, held, waited, output } = failed;
  const statement = (waited ?? held)?.statement ?? "";
  return [
    ...stageLines(failed),
    ...(statement === "" ? [] : [`its statement: ${statement.replace(/\s+/g, " ")}`]),
    ...output,
    ...(stage === "trial" ? [] : [halfApplied({ stage, way, report: failed }).replace(/^; /, "")]),
  ].filter((line) => line !== "");
}

/** Below this, nobody notices that rows were locked. Milliseconds. */
const longTransactionMs = 1_000;

function lockWords({ mode, relation, blocks, ms }: LockFound): string {
  // Seen once: it may have been held since the look before.
  const time = ms === 0 ? "less than 40 ms" : showDuration(ms);
  return `${mode} on ${relation} for ${time}, which blocks ${blocks}`;
}

/** One run in a line: `on main, 2 hours ago: applied 0001_orders in 12 ms`. */
export function runLine(run: MigrationRun, wallMs: number): string {
  const { branch, stage, state, pending, report, startedAtMs } = run;
  const where = stage === "trial" ? `on a copy of ${branch}` : `on ${branch}`;
  const names = pending.join(", ");
  const age = `${showAge(wallMs - startedAtMs)} ago`;
  switch (state) {
    case "running":
      return `${where}, ${age}: ${names} is running`;
    case "interrupted":
      return `${where}, ${age}: ${names} was interrupted, the node ended; SQL files are rolled back, of others a part may be done`;
    case "failed":
      return `${where}, ${age}: ${names} failed${report?.error == null ? "" : ` (${report.error.code})`}${halfApplied(run)}`;
    case "succeeded":
      return `${where}, ${age}: ${names} in ${showDuration(report?.ms ?? 0)}${report?.held == null ? "" : `, held ${lockWords(report.held)}`}`;
  }
}

/** What a failure leaves on the database itself. */
export function halfApplied({
  stage,
  way,
  report,
}: Pick<MigrationRun, "stage" | "way" | "report">): string {
  if (stage === "trial") return "; the database is unharmed";
  const applied = (report?.applied ?? []).map(({ name }) => name);
  if (way !== "sql") return "; what it had done by then may be there";
  return applied.length === 0 ? "" : `; applied before it: ${applied.join(", ")}`;
}
