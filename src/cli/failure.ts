/**
 * How a failure is shown, as text and as JSON, and which exit code it has: 2 when the command was not used as it is
 * meant, 1 for everything else.
 */
import { asPlatformError, type ErrorBody, PlatformError } from "../base/errors.ts";
import type { MigrationReport } from "../migrations/report.ts";
import { NodeError } from "./admin-client.ts";
import { failedLines } from "./migration-text.ts";
import type { Paint } from "./paint.ts";
import { printable, printableLine } from "./printable.ts";
import { hangingLines } from "./wrap-words.ts";

/** A command that cannot be carried out as it was typed. */
export function usageError(what: string): PlatformError {
  return new PlatformError("INPUT_INVALID", [what]);
}

export function errorBodyOf(thrown: unknown): ErrorBody {
  return thrown instanceof NodeError ? thrown.body : asPlatformError(thrown).toBody();
}

export function exitCodeOf(error: ErrorBody): 1 | 2 {
  return USAGE_CODES.has(error.code) ? 2 : 1;
}

/** Errors that mean: the words of the command were wrong. */
const USAGE_CODES = new Set<string>([
  "BROKER_CONFIG_INVALID",
  "INPUT_INVALID",
  "CONSENT_MISSING",
  "NAME_INVALID",
  "NODE_CONFIG_INVALID",
  "PERF_NOT_COMPARABLE",
  "QUALIFY_CASE_UNKNOWN",
  "RUNTIME_INVALID",
  "CONTEXT_UNKNOWN",
]);

/** What to run after a failure. `command` makes a command complete, see `Call`. */
export function nextAfter(
  error: ErrorBody,
  verb: string,
  app: string | undefined,
  command: (words: string) => string,
): string[] {
  switch (error.code) {
    case "INPUT_INVALID":
    case "CONSENT_MISSING":
      return [verb === "" ? "levain --help" : `levain ${verb} --help`];
    case "BROKER_CONFIG_INVALID":
      return ["levain broker --help"];
    case "NODE_NOT_RUNNING":
      return [command("levain up --detach")];
    case "ADMIN_TOKEN_MISSING":
    case "ADMIN_TOKEN_WRONG":
    case "ADMIN_TOKEN_EXPIRED":
    case "ADMIN_TOKEN_ROLE":
    case "ADMIN_TOKEN_APP":
      return ["levain token --help"];
    case "CONTEXT_UNKNOWN":
      return ["levain context list"];
    case "NODE_ALREADY_RUNNING":
      return [command("levain status"), command("levain down")];
    case "APP_UNKNOWN":
    case "BRANCH_UNKNOWN":
    case "BRANCH_NOT_LIVE":
      return [command("levain apps")];
    case "VERSION_UNKNOWN":
    case "ROLLBACK_NO_TARGET":
      return [command(app === undefined ? "levain apps" : `levain versions ${app}`)];
    case "NODE_NOT_ANSWERING":
    case "STORE_UNAVAILABLE":
    case "NODE_CONNECTION_LOST":
    case "NODE_SILENT":
      return [command("levain status"), `levain errors ${error.code}`];
    default:
      return [`levain errors ${error.code}`];
  }
}

/**
 * The failure as a person reads it, with a final newline.
 *
 * @param columns of the terminal that sentences are broken for; without, as in a pipe, each stays on its line
 */
export function renderFailure(error: ErrorBody, paint: Paint, columns?: number): string {
  const sentence = (text: string) => hangingLines(text, columns);
  const [first = "", ...more] = sentence(`✘ ${error.code}  ${printableLine(error.message)}`);
  const title = `${paint.red("✘")} ${paint.bold(error.code)}`;
  const lines = [title + first.slice(`✘ ${error.code}`.length), ...more];
  if (error.cause !== null && !error.message.includes(error.cause)) {
    lines.push(...sentence(`  Cause: ${printableLine(error.cause)}`));
  }
  for (const [name, value] of Object.entries(error.detail ?? {})) {
    if (
      value === null ||
      (Array.isArray(value) && value.every((part) => isIn(error.message, part)))
    )
      continue;
    const isMigrations = name === "migrations" && typeof value === "object" && value !== null;
    const shown = isMigrations ? failedLines(value as MigrationReport) : value;
    lines.push(...detailLines(name, shown));
  }
  lines.push(...sentence(`  Fix: ${error.fix}`), `  More: ${error.docs}`);
  return `${lines.join("\n")}\n`;
}

function detailLines(name: string, value: unknown): string[] {
  const title = `  ${name[0]?.toUpperCase()}${name.slice(1).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}:`;
  const text = printable(
    Array.isArray(value) ? value.map(asText).join("\n") : asText(value),
  ).trimEnd();
  if (text === "") return [];
  if (!Array.isArray(value) && !text.includes("\n")) return [`${title} ${text}`];
  return [title, ...text.split("\n").map((line) => `    ${line}`)];
}

/** Whether the message has what a part of a list says, such as a list of one. */
function isIn(message: string, part: unknown): boolean {
  const texts = typeof part === "object" && part !== null ? Object.values(part) : [part];
  return texts.every((text) => message.includes(asText(text)));
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
