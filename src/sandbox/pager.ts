/**
 * Hands the memory of frozen apps to swap, one app at a time, in a process of its own that is there only while there is
 * something to do.
 *
 *   none ──page()──▶ working ──queue empty──▶ idle ──page()──▶ working
 *    ▲                  └── it ends ──▶ none, paused  └──pagerIdleMs──▶ none
 *
 * A job can be cancelled at any time: the app is awake then, and what was moved out comes back as it is touched.
 */

import { setPriority } from "node:os";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { ReadText } from "./host-memory.ts";
import { pagerIdleMs, pagerPauseMs, swapLookMs, swapReserveBytes, swapWaitMs } from "./limits.ts";
import type { FromPager, ToPager } from "./pager-protocol.ts";
import { privateTreeBytes } from "./process-memory.ts";
import { swapFreeBytes } from "./swap.ts";
import { systemFiles } from "./system-files.ts";

/** What came of a job. Null: it was cancelled, or could not be done. */
export interface Paged {
  /** In RAM, the app's own, before and after. Bytes. */
  beforeBytes: number;
  afterBytes: number;
}

export interface PageJob {
  /** Resolves when nothing is done for it any more. Never rejects. */
  readonly done: Promise<Paged | null>;
  /** Breaks it off. Twice is safe, and after its end. */
  cancel(): void;
}

export interface PagerOptions {
  clock: Clock;
  /** Whether the kernel lets this node do it, see `paging-way.ts`. Swap may come and go. */
  mayPage: boolean;
  /** A line for the person who runs the node. */
  note(line: string): void;
  read?: ReadText;
  /** See `Pager.residentBytes`. */
  residentBytes?(pid: number): number;
}

interface Job {
  id: number;
  pid: number;
  isCancelled: boolean;
  resolve(paged: Paged | null): void;
}

const modulePath = join(import.meta.dir, "pager-process.ts");

export class Pager {
  readonly #options: PagerOptions;
  readonly #read: ReadText;
  readonly #waiting: Job[] = [];
  #working: Job | null = null;
  #child: Bun.Subprocess | null = null;
  #lastId = 0;
  #idleTimer: ReturnType<typeof setTimeout> | null = null;
  /** The kernel has refused, or the node stops: nothing is paged any more. */
  #isOff: boolean;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #hasRoom = false;
  #roomLookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PagerOptions) {
    this.#options = options;
    this.#read = options.read ?? systemFiles.read;
    this.#isOff = !options.mayPage;
  }

  /**
   * Until memory can be handed to swap, or it is worth looking again. Milliseconds; 0 = it can, `Infinity` = it never can.
   * Cheap: looks at the room in swap now and then.
   */
  waitMs(nowMs: number): number {
    if (this.#isOff) return Number.POSITIVE_INFINITY;
    if (nowMs < this.#pausedUntilMs) return this.#pausedUntilMs - nowMs;
    if (nowMs - this.#roomLookedAtMs >= swapLookMs) {
      this.#roomLookedAtMs = nowMs;
      this.#hasRoom = swapFreeBytes(this.#read) > swapReserveBytes;
    }
    return this.#hasRoom ? 0 : swapWaitMs;
  }

  /** What a process and those that descend from it have in RAM of their own: what `page` could hand over. Bytes. */
  residentBytes(pid: number): number {
    return (this.#options.residentBytes ?? privateTreeBytes)(pid);
  }

  /** Pages out a frozen process and what descends from it, when its turn has come. */
  page(pid: number): PageJob {
    const { promise: done, resolve } = Promise.withResolvers<Paged | null>();
    this.#lastId += 1;
    const job: Job = { id: this.#lastId, pid, isCancelled: false, resolve };
    this.#waiting.push(job);
    this.#next();
    return { done, cancel: () => this.#cancel(job) };
  }

  /** Breaks everything off. Resolves when its process is gone. Twice is safe. */
  async stop(): Promise<void> {
    this.#isOff = true;
    for (const job of this.#waiting.splice(0)) job.resolve(null);
    this.#clearTimer();
    const child = this.#child;
    child?.kill("SIGKILL");
    await child?.exited;
  }

  #next(): void {
    if (this.#working !== null) return;
    const job = this.#waiting.shift();
    if (job === undefined) return this.#rest();
    if (this.#isOff) return job.resolve(null);
    this.#clearTimer();
    this.#working = job;
    try {
      this.#child ??= this.#spawn();
    } catch {
      // No process can be started now.
      return this.#pause();
    }
    this.#send({ type: "page", id: job.id, pid: job.pid });
  }

  #cancel(job: Job): void {
    const index = this.#waiting.indexOf(job);
    if (index !== -1) {
      this.#waiting.splice(index, 1);
      job.resolve(null);
    }
    if (this.#working !== job || job.isCancelled) return;
    job.isCancelled = true;
    const child = this.#child!;
    this.#send({ type: "cancel", id: job.id });
    try {
      // What it holds of the app's memory is wanted by the app now, and a machine under load would let it wait.
      setPriority(child.pid, 0);
    } catch {
      // It has just ended, or we may not.
    }
  }

  #onDone({ id, beforeBytes, afterBytes, isCancelled, errno }: FromPager): void {
    const job = this.#working;
    if (job === null || job.id !== id) return;
    this.#working = null;
    if (errno !== null) {
      this.#isOff = true;
      this.#options.note(`Frozen apps keep their memory: the kernel refuses paging (${errno})`);
    }
    const isPaged = errno === null && !isCancelled && !job.isCancelled;
    job.resolve(isPaged ? { beforeBytes, afterBytes } : null);
    this.#next();
  }

  #onExit(child: Bun.Subprocess): void {
    if (this.#child !== child) return;
    this.#child = null;
    this.#clearTimer();
    if (this.#working !== null) this.#pause();
  }

  /** Gives up what is asked for, and does nothing for a while. */
  #pause(): void {
    this.#pausedUntilMs = this.#options.clock.nowMs() + pagerPauseMs;
    this.#working?.resolve(null);
    this.#working = null;
    for (const job of this.#waiting.splice(0)) job.resolve(null);
  }

  #rest(): void {
    const child = this.#child;
    if (child === null || this.#idleTimer !== null) return;
    this.#idleTimer = setTimeout(() => child.kill("SIGKILL"), pagerIdleMs);
    this.#idleTimer.unref();
  }

  #clearTimer(): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
  }

  #spawn(): Bun.Subprocess {
    const child = Bun.spawn(
      [process.execPath, "--no-install", "--no-env-file", "--no-orphans", modulePath],
      {
        stdio: ["ignore", 2, 2],
        env: {},
        ipc: (message: FromPager) => this.#onDone(message),
      },
    );
    void child.exited.then(() => this.#onExit(child));
    return child;
  }

  #send(message: ToPager): void {
    try {
      this.#child?.send(message);
    } catch {
      // It is on its way out; its end says the rest.
    }
  }
}
