/** What `levain dev` shows, as lines for a person or as one JSON object each for a program. */
import { type DevFailure, excerptText } from "../dev/dev-failure.ts";
import type { DevScreen } from "../dev/dev-options.ts";
import { WAIT_PATH } from "../dev/failure-page.ts";
import type { LogRecord } from "../telemetry/log-record.ts";
import { printable, printableLine } from "./printable.ts";
import { showBytes, showDuration, showLatency } from "./units.ts";
import type { Call } from "./verb.ts";
import { wrapWords } from "./wrap-words.ts";

/** What happens with every save; the line about the save says it. */
const QUIET_EVENTS: readonly unknown[] = ["start", "ready", "stop", "drain", "live", "error"];

/** Files of one save that are named. Count. */
const filesNamedMax = 3;

export function devScreen(call: Call): DevScreen {
  const { stdout } = call.io;
  if (call.isJson) {
    const say = (type: string, facts: object) =>
      stdout.write(`${JSON.stringify({ type, ...facts })}\n`);
    return {
      ready: (facts) => say("ready", facts),
      reloaded: (facts) => say("reloaded", { ...facts, ms: Math.round(facts.ms) }),
      failed: (failure) => say("failed", failure),
      note: (message) => say("note", { message }),
      output: (line) => say("output", { line }),
      record: (record) => say("record", { record }),
    };
  }
  const { paint } = call;
  const line = (text: string) => stdout.write(`${text}\n`);
  return {
    ready({ url }) {
      line(`${paint.green("✔")} ${paint.cyan(url)}`);
      line(
        paint.dim(
          "  each save is served at once; what the app had in memory is lost. Ctrl-C ends it",
        ),
      );
    },
    reloaded({ files, ms }) {
      const what = files.length === 0 ? "started" : `reloaded ${named(files)}`;
      line(`${paint.green("✔")} ${what} ${paint.dim(`(${showDuration(ms)})`)}`);
    },
    failed: (failure) => line(failureLines(failure, stdout.columns, call).join("\n")),
    note(message) {
      for (const [index, text] of wrapWords(printableLine(message), stdout.columns - 4).entries())
        line(`${index === 0 ? `${paint.yellow("!")} ` : "  "}${text}`);
    },
    output: (text) => line(`  ${paint.dim(printable(text, stdout.isTerminal))}`),
    record(record) {
      const text = recordLine(record, call);
      if (text !== null) line(text);
    },
  };
}

/** Null for what the line about a save says already. */
function recordLine(record: LogRecord, { paint, io }: Call): string | null {
  if (isBookkeeping(record)) return null;
  const message = printable(record.message, io.stdout.isTerminal);
  if (record.event === "request")
    return `${paint.dim(clock(record))} ${requestText(record, paint)}`;
  if (record.stream === "stderr") return `${paint.red("│")} ${message}`;
  if (record.stream === "stdout") return `${paint.dim("│")} ${message}`;
  if (QUIET_EVENTS.includes(record.event)) return null;
  const code = record.fields?.["code"];
  const why = typeof code === "string" ? `${code} ` : "";
  const cause = record.fields?.["cause"];
  const more =
    typeof cause === "string" && !message.includes(cause) ? `: ${printableLine(cause)}` : "";
  return `${paint.dim(clock(record))} ${paint.yellow(why)}${message.replace(/^v\d+: /, "")}${more}`;
}

/** What a page that waits for a save asks, and that a save ended what was open. */
function isBookkeeping({ event, fields = {} }: LogRecord): boolean {
  if (event === "request") return fields["target"] === WAIT_PATH;
  return event === "verdict" && fields["code"] === "VERSION_UNKNOWN";
}

/** `GET /cart 200 3.2 ms 1.2 KiB`, and why when the app has not answered it */
function requestText({ fields = {}, message }: LogRecord, paint: Call["paint"]): string {
  const { method, target, status, durationMs, sentBytes, code } = fields;
  if (typeof status !== "number" || typeof durationMs !== "number") return printableLine(message);
  const isGood = status < 400;
  const shown = isGood ? paint.green(`${status}`) : paint.red(`${status}`);
  const took = `${showLatency(durationMs)} ${showBytes(Number(sentBytes))}`;
  // It was open when newer code took over.
  const isEnded = code === "VERSION_UNKNOWN";
  const why = code === undefined ? "" : isEnded ? " ended by a save" : ` ${code}`;
  return `${printableLine(`${method} ${target}`)} ${shown} ${paint.dim(took)}${why}`;
}

/** Time of the day as it is here. */
function clock({ time }: LogRecord): string {
  return new Date(time).toTimeString().slice(0, 8);
}

function named(files: readonly string[]): string {
  const shown = files.slice(0, filesNamedMax).join(", ");
  const more = files.length - filesNamedMax;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function failureLines(failure: DevFailure, columns: number, { paint }: Call): string[] {
  const { code, message, fix, problems, excerpt } = failure;
  const [first = "", ...rest] = wrapWords(printableLine(message), columns - code.length - 4);
  const indented = (lines: readonly string[]) => lines.map((text) => `    ${printable(text)}`);
  return [
    `${paint.red("✘")} ${paint.bold(code)}  ${first}`,
    ...rest.map((text) => `    ${text}`),
    ...indented(problems),
    ...(excerpt === null ? [] : ["", ...indented(excerptText(excerpt)), ""]),
    ...wrapWords(`Fix: ${fix}`, columns - 4).map(
      (text, index) => (index === 0 ? "  " : "    ") + text,
    ),
  ];
}
