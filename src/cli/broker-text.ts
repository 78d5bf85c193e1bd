/** What `levain broker status` shows a person. */
import type { BrokerStatus } from "../broker/status-api.ts";
import { missedLines } from "./broker-missed.ts";
import type { Paint } from "./paint.ts";
import { type Column, renderTable } from "./table.ts";
import { showAge, showBytes, showCount, showLatency } from "./units.ts";
import { wrapWords } from "./wrap-words.ts";

/** Keys that text shows; `--json` has more. Count. */
const keysInTextMax = 10;

/** Why a miss was one, as a person says it. */
const REASONS: Readonly<Record<keyof BrokerStatus["dispatches"]["misses"], string>> = {
  no_waiter: "no runner waited",
  unclaimed: "no runner claimed it in time",
  cordoned: "all on cordoned machines",
  draining: "the broker was ending",
  off: "switched off",
  bad_key: "the message names no deployment",
  overloaded: "too many at once",
};

/** @param wallMs now, for the age */
export function renderBrokerStatus(
  status: BrokerStatus,
  { url, wallMs, columns, paint }: { url: string; wallMs: number; columns: number; paint: Paint },
): string {
  const rows: [string, string][] = [
    [
      "broker",
      `${stateOf(status, paint)}, process ${status.pid}, for ${showAge(wallMs - status.startedAtMs)}`,
    ],
    ["at", paint.cyan(url)],
    ...outcomeRows(status, paint),
    ...offerRows(status, paint),
    ...waiterRows(status, paint),
    ...memberRows(status, paint),
    [
      "memory",
      `${showBytes(status.memory.residentBytes)}; ${showBytes(status.memory.retainedBytes)} of delivered messages, ` +
        `${showCount(status.memory.verdicts, "answer")} remembered`,
    ],
    ...troubleRows(status, paint),
    ["version", `Levain ${status.version}, Bun ${status.bun}`],
  ];
  const head = rows.flatMap(([name, value]) => {
    const room = columns - 10;
    const lines = Bun.stringWidth(value) <= room ? [value] : wrapWords(value, room);
    return lines.map((line, index) =>
      `${paint.dim((index === 0 ? name : "").padEnd(9))} ${line}`.trimEnd(),
    );
  });
  const table = keyTable(status, columns, paint);
  return [...head, ...(table === "" ? [] : ["", table])].join("\n");
}

function stateOf({ isOn, isDraining }: BrokerStatus, paint: Paint): string {
  if (isDraining) return paint.yellow("ending");
  return isOn ? paint.green("on") : paint.yellow("off");
}

function outcomeRows(status: BrokerStatus, paint: Paint): [string, string][] {
  const { dispatches, recent } = status;
  const hits = dispatches.direct + dispatches.claimed;
  const missed = Object.entries(dispatches.misses).filter(([, count]) => count > 0);
  const misses = missed.reduce((sum, [, count]) => sum + count, 0);
  const rows: [string, string][] = [
    [
      "hit rate",
      `${rateOf(hits, misses, paint)}: ${number(hits)} of ${number(hits + misses)} dispatches since the start`,
    ],
  ];
  const minutes = Math.max(1, Math.round(recent.minutes));
  rows.push([
    "",
    `${rateOf(recent.hits, recent.misses, paint)}: ${number(recent.hits)} of ` +
      `${number(recent.hits + recent.misses)} in the last ${showCount(minutes, "minute")}`,
  ]);
  const width = Math.max(0, ...missed.map(([, count]) => number(count).length));
  for (const [index, [reason, count]] of missed.sort(([, a], [, b]) => b - a).entries()) {
    const words = REASONS[reason as keyof typeof REASONS] ?? reason;
    rows.push([
      index === 0 ? "misses" : "",
      `${number(count).padStart(width)}  ${reason}: ${words}`,
    ]);
    if (reason !== "no_waiter") continue;
    for (const line of missedLines(status)) rows.push(["", `${" ".repeat(width)}  ${line}`]);
  }
  const { repeated, pending, cancelled } = dispatches;
  const others = [
    ...(repeated > 0 ? [`${number(repeated)} repeated`] : []),
    ...(cancelled > 0 ? [`${number(cancelled)} cancelled`] : []),
    ...(pending > 0 ? [`${number(pending)} pending`] : []),
  ];
  if (others.length > 0) rows.push(["beside", others.join(", ")]);
  return rows;
}

function offerRows({ offers, deliveries }: BrokerStatus, paint: Paint): [string, string][] {
  if (offers.made === 0 && deliveries.nacks === 0) return [];
  const { p50Ms, p99Ms } = offers.claim;
  const late = offers.lateClaims > 0 ? `, ${number(offers.lateClaims)} claimed late` : "";
  const rows: [string, string][] = [
    ["offers", `${number(offers.made)}, ${number(offers.lapsed)} lapsed${late}`],
  ];
  if (p50Ms !== null && p99Ms !== null) {
    rows.push(["", `claimed in ${showLatency(p50Ms)}, 99 % within ${showLatency(p99Ms)}`]);
  }
  const { nacks, redeliveries, lost } = deliveries;
  if (nacks > 0) {
    const gone = lost > 0 ? `, ${paint.red(`${number(lost)} lost`)}` : "";
    rows.push([
      "delivery",
      `${number(nacks)} did not arrive, ${number(redeliveries)} sent again${gone}`,
    ]);
  }
  return rows;
}

