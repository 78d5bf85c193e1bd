/**
 * `levain logs`: what an app printed and what Levain has to say about it, oldest first. With `--json` each record is
 * one JSON object on a line of its own.
 */
import { versionName } from "../base/version-spec.ts";
import type { LogRecord } from "../telemetry/log-record.ts";
import type { Query } from "./admin-client.ts";
import { appArgument } from "./app-argument.ts";
import { usageError } from "./failure.ts";
import { logTailDefault } from "./limits.ts";
import type { Paint } from "./paint.ts";
import { printable } from "./printable.ts";
import { parseSince } from "./since.ts";
import { showBytes, showLatency } from "./units.ts";
import type { Call, Verb } from "./verb.ts";
import { parseVersionNumber } from "./version-number.ts";

export const logs: Verb = {
  name: "logs",
  group: "Observe",
  asksNode: true,
  summary: "Show what an app printed, and what happened to it",
  description:
    "Without --since and --tail, the newest 1,000 records. With --json, one record a line. Lines of " +
    "Levain's own (start, freeze, wake, exit, deploy, failed requests) are marked. Those of a build that " +
    "failed before it was a version have - in its place, and its id as `build`. With --requests, the " +
    "requests that were answered, in a log of their own: method, path, status, time, bytes sent and " +
    "id. Of a busy app it has a sample, and says how many are left out.",
  arguments: [["[app]", "name of the app; default: the app of this folder"]],
  flags: [
    ["--version <version>", "only this version, as v7 or 7"],
    ["--since <time>", "only from here on: 30s, 5m, 2h, 3d, or a time in ISO 8601"],
    ["--grep <text>", "only records whose message contains the text"],
    ["--tail <count>", "only the newest of them"],
    ["--requests", "the requests that were answered, in place of what the app printed"],
    ["-f, --follow", "go on until Ctrl-C"],
  ],
  exits: [[0, "done; also when Ctrl-C ended --follow"]],
  examples: [
    ["levain logs shop --since 5m", "the last five minutes"],
    ["levain logs shop --follow", "watch it"],
    ["levain logs shop --grep error --tail 20", "the last 20 records that contain a text"],
    ["levain logs shop --requests --follow", "watch what is asked of it"],
    ["levain logs shop --json | jq .message", "for a program: one JSON object a line"],
  ],
  async run(call) {
    const query = logsQueryOf(call, Date.now());
    const app = await appArgument(call);
    const { stdout } = call.io;
    const isFollowing = call.flags.follow === true;
    const interrupt = isFollowing ? call.io.interrupt() : undefined;
    const signals = interrupt === undefined ? [stdout.closed] : [stdout.closed, interrupt];
    try {
      const lines = call.client.stream("logs", { app, query, signal: AbortSignal.any(signals) });
      for await (const record of lines) {
        const line = call.isJson
          ? JSON.stringify(record)
          : renderRecord(record as LogRecord, call.paint, stdout.isTerminal);
        stdout.write(`${line}\n`);
        await stdout.drained();
      }
    } catch (error) {
      // Ctrl-C is how following ends, and a reader that has seen enough is no failure.
      if (!signals.some((signal) => signal.aborted)) throw error;
    }
    return { data: null, isPrinted: true };
  },
};

function logsQueryOf(call: Call, wallMs: number): Query<"logs"> {
  const { version, since, grep, tail, follow, requests } = call.flags;
  if (typeof tail === "string" && !/^[1-9]\d{0,5}$/.test(tail)) {
    throw usageError(`--tail "${tail}" is no count: give a number from 1 to 100000`);
  }
  return {
    version: typeof version === "string" ? parseVersionNumber(version, "--version") : undefined,
    sinceMs: typeof since === "string" ? parseSince(since, wallMs) : undefined,
    grep: typeof grep === "string" ? grep : undefined,
    tail:
      typeof tail === "string" ? Number(tail) : since === undefined ? logTailDefault : undefined,
    requests: requests === true,
    follow: follow === true,
  };
}

/** One record on one line; a message of several lines keeps them. */
function renderRecord(record: LogRecord, paint: Paint, keepsColor: boolean): string {
  const version = record.version === null ? "-" : versionName(record.version);
  const message = printable(record.message, keepsColor);
  const time = paint.dim(record.time);
  if (record.event === "request") return `${time} ${version} ${renderRequest(record, paint)}`;
  if (record.stream !== "platform") {
    const stream = record.stream === "stderr" ? paint.red("stderr") : "stdout";
    return `${time} ${version} ${stream}  ${message}`;
  }
  const fields = Object.entries(record.fields ?? {})
    .map(([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("");
  const event = record.event === null ? "" : `${record.event}: `;
  const text = `${event}${message}${paint.dim(printable(fields))}`;
  return `${time} ${version} ${paint.cyan("levain")}  ${text}`;
}

/** `GET /cart 200 3.2 ms 1.2 KiB 9f1c2ab4d07e4c55`, then the code and the hook of an answer that is not the app's, and what had to be woken */
function renderRequest({ fields = {}, requestId, message }: LogRecord, paint: Paint): string {
  const { method, target, status, durationMs, sentBytes, code, hook, wake, wakeMs } = fields;
  // Somebody may have edited the file.
  if (typeof status !== "number" || typeof durationMs !== "number")
    return printable(message, false);
  const shown = status >= 500 ? paint.red(`${status}`) : paint.green(`${status}`);
  const bytes = showBytes(Number(sentBytes));
  const why = code === undefined ? "" : ` ${code}`;
  const who = hook === undefined ? "" : ` by ${hook}`;
  const woke = wake === undefined ? "" : ` wake=${wake};${wakeMs}ms`;
  const what = printable(`${method} ${target}`, false);
  const rest = printable(` ${bytes} ${requestId}${why}${who}${woke}`, false);
  return `${what} ${shown} ${showLatency(durationMs)}${paint.dim(rest)}`;
}
