/**
 * What other processes can learn about this one: nothing of its memory, and no secret on its command line.
 *
 * The kernel shows the command line of every process to everybody, and its environment, memory and open files to every
 * process of the same user, apps of a node without root among them.
 */

import { type Pointer, toArrayBuffer } from "bun:ffi";
import { readFileSync } from "node:fs";
import { PRCTL, prctl } from "./libc.ts";

/**
 * Closes `/proc/<pid>/{environ,mem,fd,maps,…}` of this process to all but root, and forbids others to trace it. There are
 * no core dumps from then on. What this process starts is not affected.
 */
export function closeToOthers(): void {
  prctl(PRCTL.SET_DUMPABLE, 0);
}

/**
 * Writes stars over a secret wherever this process was given it: among its arguments and in its environment, as `ps` and
 * /proc show them. The variables are gone from `process.env` too, so that no child gets them.
 *
 * @param secrets values; empty ones are ignored
 */
export function hideSecrets(secrets: readonly (string | undefined)[]): void {
  const values = secrets.filter((secret) => secret !== undefined && secret !== "") as string[];
  if (values.length === 0) return;
  for (const [name, value] of Object.entries(process.env)) {
    if (values.includes(value ?? "")) delete process.env[name];
  }
  for (const area of givenAreas()) for (const value of values) overwrite(area, Buffer.from(value));
}

/** The memory that the kernel reads arguments and environment from. */
function givenAreas(): Buffer[] {
  const stat = readFileSync("/proc/self/stat", "latin1");
  // Fields 48 to 51 of proc(5): arg_start, arg_end, env_start, env_end. The name in parentheses may hold anything.
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(45, 49)
    .map(Number);
  const [argStart = 0, argEnd = 0, envStart = 0, envEnd = 0] = fields;
  return [
    [argStart, argEnd],
    [envStart, envEnd],
  ].flatMap(([start = 0, end = 0]) =>
    start > 0 && end > start ? [Buffer.from(toArrayBuffer(start as Pointer, 0, end - start))] : [],
  );
}

function overwrite(area: Buffer, value: Buffer): void {
  for (let at = area.indexOf(value); at !== -1; at = area.indexOf(value, at + value.length)) {
    area.fill("*", at, at + value.length);
  }
}
