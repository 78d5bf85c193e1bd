/**
 * How the memory of one instance goes to swap while it sleeps, sleep after sleep.
 *
 * The first time all of it goes. A request that wakes it brings back what the app works with, some percent, and that is what
 * the next request will touch too: when no more is in RAM the next time, it stays there, so that paging costs nothing and the
 * wake is that of a frozen one: 1.2 ms of CPU and 45 faults, where all of it in zram takes 5.5 ms and 440. Who needs the
 * memory itself can still have it.
 *
 * Having the kernel read what an earlier wake touched (MADV_WILLNEED) takes 4 ms before the app goes on and saves it as much;
 * for stacks and small mappings alone, 0.6 ms and 0.5 ms.
 */
import type { Paged, PageJob, Pager } from "../sandbox/pager.ts";
import { workingSetShareMax } from "./limits.ts";

export class Paging {
  /** Under way. */
  #job: PageJob | null = null;
  #wasTried = false;
  /** The most it had in RAM of its own when it was paged. Bytes; 0 = it never was. */
  #fullBytes = 0;

  /** It sleeps anew. */
  begin(): void {
    this.#wasTried = false;
  }

  /** Its memory was asked for since it sleeps; what stayed then would stay again. */
  get wasTried(): boolean {
    return this.#wasTried;
  }

  /**
   * What is in RAM of one that was paged before, when that is so little that it can stay. Null: page it. Bytes.
   *
   * @param pid leader of its processes
   */
  keptBytes(pager: Pager, pid: number): number | null {
    if (this.#fullBytes === 0) return null;
    const bytes = pager.residentBytes(pid);
    return bytes <= this.#fullBytes * workingSetShareMax ? bytes : null;
  }

  /** Pages it. Null when it was woken or ended meanwhile, or it cannot be done. */
  async page(pager: Pager, pid: number): Promise<Paged | null> {
    this.#wasTried = true;
    const job = pager.page(pid);
    this.#job = job;
    const paged = await job.done;
    // Another one may have begun since.
    if (this.#job !== job) return null;
    this.#job = null;
    if (paged !== null) this.#fullBytes = Math.max(this.#fullBytes, paged.beforeBytes);
    return paged;
  }

  /** Breaks it off. Twice is safe. */
  stop(): void {
    this.#job?.cancel();
    this.#job = null;
  }
}
