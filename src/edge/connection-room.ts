/** How many connections an edge takes, by the descriptors that its process may have open. Pure. */
import { connectionsMax, openFilesRoom, refusalsMax } from "./limits.ts";

/**
 * The others are for instances, logs, files and the store: without one left nothing can be started, and nobody accepted.
 *
 * @param openFilesMax of the process. Count
 * @returns connections open at once. Count, 1 or more
 */
export function connectionsWithin(openFilesMax: number): number {
  const room = Math.min(openFilesRoom, Math.floor(openFilesMax / 2));
  return Math.max(1, Math.min(connectionsMax, openFilesMax - room));
}

/** Connections beyond so many that are told so. Count, 1 or more. */
export function refusalsBeyond(connections: number): number {
  return Math.max(1, Math.min(refusalsMax, connections >> 2));
}
