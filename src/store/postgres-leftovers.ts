/**
 * What an earlier node left of the server: a node that was killed cannot stop its PostgreSQL.
 *
 *   running ──fast stop──▶ immediate stop ──▶ kill ──▶ gone ──▶ its pid file is removed
 *
 * The processes are found by what they are, not by the pid file alone: every process of a server works in the folder of
 * its cluster. So a pid that now belongs to somebody else is never touched, and processes that outlived their server,
 * which would still write, are seen too. Removing the pid file is safe only because all of them are gone.
 */
import { readdir, readFile, readlink, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import { postgresFastStopMs, postgresImmediateStopMs } from "./limits.ts";

/**
 * Ends every process of a server on this cluster and removes its pid file. Does nothing when there is none.
 *
 * @returns the pids that were found
 * @throws {PlatformError} `POSTGRES_START_FAILED` when one of them does not even end when killed
 */
export async function clearLeftovers(data: string, clock: Clock): Promise<number[]> {
  const found = await serverProcesses(data);
  const steps = [
    // Only the server itself: it stops its own in the right order.
    { signal: "SIGINT", waitMs: postgresFastStopMs, pick: serverFirst },
    { signal: "SIGQUIT", waitMs: postgresImmediateStopMs, pick: all },
    { signal: "SIGKILL", waitMs: postgresImmediateStopMs, pick: all },
  ] as const;

  let left = found;
  for (const { signal, waitMs, pick } of steps) {
    if (left.length === 0) break;
    for (const pid of pick(left, await pidFile(data))) send(pid, signal);
    left = await waitUntilGone(data, clock, waitMs);
  }
  if (left.length > 0) {
    throw new PlatformError("POSTGRES_START_FAILED", [
      `process ${left[0]} of an earlier server on ${data} cannot be ended`,
    ]);
  }
  await rm(join(data, "postmaster.pid"), { force: true });
  return found;
}

/** Processes of a server on this cluster, as far as this user may see them. */
export async function serverProcesses(data: string): Promise<number[]> {
  const folder = await realpath(data);
  const pids: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    // A process can end at any moment, and other users' folders are closed to us: neither is one of ours.
    const comm = await readFile(`/proc/${name}/comm`, "utf8").catch(() => "");
    if (comm.trim() !== "postgres") continue;
    const cwd = await readlink(`/proc/${name}/cwd`).catch(() => "");
    if (cwd === folder) pids.push(Number(name));
  }
  return pids;
}

/** Pid that the cluster's pid file names, or null. Only a hint: it may belong to another process by now. */
async function pidFile(data: string): Promise<number | null> {
  const text = await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "");
  const pid = Number.parseInt(text, 10);
  return pid > 0 ? pid : null;
}

function serverFirst(pids: readonly number[], server: number | null): readonly number[] {
  return server !== null && pids.includes(server) ? [server] : pids;
}

function all(pids: readonly number[]): readonly number[] {
  return pids;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // Gone between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function waitUntilGone(data: string, clock: Clock, waitMs: number): Promise<number[]> {
  const deadlineMs = clock.nowMs() + waitMs;
  for (;;) {
    const left = await serverProcesses(data);
    if (left.length === 0 || clock.nowMs() >= deadlineMs) return left;
    await Bun.sleep(20);
  }
}
