/** The counting of a run, driven against a server in this process and without sockets. */
import { systemClock } from "../../base/clock.ts";
import type { RunOptions } from "./load-process.ts";
import { runPlan } from "./load-run.ts";
import { type Accept, MemoryDialer } from "./memory-dialer.ts";
import type { LoadPlan, LoadResult } from "./plan.ts";
import { processCpuMs } from "./process-cpu.ts";

/**
 * Runs the plan in this process; `hostname` and `port` are not used. `cpuMs` of the result is that of client and server
 * together.
 *
 * @param accept called once per connection, with the socket that the server is to write to
 */
export function runInMemory(
  plan: LoadPlan,
  accept: Accept,
  { onPhase = () => {} }: RunOptions = {},
): Promise<LoadResult> {
  const dialer = new MemoryDialer(accept);
  return runPlan({ plan, dialer, clock: systemClock, cpuMs: processCpuMs, onPhase });
}
