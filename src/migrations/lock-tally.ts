/**
 * From looks at `pg_locks` to what a person wants to know of a migration: which lock was held longest while others could
 * not read or write, and which was waited for longest. Pure; `lock-watch.ts` does the looking.
 *
 * A lock is as old as the first look that saw it: up to one interval older in truth.
 */

/** One lock as one look found it. */
export interface LockSeen {
  /** Of the session's process. */
  pid: number;
  /** As it is written in SQL: `public.orders`. */
  relation: string;
  /** `AccessExclusiveLock` … */
  mode: string;
  isGranted: boolean;
  /** What the session runs or ran last, cut. */
  statement: string;
  /** What was being applied: a file, a module or a command. */
  during: string;
}

export interface LockFound {
  relation: string;
  /** `ACCESS EXCLUSIVE` … */
  mode: string;
  /** What others could not do meanwhile. */
  blocks: "writes" | "reads and writes";
  /** Milliseconds. */
  ms: number;
  statement: string;
  /** See `LockSeen`. */
  during: string;
}

/** Locks that hold up others who only read and write rows. A lock of another mode that is waited for holds up nobody. */
const BLOCKS: Readonly<Record<string, LockFound["blocks"]>> = {
  ShareLock: "writes",
  ShareRowExclusiveLock: "writes",
  ExclusiveLock: "writes",
  AccessExclusiveLock: "reads and writes",
};

/** As PostgreSQL's manual writes it: `AccessExclusiveLock` is `ACCESS EXCLUSIVE`. */
function modeInWords(mode: string): string {
  return mode
    .replace(/Lock$/, "")
    .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toUpperCase();
}

/** A lock that is older than its budget. */
export interface LockOver extends LockFound {
  /** Whether it is waited for; else it is held. */
  isWaiting: boolean;
}

interface Followed extends LockSeen {
  sinceMs: number;
}

export class LockTally {
  #followed = new Map<string, Followed>();
  #held: LockFound | null = null;
  #waited: LockFound | null = null;

  /** The longest that was held. */
  get held(): LockFound | null {
    return this.#held;
  }

  /** The longest that was waited for: whoever asks for the table queues behind one who waits. */
  get waited(): LockFound | null {
    return this.#waited;
  }

  /**
   * @param seen all that one look found
   * @param nowMs of a clock that only goes forward
   * @returns sessions whose lock is older than that, each once with the oldest
   */
  look(seen: readonly LockSeen[], nowMs: number, budgetMs: number): Map<number, LockOver> {
    const followed = new Map<string, Followed>();
    const over = new Map<number, LockOver>();
    for (const lock of seen) {
      const blocks = BLOCKS[lock.mode];
      if (blocks === undefined) continue;
      const key = JSON.stringify([lock.pid, lock.relation, lock.mode, lock.isGranted]);
      const before = this.#followed.get(key);
      // A lock that is waited for is of the statement that wants it; one that is held, of the first that was seen with it.
      followed.set(key, before ?? { ...lock, sinceMs: nowMs });
      const sinceMs = before?.sinceMs ?? nowMs;
      const found: LockFound = {
        relation: lock.relation,
        mode: modeInWords(lock.mode),
        blocks,
        ms: Math.round(nowMs - sinceMs),
        statement: (before ?? lock).statement,
        during: (before ?? lock).during,
      };
      if (lock.isGranted) this.#held = longer(this.#held, found);
      else this.#waited = longer(this.#waited, found);
      const oldest = over.get(lock.pid);
      if (found.ms > budgetMs && (oldest === undefined || oldest.ms < found.ms)) {
        over.set(lock.pid, { ...found, isWaiting: !lock.isGranted });
      }
    }
    this.#followed = followed;
    return over;
  }
}

function longer(known: LockFound | null, found: LockFound): LockFound {
  if (known === null || found.ms > known.ms) return found;
  // As long, and worse.
  const isWorse = found.ms === known.ms && known.blocks === "writes" && found.blocks !== "writes";
  return isWorse ? found : known;
}
