/** How many connections a process may have: without a descriptor left the kernel would go on offering them, and nobody be answered. */
import { readFileSync } from "node:fs";
import { connectionsRoom, filesRoom, supervisorsRoom } from "./limits.ts";

/**
 * The bound on connections, and what to tell the operator when it is not what the settings want. Pure.
 *
 * @param filesMax descriptors that this process may have; null: not known
 */
export function connectionsMaxOf(
  waitersMax: number,
  filesMax: number | null,
): { connectionsMax: number; note: string | null } {
  // Node's fetch follows a redirect on a connection of its own while the first is in its pool.
  const wanted = waitersMax * 2 + connectionsRoom;
  if (filesMax === null) return { connectionsMax: wanted, note: null };
  const kept = Math.min(filesRoom + supervisorsRoom, Math.floor(filesMax / 2));
  const connectionsMax = Math.min(wanted, filesMax - kept);
  const note =
    connectionsMax >= waitersMax
      ? null
      : `This process may have ${filesMax} files open, so that at most ${connectionsMax} connections are held, ` +
        `though waitersMax is ${waitersMax}: raise its limit of open files, or lower waitersMax`;
  return { connectionsMax, note };
}

/** Of this process; null when the system does not say. */
export function openFilesMax(): number | null {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
