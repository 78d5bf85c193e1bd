/** The text of `levain inspect`: groups of rows, a name and a value that goes on below itself when it is long. Pure. */
import { versionName } from "../base/version-spec.ts";
import type { Inspection } from "../control/api.ts";
import { databaseGroups } from "./branch-database-text.ts";
import { runLine } from "./migration-text.ts";
import type { Paint } from "./paint.ts";
import { printableLine } from "./printable.ts";
import { processGroup, yesOrNo } from "./process-text.ts";
import { provenanceGroups, sourceRows } from "./provenance-text.ts";
import { showAge, showBytes, showDuration } from "./units.ts";
import { wrapWords } from "./wrap-words.ts";

export interface TextOptions {
  /** Now. */
  wallMs: number;
  /** Characters per line. */
  columns: number;
  paint: Paint;
}

/** Rows under a title. */
export interface Group {
  title: string;
  rows: readonly (readonly [name: string, value: string])[];
  /** What is missing; a sentence each. */
  gaps?: readonly string[];
}

export function renderInspection(found: Inspection, options: TextOptions): string {
  const groups = [
    versionGroup(found, options.wallMs),
    ...databaseGroups(found, options.wallMs),
    ...migrationGroups(found, options.wallMs),
    ...provenanceGroups(found),
    ...(found.entry === null ? [filesGroup(found)] : processGroups(found)),
  ];
  return groups.map((group) => renderGroup(group, options)).join("\n\n");
}

function processGroups(found: Inspection): Group[] {
  return [
    runGroup(found),
    limitsGroup(found),
    reachGroup(found),
    ...found.processes.map(processGroup),
    ...(found.processes.length === 0 ? [noProcessGroup(found)] : []),
  ];
}

/** Of a version without a process, whose other settings mean nothing. */
function filesGroup({ healthPath }: Inspection): Group {
  return {
    title: "Static",
    rows: [
      ["process", "none: the node answers with the files of the artifact"],
      ["health path", healthPath],
    ],
  };
}

function versionGroup(found: Inspection, wallMs: number): Group {
  const { app, number, liveOn, stored, branch } = found;
  const live = liveOn.length === 0 ? "not live" : `live on ${liveOn.join(", ")}`;
  const unknown = "not known while the store cannot be reached";
  return {
    title: `${app} ${versionName(number)}, ${live}`,
    rows: [
      ["url", found.url],
      ["deployed", `${showAge(wallMs - found.createdAtMs)} ago, to ${branch}`],
      ...(stored === null
        ? [["commit", unknown] as const]
        : sourceRows(stored.provenance, stored.commit)),
      ...(stored?.message == null ? [] : [["message", printableLine(stored.message)] as const]),
      ["artifact", found.digest],
      ["size", stored === null ? unknown : showBytes(stored.bytes)],
      ["entry", [found.entry ?? "none", ...found.args].join(" ")],
      ...(found.assets === null ? [] : [["assets", found.assets] as const]),
    ],
  };
}

/** Of a version whose branch has a database that it migrates. */
function migrationGroups({ migrations, stored }: Inspection, wallMs: number): Group[] {
  if (migrations === null) return [];
  const { source, way, lockMs, timeoutMs, trial } = migrations;
  const runs = stored?.migrationRuns ?? [];
  return [
    {
      title: "Migrations",
      rows: [
        [way === "sql" ? "folder" : way, printableLine(source)],
        ["locks", `held or waited for at most ${showDuration(lockMs)}`],
        ["time", `at most ${showDuration(timeoutMs)}${trial ? ", first on a copy" : ""}`],
        ...runs.map(
          (run, index) => [index === 0 ? "runs" : "", printableLine(runLine(run, wallMs))] as const,
        ),
        ...(runs.length === 0 ? [["runs", "none: the database was up to date"] as const] : []),
      ],
    },
  ];
}

function runGroup(found: Inspection): Group {
  const { instances, idleFreezeMs, idlePageMs, idleStopMs, standby } = found;
  const { min, max } = instances;
  const idle = [
    idleFreezeMs === 0 ? "never frozen" : `frozen after ${showDuration(idleFreezeMs)}`,
    ...(idleFreezeMs === 0 || idlePageMs === 0
      ? []
      : [`paged after ${showDuration(idlePageMs)} where there is swap`]),
    standby === "keep-memory" || idleStopMs === 0
      ? "never stopped"
      : `stopped after ${showDuration(idleStopMs)}`,
  ];
  const { environment } = found;
  return {
    title: "Runs",
    rows: [
      ["instances", min === max ? String(max) : `${min} to ${max}`],
      ["when idle", `${idle.join(", ")} (${standby})`],
      ["runtime", found.runtime ?? "the node's own Bun"],
      ["modules", found.ephemeral ? "fresh for every request (ephemeral)" : "stay loaded"],
      ["health path", found.healthPath],
      ["environment", environment.length === 0 ? "none of its own" : environment.join(", ")],
    ],
  };
}

function limitsGroup({ limits }: Inspection): Group {
  return {
    title: "Limits",
    rows: Object.entries(limits).map(([name, value]) => [name, showLimit(name, value)]),
  };
}

/** By the unit in its name. */
function showLimit(name: string, value: number): string {
  if (name.endsWith("BytesMax")) return showBytes(value);
  if (name.endsWith("Ms")) return showDuration(value);
  if (value === 0 && ["cpuCoresMax", "requestsMax"].includes(name)) return "none";
  return value.toLocaleString("en");
}

function reachGroup({ permissions, sandbox, machine }: Inspection): Group {
  const { connect, listen, udp, write } = permissions;
  const { defaultLevel, strictProblem } = machine;
  const why = strictProblem === null ? "" : `: ${strictProblem}`;
  return {
    title: "May reach",
    rows: [
      ["sandbox", sandbox ?? `not said, which is ${defaultLevel} here${why}`],
      ["connect", connect.length === 0 ? "nothing" : connect.join(", ")],
      ["listen", yesOrNo(listen)],
      ["udp", yesOrNo(udp)],
      ["write", write.length === 0 ? "nothing but its own folders" : write.join(", ")],
    ],
  };
}

function noProcessGroup({ state, cause }: Inspection): Group {
  const why = cause === null ? "" : `: ${printableLine(cause)}`;
  return { title: "No process", rows: [["state", `${state}${why}`]] };
}

function renderGroup({ title, rows, gaps = [] }: Group, { columns, paint }: TextOptions): string {
  const indent = "  ";
  const nameWidth = Math.max(12, ...rows.map(([name]) => name.length));
  const valueWidth = columns - indent.length - nameWidth - 2;
  const lines = rows.flatMap(([name, value]) =>
    wrapWords(value, valueWidth).map((line, index) => {
      const label = (index === 0 ? name : "").padEnd(nameWidth);
      return `${indent}${paint.dim(label)}  ${line}`;
    }),
  );
  const missing = gaps.flatMap((gap) =>
    wrapWords(gap, columns - 4).map(
      (line, index) => `${indent}${index === 0 ? paint.yellow("!") : " "} ${line}`,
    ),
  );
  return [paint.bold(title), ...lines, ...missing].join("\n");
}
