/**
 * Puts the request's id in front of every line that `console` prints while a request is handled, so that the node can
 * file the line under its request: 0x1e, id, 0x1f. The node takes the prefix off again.
 *
 * Bun's console formats and writes natively and can do neither part alone, so what is printed during a request is
 * formatted by `formatLog` and given to it as one text. Outside of requests it is left alone.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { depthMax, formatLog, formatTrace } from "./format-log.ts";
import { taggedLinesMax } from "./limits.ts";

/** The id of the request whose code is running. */
export const currentRequestId = new AsyncLocalStorage<string>();

const groupIndent = "  ";

/** Wraps the console's printing methods. Call it once, before any code of the app's is loaded. */
export function tagConsole(): void {
  // One by one: to look at all of its properties loads Node's streams, which takes 9 ms of a start.
  const { log, info, debug, warn, error } = console;
  const counts = new Map<string, number>();
  const times = new Map<string, number>();
  let indent = "";

  /** Prints a text; the native method writes it as it is. */
  const print = (write: (text: string) => void, text: string): void => {
    const own = withoutOwnFrames(text);
    const indented = indent === "" ? own : indent + own.replaceAll("\n", `\n${indent}`);
    const requestId = currentRequestId.getStore();
    write(requestId ? tagLines(indented, requestId) : indented);
  };
  const printing =
    (write: (...values: unknown[]) => void) =>
    (...values: unknown[]) => {
      if (indent === "" && !currentRequestId.getStore()) return write(...values);
      print(write, formatLog(values));
    };

  const replaced: Partial<Console> = {
    log: printing(log),
    info: printing(info),
    debug: printing(debug),
    warn: printing(warn),
    error: printing(error),
    dirxml: printing(log),
    dir: (value, options) => print(log, Bun.inspect(value, { depth: depthMax, ...options })),
    table: (data, columns) => {
      if (typeof data !== "object" || data === null) return console.log(data);
      print(log, Bun.inspect.table(data, columns as string[]).trimEnd());
    },
    trace: (...values) => print(log, formatTrace(values, console.trace)),
    assert: (claim, ...values) => {
      if (!claim) print(error, values.length === 0 ? "Assertion failed" : formatLog(values));
    },
    count: (label = "default") => {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      print(log, `${label}: ${counts.get(label)}`);
    },
    countReset: (label = "default") => void counts.delete(label),
    time: (label = "default") => {
      if (!times.has(label)) times.set(label, performance.now());
    },
    timeLog: (label = "default", ...values) => {
      const startedAt = times.get(label);
      if (startedAt === undefined) return;
      const ms = (performance.now() - startedAt).toFixed(2);
      print(log, formatLog([`[${ms}ms] ${label}`, ...values]));
    },
    timeEnd: (label = "default") => {
      console.timeLog(label);
      times.delete(label);
    },
    group: (...values) => {
      if (values.length > 0) print(log, formatLog(values));
      indent += groupIndent;
    },
    groupCollapsed: (...values) => console.group(...values),
    groupEnd: () => {
      indent = indent.slice(groupIndent.length);
    },
  };
  Object.assign(console, replaced);
}

/** The module this process began with, before any app was its main: `<src>/runner/main.ts`, or the bundle of it. */
const runnerPath = Bun.main;
const ownFolder = runnerPath.replace(/\/[^/]+\/[^/]+$/, "");

/** Takes what called the handler out of a stack: it is the same for every error, and none of the app's. */
function withoutOwnFrames(text: string): string {
  if (!ownFrame.test(text)) return text;
  let isOwn = false;
  const lines = text.split("\n").filter((line) => {
    if (!line.startsWith("      at ")) isOwn = false;
    else if (!line.includes("node:async_hooks")) isOwn = ownFrame.test(line);
    return !isOwn;
  });
  return lines.join("\n");
}

const ownFrame = new RegExp(
  `[( ](${RegExp.escape(runnerPath)}|${RegExp.escape(ownFolder)}/(runner|wire)/[a-z-]+\\.ts):`,
);

/** Every line of `text` with the id in front. */
export function tagLines(text: string, requestId: string): string {
  const prefix = `\x1e${requestId}\x1f`;
  if (!text.includes("\n")) return prefix + text;
  const lines = text.split("\n");
  return lines.length > taggedLinesMax ? prefix + text : prefix + lines.join(`\n${prefix}`);
}
