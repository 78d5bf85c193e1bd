/**
 * Why clients would not take a message: what `message-fields.ts` says, of an object, with the name of what is wrong. For the
 * few that `message-scanner.ts` leaves.
 */
import { nestingMax } from "./limits.ts";
import { type Fields, levelsMax, message as MESSAGE, type Spec } from "./message-fields.ts";

/** Clients take whatever their `Date` does, and runtimes differ in that; this is what platforms send. */
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** The parts of a message that a key is made of, once its shape is known to be right. */
export interface ShapedMessage {
  snapshot: { friendlyId: string };
  run: { friendlyId: string; machine: { cpu: number; memory: number } };
  backgroundWorker: { version: string };
  deployment: { friendlyId?: string };
}

/** Null when clients take it. */
export function shapeProblem(message: unknown): string | null {
  return problemOf(message, MESSAGE, "");
}

function problemOf(value: unknown, spec: Spec, path: string): string | null {
  switch (spec.kind) {
    case "text":
      return textProblem(value, spec, path);
    case "date":
      return isDate(value) ? null : wrong(path, "a date");
    case "number":
      // JSON has no NaN; a number that is too large becomes infinite, which no client takes.
      return Number.isFinite(value) ? null : wrong(path, "a number");
    case "boolean":
      return typeof value === "boolean" ? null : wrong(path, "true or false");
    case "object":
      return isObject(value) ? fieldsProblem(value, spec.fields!, path) : wrong(path, "an object");
    case "list":
      return Array.isArray(value) ? listProblem(value, spec.item!, path) : wrong(path, "a list");
    case "never":
      return wrong(path, "left out");
  }
}

function textProblem(value: unknown, { values, isNullable }: Spec, path: string): string | null {
  if (isNullable && value === null) return null;
  if (values === null) return typeof value === "string" ? null : wrong(path, "a text");
  return values.some((one) => one === value) ? null : wrong(path, `one of ${values.join(", ")}`);
}

function fieldsProblem(
  object: Readonly<Record<string, unknown>>,
  { names, specs, required }: Fields,
  path: string,
): string | null {
  for (let index = 0; index < names.length; index++) {
    const name = names[index]!;
    // `constructor` is a name of every object, if not its own.
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    if (value === undefined && (required & (1 << index)) === 0) continue;
    const problem = problemOf(value, specs[index]!, at(path, name));
    if (problem !== null) return problem;
  }
  for (const [name, value] of Object.entries(object)) {
    if (names.includes(name) || isNestedWithin(value, levelsMax)) continue;
    // Its name is not ours, and may be as long as a message.
    return wrong(path, `nested ${nestingMax} levels deep at most`);
  }
  return null;
}

function listProblem(list: readonly unknown[], item: Spec, path: string): string | null {
  for (let index = 0; index < list.length; index++) {
    const problem = problemOf(list[index], item, `${path}[${index}]`);
    if (problem !== null) return problem;
  }
  return null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNestedWithin(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  return Object.values(value).every((inner) => isNestedWithin(inner, levels - 1));
}

/** What is a date to every runtime. */
export function isDate(value: unknown): boolean {
  return typeof value === "string" && DATE.test(value) && !Number.isNaN(Date.parse(value));
}

function at(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function wrong(path: string, wanted: string): string {
  return `\`${path === "" ? "dequeuedMessage" : path}\` must be ${wanted}`;
}
