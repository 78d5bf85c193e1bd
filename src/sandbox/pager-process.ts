/**
 * The process that pages apps out for a node: 30 ms of CPU for a small one, which the node's own thread has no time for.
 * Runs at the lowest priority and ends with the node.
 */
import { constants, setPriority } from "node:os";
import { LibcError } from "./libc.ts";
import { pagedProcessesMax } from "./limits.ts";
import { pageOut } from "./page-out.ts";
import type { FromPager, ToPager } from "./pager-protocol.ts";
import { childrenOf } from "./process-facts.ts";

/** The job under way; 0 = none. */
let current = 0;

process.on("message", (message: ToPager) => {
  if (message.type === "cancel" && current === message.id) current = 0;
  if (message.type === "page") void page(message.id, message.pid);
});
process.on("disconnect", () => process.exit(0));

async function page(id: number, leaderPid: number): Promise<void> {
  current = id;
  const isCancelled = () => current !== id;
  const done: FromPager = {
    type: "done",
    id,
    beforeBytes: 0,
    afterBytes: 0,
    isCancelled: false,
    errno: null,
  };
  // Whoever broke the last job off has raised it, so that the job ended soon.
  setPriority(constants.priority.PRIORITY_LOW);
  try {
    const pids = [leaderPid];
    for (let at = 0; at < pids.length && at < pagedProcessesMax; at += 1) {
      const paged = await pageOut(pids[at]!, isCancelled);
      done.beforeBytes += paged?.beforeBytes ?? 0;
      done.afterBytes += paged?.afterBytes ?? 0;
      pids.push(...childrenOf(pids[at]!));
    }
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    done.errno = error.code;
  }
  done.isCancelled = isCancelled();
  process.send?.(done);
}
