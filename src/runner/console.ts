/**
 * Puts the request's id in front of every line that `console` prints while a request is handled, so that the node can
 * file the line under its request: 0x1e, id, 0x1f. The node takes the prefix off again.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { formatWithOptions } from "node:util";
import { taggedLinesMax } from "./limits.ts";

/** The id of the request whose code is running. */
export const currentRequestId = new AsyncLocalStorage<string>();

const methods = ["log", "info", "warn", "error", "debug", "trace"] as const;

/** Wraps the console's printing methods. Call it once, before any code of the app's is loaded. */
export function tagConsole(): void {
  for (const method of methods) {
    const print = console[method].bind(console);
    console[method] = (...values: unknown[]) => {
      const requestId = currentRequestId.getStore();
      if (requestId === undefined || requestId === "") return print(...values);
      const text =
        method === "trace" ? new Error(formatWithOptions({}, ...values)).stack! : format(values);
      const target =
        method === "log" || method === "info" || method === "debug"
          ? process.stdout
          : process.stderr;
      target.write(tagLines(text, requestId));
    };
  }
}

function format(values: unknown[]): string {
  // Bun's own inspection prints errors with their source lines; util.format handles %s and friends.
  if (values.length === 1 && values[0] instanceof Error) return Bun.inspect(values[0]);
  return formatWithOptions({ colors: false }, ...values);
}

/** Every line of `text` with the id in front, each ended by a newline. */
export function tagLines(text: string, requestId: string): string {
  const prefix = `\x1e${requestId}\x1f`;
  if (!text.includes("\n")) return `${prefix}${text}\n`;
  const lines = text.split("\n");
  if (lines.length > taggedLinesMax) return `${prefix}${text}\n`;
  return `${lines.map((line) => prefix + line).join("\n")}\n`;
}
