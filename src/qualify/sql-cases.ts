/** What a pool of `Bun.sql` makes of connections that it lost while the app stood still: alone, and behind the relay. */
import { join } from "node:path";
import { sqlDeadlineMs, sqlRecoveryMsMax } from "./limits.ts";
import type { CaseFinding, CaseRun, QualifyCase } from "./qualify-case.ts";
import { failed } from "./qualify-case.ts";
import { ClientProcess } from "./sql-recovery/client-process.ts";
import { PAUSES, type PauseName } from "./sql-recovery/pauses.ts";
import { type Recovery, recover } from "./sql-recovery/recovery.ts";
import { judge } from "./sql-recovery/verdict.ts";
import type { SqlServer } from "./sql-server.ts";

const client = join(import.meta.dir, "sql-recovery/bun-sql-client.ts");

interface SqlRow {
  pause: PauseName;
  catches: string;
  /** Without the relay no runtime gets through this one. */
  isHopeless?: boolean;
}

const ROWS: readonly SqlRow[] = [
  { pause: "terminated", catches: "a pool that its server ended while the app stood still" },
  { pause: "reset", catches: "a pool whose connections were reset while the app stood still" },
  {
    pause: "swallowed",
    catches: "a pool whose connections are gone without a word",
    isHopeless: true,
  },
];

/** @param server asked for when the first of them runs */
export function sqlCases(server: () => Promise<SqlServer>): QualifyCase[] {
  return [false, true].flatMap((isThroughRelay) =>
    ROWS.map(({ pause, catches, isHopeless = false }): QualifyCase => {
      return {
        name: `sql-${pause}${isThroughRelay ? "-relay" : ""}`,
        group: "sql",
        catches: `${catches}${isThroughRelay ? ", through the relay" : ""}`,
        isRequired: isThroughRelay || !isHopeless,
        run: async (run) => runPause(await server(), pause, isThroughRelay, run),
      };
    }),
  );
}

async function runPause(
  server: SqlServer,
  name: PauseName,
  isThroughRelay: boolean,
  { runtime, signal }: CaseRun,
): Promise<CaseFinding> {
  signal.throwIfAborted();
  const pause = PAUSES.find((one) => one.name === name)!;
  await using way = await server.open(isThroughRelay);
  const scene = { server, path: way.path, role: server.role };
  const start = async () => [
    await ClientProcess.start({
      bun: runtime.program,
      module: client,
      databaseUrl: way.databaseUrl,
    }),
  ];
  const recovered = recover({ pause, scene, start, deadlineMs: sqlDeadlineMs });
  const [recovery] = await recovered.catch((error: unknown) => [String(error)]);
  if (recovery === undefined || typeof recovery === "string")
    return failed(recovery ?? "the client said nothing");
  return isThroughRelay ? whole(recovery) : back(recovery);
}

/** The first query of every connection has to succeed. */
function whole(recovery: Recovery): CaseFinding {
  const { isRecovered, text, errors, worstMs } = judge(recovery, sqlRecoveryMsMax);
  if (!isRecovered) return failed(text, { lastLines: errors });
  return pass([{ name: "first query", value: worstMs ?? 0, unit: "ms" }]);
}

/** The first ones may fail: nobody but the pool could have known. After that it has to work. */
function back(recovery: Recovery): CaseFinding {
  const { text, errors } = judge(recovery, sqlDeadlineMs);
  const lost = recovery.first?.filter(({ kind }) => kind !== "ok").length ?? 0;
  const isBack = recovery.second?.every(({ kind }) => kind === "ok") ?? false;
  if (!isBack) return failed(text, { lastLines: errors });
  return pass([{ name: "queries lost", value: lost, unit: "count" }]);
}

function pass(measures: CaseFinding["measures"]): CaseFinding {
  return { status: "pass", reason: null, measures, lastLines: [] };
}
