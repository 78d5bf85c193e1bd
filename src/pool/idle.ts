/** What becomes of a process nobody uses: a pure rule. */
import { supersededIdleMs } from "./limits.ts";

export interface IdleFacts {
  state: "warm" | "frozen";
  /** Since the last request or tunnel ended. Milliseconds. */
  idleMs: number;
  /** Milliseconds; 0 = never. */
  idleFreezeMs: number;
  /** Milliseconds; 0 = never. */
  idleStopMs: number;
  /** Live on no branch: only the version's own URL reaches it. */
  isSuperseded: boolean;
}

export function decideIdle(facts: IdleFacts): "stop" | "freeze" | "stay" {
  const { state, idleMs, idleFreezeMs, idleStopMs, isSuperseded } = facts;
  if (isSuperseded && idleMs >= supersededIdleMs) return "stop";
  if (idleStopMs > 0 && idleMs >= idleStopMs) return "stop";
  if (state === "warm" && idleFreezeMs > 0 && idleMs >= idleFreezeMs) return "freeze";
  return "stay";
}
