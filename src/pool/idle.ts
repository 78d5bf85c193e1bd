/** What becomes of a process nobody uses, or one that others should make way for: a pure rule. */
import type { VersionSpec } from "../base/version-spec.ts";
import type { Instance } from "./instance.ts";
import { drainTimeoutMsMin, supersededIdleMs } from "./limits.ts";

export interface IdleFacts {
  state: "warm" | "frozen";
  /** Requests, streams and tunnels that are open. Count. */
  open: number;
  /** Since the last of them ended. Milliseconds. */
  idleMs: number;
  /** Since the last of all the version's instances ended. Milliseconds. */
  versionIdleMs: number;
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

/**
 * The facts of one instance.
 *
 * @param supersededAtMs clock time since when others should take its requests, or null
 */
export function idleFacts(
  { idleFreezeMs, idleStopMs, limits }: VersionSpec,
  instance: Instance,
  versionIdleMs: number,
  supersededAtMs: number | null,
  nowMs: number,
): IdleFacts {
  const isOlder = supersededAtMs !== null && supersededAtMs >= instance.startedAtMs;
  return {
    state: instance.state === "frozen" ? "frozen" : "warm",
    open: instance.open,
    idleMs: instance.idleMs(nowMs),
    versionIdleMs,
    idleFreezeMs,
    idleStopMs,
    isSuperseded: supersededAtMs !== null,
    supersededMs: isOlder ? nowMs - supersededAtMs : 0,
    requestTimeoutMs: limits.requestTimeoutMs,
  };
}

/**
 * How long an instance needs no look, when nothing happens to it: until `decideIdle` may say something else. Milliseconds;
 * 0: look with every tick, as at all that are awake; `Infinity`: never.
 */
export function sleepsMs(facts: IdleFacts): number {
  const { state, open, idleMs, versionIdleMs, idleStopMs, isSuperseded } = facts;
  if (state === "warm" || open > 0) return 0;
  const stopsMs = idleStopMs > 0 ? idleStopMs - versionIdleMs : Number.POSITIVE_INFINITY;
  const supersededMs = isSuperseded ? supersededIdleMs - idleMs : Number.POSITIVE_INFINITY;
  return Math.max(0, Math.min(stopsMs, supersededMs));
}

/** `drain`: end it though something is open. */
export function decideIdle(facts: IdleFacts): "stop" | "drain" | "freeze" | "stay" {
  const { state, open, idleMs, versionIdleMs, idleFreezeMs, idleStopMs } = facts;
  const { isSuperseded, supersededMs } = facts;
  if (open > 0) {
    const drainMs = Math.max(facts.requestTimeoutMs, drainTimeoutMsMin);
    return isSuperseded && supersededMs >= drainMs ? "drain" : "stay";
  }
  if (isSuperseded && idleMs >= supersededIdleMs) return "stop";
  // What a version has at least is stopped together.
  if (idleStopMs > 0 && versionIdleMs >= idleStopMs) return "stop";
  if (state === "warm" && idleFreezeMs > 0 && idleMs >= idleFreezeMs) return "freeze";
  return "stay";
}
