/** `levain db migrations`: what was run on databases of an app's branches, on copies of them first, and what came of it. */
import type { MigrationRun } from "../control/api.ts";
import { dbApp } from "./db-words.ts";
import { halfApplied } from "./migration-text.ts";
import { type Column, renderTable } from "./table.ts";
import { showAge, showDuration } from "./units.ts";
import type { Call, Outcome } from "./verb.ts";
import { hangingLines } from "./wrap-words.ts";

export async function migrations(call: Call): Promise<Outcome> {
  const app = await dbApp(call);
  const [, branch] = call.args;
  const data = await call.client.call("migrations", {
    app,
    query: branch === undefined ? {} : { branch },
  });
  const { paint, io } = call;
  const { columns } = io.stdout;
  return {
    data,
    next: [call.command(`levain inspect ${app}`)],
    text: () => {
      if (data.runs.length === 0) {
        return "No migrations were run. `migrate` in levain.config.ts says what they are.";
      }
      const table = renderTable(data.runs, columnsAt(Date.now()), {
        columns,
        paintTitle: paint.dim,
      });
      const notes = unfinished(data.runs).flatMap((run) =>
        hangingLines(`! ${noteOf(run)}`, columns),
      );
      return [table, ...notes.map((note) => paint.yellow(note))].join("\n");
    },
  };
}

const columnsAt = (nowMs: number): Column<MigrationRun>[] => [
  { title: "WHEN", cell: ({ startedAtMs }) => `${showAge(nowMs - startedAtMs)} ago` },
  { title: "BRANCH", cell: ({ branch }) => branch, cutTo: 8 },
  { title: "ON", cell: ({ stage }) => (stage === "trial" ? "a copy" : "itself") },
  { title: "FOR", cell: ({ version }) => (version === null ? "-" : `v${version}`) },
  { title: "STATE", cell: ({ state }) => state },
  { title: "TOOK", cell: ({ report }) => tookOf(report?.ms), align: "right" },
  { title: "LOCKED", cell: ({ report }) => tookOf(report?.held?.ms), align: "right" },
  { title: "WHAT", cell: ({ pending }) => pending.join(", "), cutTo: 12 },
];

function tookOf(ms: number | undefined): string {
  return ms === undefined ? "-" : showDuration(ms);
}

/** The newest run on each branch's database, when it did not end well. */
function unfinished(runs: readonly MigrationRun[]): MigrationRun[] {
  const newest = new Map<string, MigrationRun>();
  for (const run of runs) {
    if (run.stage === "target" && !newest.has(run.branch)) newest.set(run.branch, run);
  }
  return [...newest.values()].filter(({ state }) => state === "failed" || state === "interrupted");
}

function noteOf(run: MigrationRun): string {
  const { branch, state, pending, way, report } = run;
  const what = pending.join(", ");
  if (state === "failed") {
    return `${what} failed on the database of ${branch}: ${report?.error?.message ?? "no more is known"}${halfApplied(run)}`;
  }
  const left =
    way === "sql"
      ? "what it did in a transaction is rolled back"
      : "what it had done by then may be there";
  return `${what} was interrupted on the database of ${branch}, since its node ended: ${left}; the next deploy runs it again`;
}
