/** What `levain inspect` shows of what runs: the processes of a version, and what each was really given. Wakes nobody. */
import type { VersionSpec } from "./base/version-spec.ts";
import type { VersionRuns } from "./control/deps.ts";
import type { Lane } from "./lane.ts";
import { processFacts } from "./pool/pool-facts.ts";
import { defaultLevel, strictProblem } from "./sandbox/kernel-support.ts";

export function runsOf(
  lane: Pick<Lane, "pools" | "spares">,
  spec: VersionSpec,
  nowMs: number,
): VersionRuns {
  const { kernel, isUserShared } = lane.spares.sandbox;
  const machine = {
    landlock: kernel.landlock,
    seccomp: kernel.seccomp,
    isUserShared,
    defaultLevel: defaultLevel(kernel, isUserShared),
    strictProblem: strictProblem(kernel, isUserShared),
  };
  const pool = lane.pools.find(spec);
  // One that nobody has asked for yet.
  if (pool === null) return { machine, state: "stopped", cause: null, processes: [] };
  const { state, cause } = pool.facts(nowMs);
  const processes = [...pool.instances].flatMap((instance) => {
    const sandbox = instance.given();
    return sandbox === null ? [] : [{ ...processFacts(instance, nowMs), sandbox }];
  });
  return { machine, state, cause, processes };
}