function waiterRows({ waiters, polls, cordon }: BrokerStatus, paint: Paint): [string, string][] {
  const parts = [
    ...(waiters.doubtful > 0 ? [`${number(waiters.doubtful)} doubtful`] : []),
    ...(waiters.cordoned > 0 ? [`${number(waiters.cordoned)} cordoned`] : []),
  ];
  const shown = `${number(waiters.parked)} of ${number(waiters.max)}`;
  const full = waiters.parked >= waiters.max ? paint.red(shown) : shown;
  const rows: [string, string][] = [
    [
      "waiting",
      `${full} runners for ${showCount(waiters.keys, "key")}${parts.length > 0 ? `; ${parts.join(", ")}` : ""}`,
    ],
  ];
  const home = Object.entries({ ...polls.dismissed, token: polls.refused }).filter(
    ([, n]) => n > 0,
  );
  if (home.length > 0) {
    rows.push(["sent home", home.map(([reason, n]) => `${number(n)} ${reason}`).join(", ")]);
  }
  const tokens = Object.entries(polls.tokens).filter(([, n]) => n > 0);
  if (tokens.some(([name]) => name !== "bare")) {
    rows.push(["tokens", tokens.map(([name, n]) => `${number(n)} ${name}`).join(", ")]);
  }
  if (cordon.machines > 0 || cordon.failures > 0) {
    const failed =
      cordon.failures > 0 ? `, ${paint.yellow(showCount(cordon.failures, "failed look"))}` : "";
    rows.push(["cordoned", `${showCount(cordon.machines, "machine")}${failed}`]);
  }
  return rows;
}

function memberRows({ members, polls }: BrokerStatus, paint: Paint): [string, string][] {
  if (members.list.length < 2) return [];
  const rows = members.list.map(({ url, isSelf, isHealthy }, index): [string, string] => [
    index === 0 ? "brokers" : "",
    `${url}  ${isSelf ? "this one" : isHealthy ? paint.green("answers") : paint.red("does not answer")}`,
  ]);
  rows.push([
    "",
    `${number(members.redirected)} redirected, ${number(polls.moved)} moved, ${number(members.landed)} came from others`,
  ]);
  return rows;
}

/** What somebody should look at. */
function troubleRows(
  { server, logLinesDropped, polls }: BrokerStatus,
  paint: Paint,
): [string, string][] {
  const lines = [
    ...(server.turnedAway > 0
      ? [`${number(server.turnedAway)} connections turned away: too many`]
      : []),
    ...(polls.closed.full > 0
      ? [`${number(polls.closed.full)} polls closed: waitersMax is reached`]
      : []),
    ...(server.malformed > 0 ? [`${number(server.malformed)} requests could not be read`] : []),
    ...(server.unauthorized > 0
      ? [`${number(server.unauthorized)} requests without the dispatch token`]
      : []),
    ...(logLinesDropped > 0
      ? [`${number(logLinesDropped)} log lines dropped: nobody reads them`]
      : []),
  ];
  return lines.map((line, index) => [index === 0 ? "look at" : "", paint.yellow(line)]);
}

type KeyRow = BrokerStatus["waiters"]["top"][number];

function keyTable({ waiters }: BrokerStatus, columns: number, paint: Paint): string {
  if (waiters.top.length === 0) return "";
  const rows = waiters.top.slice(0, keysInTextMax);
  const tableColumns: Column<KeyRow>[] = [
    { title: "DEPLOYMENT", cell: ({ deployment }) => deployment, cutTo: 20 },
    { title: "VERSION", cell: ({ version }) => version, cutTo: 12 },
    { title: "CPU", cell: ({ cpu }) => cpu, align: "right" },
    { title: "GB", cell: ({ memory }) => memory, align: "right" },
    { title: "WAITING", cell: ({ waiters: count }) => number(count), align: "right" },
  ];
  const table = renderTable(rows, tableColumns, { columns, paintTitle: paint.dim });
  const left = waiters.keys - rows.length;
  return left > 0 ? `${table}\n${paint.dim(`and ${showCount(left, "key")} more`)}` : table;
}

function rateOf(hits: number, misses: number, paint: Paint): string {
  if (hits + misses === 0) return "-";
  const percent = (100 * hits) / (hits + misses);
  const text = `${percent === 100 || percent === 0 ? percent : percent.toFixed(1)} %`;
  return percent === 0 ? paint.red(text) : text;
}

function number(count: number): string {
  return count.toLocaleString("en-US");
}
