/** How many descriptors a process may have open. Bun raises its own bound to the hard one, and its children inherit that. */
import { readFileSync } from "node:fs";

/** For this process and its children. Count. */
export function descriptorsMax(): number {
  const line = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "latin1"));
  return line?.[1] === "unlimited" ? Number.POSITIVE_INFINITY : Number(line?.[1] ?? 0);
}

/** A proxy has two for each connection, and some of its own. Count. */
export function descriptorsFor(connections: number): number {
  return 2 * connections + 200;
}
