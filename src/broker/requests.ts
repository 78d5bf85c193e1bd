/** Which request means what, on which port. Pure. */
import { PlatformError } from "../base/errors.ts";
import type { Answers } from "./answers.ts";

export type RequestKind = "poll" | "connect" | "health" | "dispatch" | "operation";

/** What can be asked on a port: by path, then by method. */
export type Side = ReadonlyMap<string, ReadonlyMap<string, RequestKind>>;

const HEALTH = ["/healthz", { GET: "health", HEAD: "health" }] as const;
const RUNNERS = [
  HEALTH,
  ["/warm-start", { GET: "poll" }],
  ["/connect", { GET: "connect" }],
] as const;
const DISPATCH = [
  HEALTH,
  ["/warm-start", { POST: "dispatch" }],
  ["/metrics", { GET: "operation" }],
  ["/status", { GET: "operation" }],
  ["/control", { POST: "operation" }],
] as const;

export const runnersSide = sideOf(RUNNERS);
export const dispatchSide = sideOf(DISPATCH);
/** Both on one port. */
export const sharedSide = sideOf([...RUNNERS, ...DISPATCH]);

function sideOf(
  rows: readonly (readonly [string, Readonly<Record<string, RequestKind>>])[],
): Map<string, Map<string, RequestKind>> {
  const side = new Map<string, Map<string, RequestKind>>();
  for (const [path, kinds] of rows) {
    const methods = side.get(path) ?? new Map<string, RequestKind>();
    for (const [method, kind] of Object.entries(kinds)) methods.set(method, kind);
    side.set(path, methods);
  }
  return side;
}

/** @param target origin form; a query may follow the path */
export function kindOf(side: Side, method: string, target: string): RequestKind | PlatformError {
  const path = pathOf(target);
  const kinds = side.get(path);
  if (kinds === undefined) {
    return new PlatformError("BROKER_ENDPOINT_UNKNOWN", [path.slice(0, 100)]);
  }
  return (
    kinds.get(method) ?? new PlatformError("BROKER_METHOD_UNKNOWN", [method.slice(0, 20), path])
  );
}

export function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query === -1 ? target : target.slice(0, query);
}

/** What stands behind the `?`; empty when there is none. */
export function queryOf(target: string): string {
  const query = target.indexOf("?");
  return query === -1 ? "" : target.slice(query + 1);
}

/** The methods that a path has, for the `allow` line. */
export function allowLine(side: Side, target: string): string {
  return `allow: ${[...(side.get(pathOf(target))?.keys() ?? [])].join(", ")}\r\n`;
}

/** An answer that says what was wrong, to a person as to a program. */
export function errorAnswer(
  answers: Answers,
  error: PlatformError,
  isLast: boolean,
  lines = "",
): Buffer {
  const body = `${JSON.stringify({ error: error.toBody() })}\n`;
  const more = error.status === 401 ? `www-authenticate: Bearer\r\n${lines}` : lines;
  return answers.text(error.status, "application/json", body, isLast, more);
}
