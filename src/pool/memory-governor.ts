/**
 * Keeps the node within its memory: measures in turns what instances take, looks at the machine once a second, and makes
 * room as `memory-rule.ts` decides, one step after the other. Says in the logs of the apps what it did to them and why,
 * and in that of the node when it begins and ends.
 *
 *   calm ⇄ short ⇄ over        see the rule
 *
 * One look a second, whatever number of apps there is.
 */
import type { Clock } from "../base/clock.ts";
import type { HostMemory } from "../sandbox/host-memory.ts";
import type { ProcessMemory } from "../sandbox/process-memory.ts";
import {
  availableShareMin,
  memoryLookMs,
  othersFreshMs,
  pageWaitMs,
  reliefStepsMax,
  reliefWaitMs,
} from "./limits.ts";
import { appsMemory, zramPart } from "./memory-facts.ts";
import type { MemoryHolder } from "./memory-holder.ts";
import type { MemoryRoom, MemoryShare } from "./memory-room.ts";
import {
  decideRelief,
  type IdleHolder,
  type MemoryLevel,
  type MemorySums,
  memoryLevel,
  type Relief,
  type ReliefKind,
} from "./memory-rule.ts";
import { MemorySampler } from "./memory-sampler.ts";
import { describeSums, ReliefEpisode } from "./relief-episode.ts";
import type { Ticked } from "./ticks.ts";

export interface MemoryGovernorOptions {
  room: MemoryRoom;
  clock: Clock;
  /** What the node may use. Bytes. */
  budgetBytes: number;
  /** What it leaves to the machine. Bytes. */
  reserveBytes: number;
  /** The machine; null when it does not say. */
  host(): HostMemory | null;
  /** A process and its children; null when it is gone. */
  measure(pid: number): Promise<ProcessMemory | null>;
  /** What is used besides instances, builds and zram. Bytes. Asked every `othersFreshMs`. */
  others(): Promise<number>;
  /** What builds use. Bytes. Asked at each look: nothing is measured for it. */
  builds(): number;
  /** For the node's log. */
  note(line: string): void;
}

interface Candidate extends IdleHolder {
  share: MemoryShare;
  holder: MemoryHolder;
}

export class MemoryGovernor implements Ticked {
  readonly #options: MemoryGovernorOptions;
  readonly #sampler: MemorySampler;
  #level: MemoryLevel = "calm";
  #host: HostMemory | null = null;
  #othersBytes = 0;
  #zramBytes = 0;
  #othersAtMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | null = null;
  #isStopped = false;
  #episode: ReliefEpisode | null = null;
  /** What was done to make room, since the start. Counts. */
  readonly reliefs: Record<ReliefKind, number> = { freeze: 0, page: 0, stop: 0 };

  constructor(options: MemoryGovernorOptions) {
    this.#options = options;
    this.#sampler = new MemorySampler(options.measure);
    options.room.budgetBytes = options.budgetBytes;
    options.room.onWaiting.push(() => void this.look());
  }

  /** Looks, once a second. */
  tick(nowMs: number): number {
    void this.look();
    return this.#isStopped ? Number.POSITIVE_INFINITY : nowMs + memoryLookMs;
  }

  /** Resolves when nothing is being done any more. Twice is safe. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#looking;
  }

  /** What is used besides instances has changed at once: it is measured with the next look. */
  remeasureOthers(): void {
    this.#othersAtMs = Number.NEGATIVE_INFINITY;
  }

  get level(): MemoryLevel {
    return this.#level;
  }

  /** RAM that what the apps have in zram takes. Bytes. */
  get zramBytes(): number {
    return this.#zramBytes;
  }

  /** As it was seen last; null when the machine does not say. */
  get host(): HostMemory | null {
    return this.#host;
  }

