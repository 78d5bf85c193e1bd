/** What becomes of a process nobody uses, or one that others should make way for: a pure rule. */
import type { VersionSpec } from "../base/version-spec.ts";
import type { Instance } from "./instance.ts";
import { drainTimeoutMsMin, supersededIdleMs } from "./limits.ts";

export interface IdleFacts {
  state: "warm" | "frozen" | "paged";
  /** It was frozen, and not tried to page out since. */
  isPageable: boolean;
  /** Until it may be possible to page out anything. Milliseconds; 0 = it is, `Infinity` = never. */
  pagerWaitMs: number;
  /** Requests, streams and tunnels that are open. Count. */
  open: number;
  /** Since the last of them ended. Milliseconds. */
  idleMs: number;
  /** Since the last of all the version's instances ended. Milliseconds. */
  versionIdleMs: number;
  /** Milliseconds; 0 = never. */
  idleFreezeMs: number;
  /** Milliseconds; 0 = never. */
  idlePageMs: number;
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
 * The facts of one instance that is up.
 *
 * @param pagerWaitMs until anything can be paged out
 * @param supersededAtMs clock time since when others should take its requests, or null
 */
export function idleFacts(
  { idleFreezeMs, idlePageMs, idleStopMs, limits }: VersionSpec,
  instance: Instance,
  versionIdleMs: number,
  supersededAtMs: number | null,
  pagerWaitMs: number,
  nowMs: number,
): IdleFacts {
  const isOlder = supersededAtMs !== null && supersededAtMs >= instance.startedAtMs;
  return {
    state: instance.isAsleep ? (instance.state as "frozen" | "paged") : "warm",
    isPageable: instance.state === "frozen" && instance.isPageable,
    pagerWaitMs,
    open: instance.open,
    idleMs: instance.idleMs(nowMs),
    versionIdleMs,
    idleFreezeMs,
    idlePageMs,
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
  const { state, open, idleMs, versionIdleMs, idlePageMs, idleStopMs, isSuperseded } = facts;
  if (state === "warm" || open > 0) return 0;
  const stopsMs = idleStopMs > 0 ? idleStopMs - versionIdleMs : Number.POSITIVE_INFINITY;
  const supersededMs = isSuperseded ? supersededIdleMs - idleMs : Number.POSITIVE_INFINITY;
  const mayPage = facts.isPageable && idlePageMs > 0;
  const pagesMs = mayPage
    ? Math.max(idlePageMs - idleMs, facts.pagerWaitMs)
    : Number.POSITIVE_INFINITY;
  return Math.max(0, Math.min(stopsMs, supersededMs, pagesMs));
}

/** `drain`: end it though something is open. */
export function decideIdle(facts: IdleFacts): "stop" | "drain" | "freeze" | "page" | "stay" {
  const { state, open, idleMs, versionIdleMs, idleFreezeMs, idlePageMs, idleStopMs } = facts;
  const { isSuperseded, supersededMs } = facts;
  if (open > 0) {
    const drainMs = Math.max(facts.requestTimeoutMs, drainTimeoutMsMin);
    return isSuperseded && supersededMs >= drainMs ? "drain" : "stay";
  }
  if (isSuperseded && idleMs >= supersededIdleMs) return "stop";
  // What a version has at least is stopped together.
  if (idleStopMs > 0 && versionIdleMs >= idleStopMs) return "stop";
  if (state === "warm" && idleFreezeMs > 0 && idleMs >= idleFreezeMs) return "freeze";
  const mayPage = facts.isPageable && facts.pagerWaitMs === 0;
  if (mayPage && idlePageMs > 0 && idleMs >= idlePageMs) return "page";
  return "stay";
}
