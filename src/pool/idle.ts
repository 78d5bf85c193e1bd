/** What becomes of a process nobody uses, or one that others should make way for: a pure rule. */
import { drainTimeoutMsMin, supersededIdleMs } from "./limits.ts";

export interface IdleFacts {
  state: "warm" | "frozen";
  /** Requests, streams and tunnels that are open. Count. */
  open: number;
  /** Since the last of them ended. Milliseconds. */
  idleMs: number;
  /** Milliseconds; 0 = never. */
  idleFreezeMs: number;
  /** Milliseconds; 0 = never. */
  idleStopMs: number;
  /** Live on no branch: only the version's own URL reaches it. */
  isSuperseded: boolean;
  /** Since it became so while this process ran; 0 when the process was started later, for that URL. Milliseconds. */
  supersededMs: number;
  /** A request may take so long to be answered. Milliseconds. */
  requestTimeoutMs: number;
}

/** `drain`: end it though something is open. */
export function decideIdle(facts: IdleFacts): "stop" | "drain" | "freeze" | "stay" {
  const { state, open, idleMs, idleFreezeMs, idleStopMs, supersededMs, isSuperseded } = facts;
  if (open > 0) {
    const drainMs = Math.max(facts.requestTimeoutMs, drainTimeoutMsMin);
    return isSuperseded && supersededMs >= drainMs ? "drain" : "stay";
  }
  if (isSuperseded && idleMs >= supersededIdleMs) return "stop";
  if (idleStopMs > 0 && idleMs >= idleStopMs) return "stop";
  if (state === "warm" && idleFreezeMs > 0 && idleMs >= idleFreezeMs) return "freeze";
  return "stay";
}
