/** `levain db stats`: what the relay sees of databases, as a table; of one branch, all of it. */

import { PlatformError } from "../base/errors.ts";
import type { DatabaseInfo } from "../control/api.ts";
import { dbApp, textFlag } from "./db-words.ts";
import { type Column, renderTable } from "./table.ts";
import { showAge, showBytes, showLatency } from "./units.ts";
import type { Call, Outcome } from "./verb.ts";

type Use = NonNullable<DatabaseInfo["use"]>;

export async function stats(call: Call): Promise<Outcome> {
  const branch = call.args[1];
  const app = branch === undefined ? textFlag(call, "app") : await dbApp(call);
  const data = await call.client.call("databases", { query: app === undefined ? {} : { app } });
  const rows = data.databases.filter((row) => branch === undefined || row.branch === branch);
  if (branch !== undefined && rows.length === 0) {
    throw new PlatformError("DATABASE_UNKNOWN", [`of app "${app}" on ${branch}`]);
  }
  const first = rows.find(({ use }) => use !== null);
  const { paint, io } = call;
  return {
    data: { databases: rows },
    next:
      first === undefined || branch !== undefined
        ? []
        : [call.command(`levain db stats ${first.branch} --app ${first.app}`)],
    text: () => {
      const [row] = rows;
      if (row === undefined) {
        return "No databases. `database: true` in levain.config.ts and a deploy make one.";
      }
      if (branch !== undefined) return oneOf(row);
      return renderTable(rows, columns, { columns: io.stdout.columns, paintTitle: paint.dim });
    },
  };
}

/** A number of what the relay sees; a dash while it sees nothing. */
const seen =
  (read: (use: Use) => string | number) =>
  ({ use }: DatabaseInfo): string =>
    use === null ? "-" : String(read(use));

const latency = (ms: number | null): string => (ms === null ? "-" : showLatency(ms));
const count = (value: number): string => value.toLocaleString("en-US");

const columns: Column<DatabaseInfo>[] = [
  { title: "APP", cell: ({ app }) => app, cutTo: 8 },
  { title: "BRANCH", cell: ({ branch }) => branch, cutTo: 8 },
  { title: "SESS", cell: seen(({ sessions }) => sessions), align: "right" },
  {
    title: "CONN",
    cell: (row) => seen(({ serverConnections }) => `${serverConnections}/${row.poolMax}`)(row),
    align: "right",
  },
  { title: "WAIT", cell: seen(({ waiting }) => waiting), align: "right" },
  { title: "LOCKS", cell: seen(({ lockWaits }) => lockWaits), align: "right" },
  { title: "OLDEST", cell: seen((use) => showAge(use.oldestTransactionMs)), align: "right" },
  { title: "QUERIES", cell: seen(({ queries }) => count(queries)), align: "right" },
  { title: "P99", cell: seen(({ p99Ms }) => latency(p99Ms)), align: "right" },
  { title: "SLOW", cell: seen(({ slowStatements }) => slowStatements), align: "right" },
];

/** One line for each thing, since the relay's start. */
function oneOf({ name, pooling, poolMax, isReadOnly, use }: DatabaseInfo): string {
  const title = `${name}: ${pooling} pooling${isReadOnly ? ", read only" : ""}`;
  if (use === null) return `${title}\nNobody has connected to it since the relay was started.`;
  const open =
    use.oldestTransactionMs === null ? "" : `, oldest ${showAge(use.oldestTransactionMs)}`;
  const lock =
    use.longestLockWaitMs === null ? "" : `, longest ${showLatency(use.longestLockWaitMs)}`;
  const lines: [string, string][] = [
    ["sessions", `${use.sessions}, ${use.pinned} pinned to their connection`],
    ["connections", `${use.serverConnections} of ${poolMax}, ${use.waiting} queries wait for one`],
    ["transactions", `${use.inTransaction} open${open}`],
    ["lock waits", `${use.lockWaits}${lock}`],
    ["queries", `${count(use.queries)}, p50 ${latency(use.p50Ms)}, p99 ${latency(use.p99Ms)}`],
    ["bytes", `${showBytes(use.receivedBytes)} in, ${showBytes(use.sentBytes)} out`],
    ["errors", `${count(use.errors)} of PostgreSQL, ${count(use.relayErrors)} of the relay`],
    [
      "connections lost",
      `${count(use.reconnects)} replaced, ${count(use.retries)} queries run again`,
    ],
    ["given back", `${count(use.releases)} connections of idle sessions`],
    ["waits in vain", count(use.lapsedWaits)],
    ["slow statements", count(use.slowStatements)],
    ["requests over their query budget", count(use.overBudget)],
    ["cancelled by the relay", count(use.timeouts)],
    ["transactions ended", count(use.endedTransactions)],
    ["refused", count(use.refusals)],
  ];
  const width = Math.max(...lines.map(([label]) => label.length));
  return [title, ...lines.map(([label, text]) => `  ${label.padEnd(width)}  ${text}`)].join("\n");
}
