/**
 * What is done when the memory of the node runs short: a pure rule. One step at a time, what costs the least first, and
 * never to an instance that is in use.
 *
 *   calm    nothing
 *   short   end what is live nowhere → page what is frozen → freeze what is idle → page what stayed in RAM of those that
 *           are paged → end what may be stopped
 *   over    the same sooner, and then end what should have kept its memory too
 *
 * `short` begins at `shortShare` of the budget and ends at `calmShare`, so that the node does not do and undo the same
 * thing. A start that does not fit makes it short too, and ends what should have kept its memory when that was not used
 * for `keepIdleMsMin`: otherwise a node full of sleepers would refuse everybody else for good. `over` is beyond the budget, or the machine itself suffers.
 */
import type { MemoryPressure } from "../sandbox/host-memory.ts";
import {
  calmShare,
  freezeIdleMsMin,
  fullPressureMax,
  keepIdleMsMin,
  reliefBytesMin,
  scarceShare,
  shortShare,
  somePressureMax,
  stopIdleMsMin,
} from "./limits.ts";

export type MemoryLevel = "calm" | "short" | "over";

/** Sums for the whole node, and of its machine. */
export interface MemorySums {
  /** What the node may use. Bytes. */
  budgetBytes: number;
  /** What it uses: its own processes, PostgreSQL, builds, apps; what starts as much as it is expected to take. Bytes. */
  usedBytes: number;
  /** What the start takes that waits longest. Bytes; 0 = none waits. */
  wantedBytes: number;
  /** What the machine has. Bytes. */
  totalBytes: number;
  /** What it could still give. Bytes. */
  availableBytes: number;
  /** What it should always have. Bytes. */
  availableBytesMin: number;
  /** Null where the kernel does not say. */
  pressure: MemoryPressure | null;
}

/** An instance that nothing is open on. */
export interface IdleHolder {
  state: "warm" | "frozen" | "paged";
  /** In RAM. */
  ramBytes: number;
  /** Since the last stream ended. Milliseconds. */
  idleMs: number;
  /** Its app may be stopped while idle, and not only frozen. */
  mayStop: boolean;
  /** Live on no branch. */
  isSuperseded: boolean;
  /** Its version has no more instances than it should have at least. */
  isMinimum: boolean;
  /** It can be paged, and was not since it sleeps; one that is paged then has what its requests use in RAM. */
  isPageable: boolean;
}

/** `page` moves memory out to swap, `stop` ends the process. */
export type ReliefKind = "freeze" | "page" | "stop";

export interface Relief<Holder extends IdleHolder> {
  kind: ReliefKind;
  holder: Holder;
}

/** @param before the level until now */
export function memoryLevel(sums: MemorySums, before: MemoryLevel): MemoryLevel {
  const { budgetBytes, usedBytes, wantedBytes, availableBytes, availableBytesMin } = sums;
  const { some, full } = scarcePressure(sums);
  const isOver =
    usedBytes > budgetBytes || availableBytes < availableBytesMin || full >= fullPressureMax;
  if (isOver) return "over";
  if (wantedBytes > 0 && usedBytes + wantedBytes > budgetBytes) return "short";
  const isCalm = before === "calm";
  const isShort =
    usedBytes > budgetBytes * (isCalm ? shortShare : calmShare) ||
    some >= (isCalm ? somePressureMax : somePressureMax / 2);
  return isShort ? "short" : "calm";
}

/**
 * The next step, or null when there is nothing to be done, or nobody to do it to.
 *
 * @param isAwaited a start waits for memory: then whoever keeps its memory does not keep it for ever
 */
export function decideRelief<Holder extends IdleHolder>(
  level: MemoryLevel,
  isAwaited: boolean,
  idle: readonly Holder[],
): Relief<Holder> | null {
  if (level === "calm") return null;
  const superseded = longestIdle(idle, ({ isSuperseded }) => isSuperseded);
  if (superseded !== null) return { kind: "stop", holder: superseded };

  const worthwhile = idle.filter(({ ramBytes }) => ramBytes >= reliefBytesMin);
  const frozen = longestIdle(
    worthwhile,
    ({ state, isPageable }) => state === "frozen" && isPageable,
  );
  if (frozen !== null) return { kind: "page", holder: frozen };

  const idleMsMin = level === "over" ? 0 : freezeIdleMsMin;
  const warm = longestIdle(idle, ({ state, idleMs }) => state === "warm" && idleMs >= idleMsMin);
  if (warm !== null) return { kind: "freeze", holder: warm };

  const paged = longestIdle(worthwhile, ({ state, isPageable }) => state === "paged" && isPageable);
  if (paged !== null) return { kind: "page", holder: paged };

  const isOver = level === "over";
  const stopMsMin = isOver ? 0 : stopIdleMsMin;
  const dispensable = worthwhile.filter(({ mayStop, idleMs }) => mayStop && idleMs >= stopMsMin);
  const forgotten = isAwaited ? worthwhile.filter(({ idleMs }) => idleMs >= keepIdleMsMin) : [];
  const victim =
    firstToStop(dispensable) ??
    firstToStop(forgotten) ??
    (isOver ? (firstToStop(worthwhile) ?? firstToStop(idle)) : null);
  return victim === null ? null : { kind: "stop", holder: victim };
}

/** Surplus instances first, then whoever is idle longest. */
function firstToStop<Holder extends IdleHolder>(idle: readonly Holder[]): Holder | null {
  return longestIdle(idle, ({ isMinimum }) => !isMinimum) ?? longestIdle(idle, () => true);
}

function longestIdle<Holder extends IdleHolder>(
  idle: readonly Holder[],
  isMeant: (holder: Holder) => boolean,
): Holder | null {
  let longest: Holder | null = null;
  for (const holder of idle) {
    if (isMeant(holder) && (longest === null || holder.idleMs > longest.idleMs)) longest = holder;
  }
  return longest;
}

/** Pressure with plenty of memory left is about something else: slow disks, another cgroup, or apps that are paged in. */
function scarcePressure(sums: MemorySums): MemoryPressure {
  const isScarce = sums.availableBytes < sums.totalBytes * scarceShare;
  return isScarce && sums.pressure !== null ? sums.pressure : { some: 0, full: 0 };
}
