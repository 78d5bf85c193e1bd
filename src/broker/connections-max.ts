/** How many connections a process may have: without a descriptor left the kernel would go on offering them, and nobody be answered. */
import { connectionsRoom, filesRoom, supervisorsRoom } from "./limits.ts";

/**
 * The bound on connections, and what to tell the operator when it is not what the settings want. Pure.
 *
 * @param filesMax descriptors that this process may have; may be infinite
 */
export function connectionsMaxOf(
  waitersMax: number,
  filesMax: number,
): { connectionsMax: number; note: string | null } {
  // Node's fetch follows a redirect on a connection of its own while the first is in its pool.
  const wanted = waitersMax * 2 + connectionsRoom;
  const kept = Math.min(filesRoom + supervisorsRoom, Math.floor(filesMax / 2));
  const connectionsMax = Math.min(wanted, filesMax - kept);
  const note =
    connectionsMax >= waitersMax
      ? null
      : `This process may have ${filesMax} files open, so that at most ${connectionsMax} connections are held, ` +
        `though waitersMax is ${waitersMax}: raise its limit of open files, or lower waitersMax`;
  return { connectionsMax, note };
}
