/** Whether a process that is not ours to wait for has ended. */
import { readFile } from "node:fs/promises";
import { downPollMs } from "./limits.ts";

/** @returns false when it was still there after `timeoutMs`, or at the signal. */
export async function waitForEnd(
  pid: number,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  while (await isRunning(pid)) {
    if (performance.now() >= deadlineMs || signal?.aborted) return false;
    await Bun.sleep(downPollMs);
  }
  return true;
}

/** False for a process that is gone, and for one that has ended and only waits for its parent to notice. */
async function isRunning(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may contain anything, so the state is looked for behind the last one.
    return !/^[ZX]$/.test(stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3));
  } catch {
    return false;
  }
}
