/** Lines about a run of migrations, for a person. Pure. */
import type { LockFound } from "../migrations/lock-tally.ts";
import type { MigrationReport, StageReport } from "../migrations/report.ts";
import { showDuration } from "./units.ts";

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

/** Below this, nobody notices that rows were locked. Milliseconds. */
const longTransactionMs = 1_000;

function lockWords({ mode, relation, blocks, ms }: LockFound): string {
  return `${mode} on ${relation} for ${showDuration(ms)}, which blocks ${blocks}`;
}