  /** Measures what is due, makes room, and lets those in who wait. Who comes while it does, waits for the same. */
  look(): Promise<void> {
    if (this.#isStopped) return this.#looking ?? Promise.resolve();
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { room, clock } = this.#options;
    await this.#measure(clock.nowMs());
    // What could not be helped with now must not stand in the way of others.
    const tried = new Set<MemoryShare>();
    for (let step = 0; step < reliefStepsMax && !this.#isStopped; step += 1) {
      const sums = this.#judge();
      if (this.#level === "calm") break;
      const idle = this.#idle(clock.nowMs()).filter(({ share }) => !tried.has(share));
      const relief = decideRelief(this.#level, sums.wantedBytes > 0, idle);
      if (relief === null) break;
      await this.#relieve(relief, sums);
      const { share, holder, state } = relief.holder;
      if (holder.state === state) tried.add(share);
      room.settle();
    }
    room.settle();
  }

  async #measure(nowMs: number): Promise<void> {
    const { room, others, builds, host } = this.#options;
    const isShort = this.#level !== "calm";
    await this.#sampler.look(room.shares, isShort, nowMs);
    if (nowMs - this.#othersAtMs >= (isShort ? memoryLookMs : othersFreshMs)) {
      this.#othersAtMs = nowMs;
      this.#othersBytes = await others();
    }
    this.#host = host();
    const { swapBytes } = appsMemory(room.shares);
    this.#zramBytes = this.#host === null ? 0 : zramPart(this.#host, swapBytes);
    room.othersBytes = this.#othersBytes + builds() + this.#zramBytes;
  }

  /** What there is now, and how it is to be called. */
  #judge(): MemorySums {
    const { room, reserveBytes, clock, note } = this.#options;
    const sums: MemorySums = {
      budgetBytes: room.budgetBytes,
      usedBytes: room.usedBytes - this.#goingBytes(),
      wantedBytes: room.wantedBytes,
      totalBytes: this.#host?.totalBytes ?? Number.POSITIVE_INFINITY,
      availableBytes: this.#host?.availableBytes ?? Number.POSITIVE_INFINITY,
      availableBytesMin: reserveBytes * availableShareMin,
      pressure: this.#host?.pressure ?? null,
    };
    const before = this.#level;
    this.#level = memoryLevel(sums, before);
    room.isOver = this.#level === "over";
    if (this.#level === before) return sums;
    if (before === "calm") {
      this.#episode = new ReliefEpisode(clock.nowMs());
      note(`Memory is ${this.#level}: ${describeSums(sums)}`);
    } else if (this.#level === "calm") {
      note(`Memory is calm again: ${describeSums(sums)}; ${this.#episode?.summary(clock.nowMs())}`);
      this.#episode = null;
    }
    return sums;
  }

  /** What those give back who are on their way out. Bytes. */
  #goingBytes(): number {
    let bytes = 0;
    for (const { holder, ramBytes } of this.#options.room.shares) {
      if (holder?.state === "going") bytes += ramBytes;
    }
    return bytes;
  }

  #idle(nowMs: number): Candidate[] {
    const candidates: Candidate[] = [];
    for (const share of this.#options.room.shares) {
      const { holder, ramBytes } = share;
      if (holder === null || holder.isInUse) continue;
      const { state, mayStop, isSuperseded, isMinimum } = holder;
      if (state !== "warm" && state !== "frozen" && state !== "paged") continue;
      const isPageable = holder.canPage;
      const idleMs = holder.idleMs(nowMs);
      candidates.push({
        share,
        holder,
        state,
        ramBytes,
        idleMs,
        mayStop,
        isSuperseded,
        isMinimum,
        isPageable,
      });
    }
    return candidates;
  }

  async #relieve({ kind, holder: candidate }: Relief<Candidate>, sums: MemorySums): Promise<void> {
    const { holder, share } = candidate;
    const why = describeSums(sums);
    this.#episode?.count(kind);
    this.reliefs[kind] += 1;
    // A process that does not want to end, or a slow disk, must not keep the others from making room.
    await settledWithin(holder.relieve(kind, why), kind === "page" ? pageWaitMs : reliefWaitMs);
    if (kind === "page") await this.#sampler.measure(share, this.#options.clock.nowMs());
  }
}

async function settledWithin(done: Promise<unknown>, timeoutMs: number): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, timeoutMs);
  await Promise.race([done, late.promise]);
  clearTimeout(timer);
}
