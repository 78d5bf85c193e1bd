/**
 * Tells a save that comes while an earlier one is worked on from what the work itself writes, since a kernel does not say
 * who has written. What a build made the last time is its own; a file that changes again in each run may be, so each time
 * the run gets longer to come to its end, after which all that changed in it is known.
 *
 *   changed ──▶ its own ──▶ no save
 *      ├──▶ has ended the run before, too ──▶ a save, after a wait that doubles
 *      └──▶ a save, at once
 */
import { repeatedSaveWaitMs } from "./limits.ts";

export class NewerSaves {
  #own: ReadonlySet<string> = new Set();
  readonly #endedBy = new Set<string>();
  #repeats = 0;
  #hasFailedAnew = false;

  /**
   * @param changed files that are others than when the run began
   * @returns how long the run may go on before it is ended for them, in milliseconds; null: it is not
   */
  waitMs(changed: readonly string[]): number | null {
    const newer = changed.filter((path) => !this.#own.has(path));
    if (newer.length === 0) return null;
    if (newer.some((path) => !this.#endedBy.has(path))) return 0;
    return repeatedSaveWaitMs * 2 ** this.#repeats;
  }

  /** A run was ended for these. */
  ended(changed: readonly string[]): void {
    if ((this.waitMs(changed) ?? 0) > 0) this.#repeats += 1;
    for (const path of changed) this.#endedBy.add(path);
  }

  /**
   * A build has come to its end, and was given what changed while it ran.
   *
   * @param changed files that are others than when it began
   * @param touched these, and what was made, removed or only written anew
   * @returns whether there was a newer save, so that it has to run again
   */
  finished(changed: readonly string[], touched: readonly string[]): boolean {
    const isNewer = this.waitMs(changed) === 0;
    this.#settle(touched);
    return isNewer;
  }

  /**
   * As `finished`, for a build that failed: a file that is new may be what it lacked. Never true twice in a row for new
   * files, whose names may be others each time.
   */
  failed(changed: readonly string[], touched: readonly string[]): boolean {
    const isAnew = !this.#hasFailedAnew && this.waitMs(touched) === 0;
    const isNewer = this.finished(changed, touched) || isAnew;
    this.#hasFailedAnew = isAnew;
    return isNewer;
  }

  #settle(touched: readonly string[]): void {
    this.#own = new Set(touched);
    this.#endedBy.clear();
    this.#repeats = 0;
    this.#hasFailedAnew = false;
  }
}
