/** Processes of a user id that belongs to one instance alone: whatever they have left, they cannot leave their user. */
import { readdir, readFile } from "node:fs/promises";
import { invariant } from "../base/errors.ts";
import { userRoundsMax } from "./limits.ts";
import { killProcess } from "./process-group.ts";

/** Ids below are those of people and services, as `app-users.ts` has it. */
const idsOfOthers = 1_900_000_000;

/**
 * Ends every process of the user. What they start meanwhile is ended in the next of some rounds. Never rejects.
 *
 * @param uid one of `AppUsers`, which nobody else has
 */
export async function endProcessesOf(uid: number): Promise<void> {
  invariant(uid >= idsOfOthers, "only an app's own user is ended whole");
  for (let round = 0; round < userRoundsMax; round++) {
    const pids = await processesOf(uid);
    if (pids.length === 0) return;
    for (const pid of pids) killProcess(pid);
  }
}

/** Processes whose real, effective or saved user it is, but for those that have ended. */
export async function processesOf(uid: number): Promise<number[]> {
  const pids: number[] = [];
  for (const file of await readdir("/proc").catch(() => [])) {
    if (!/^[0-9]+$/.test(file)) continue;
    const status = await readFile(`/proc/${file}/status`, "latin1").catch(() => "");
    const users = /^Uid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/).map(Number) ?? [];
    if (users.includes(uid) && !/^State:\s+[ZX]/m.test(status)) pids.push(Number(file));
  }
  return pids;
}
