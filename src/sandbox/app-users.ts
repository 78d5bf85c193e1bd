/**
 * User ids for apps, one for each instance, when the node is root: what belongs to a user (files, signals, limits) then
 * keeps instances apart from each other and from the node.
 *
 *   free ──take()──▶ taken ──release(), when its processes and files are gone──▶ free
 *
 * Nobody else has these ids: they lie above those of people, services and containers. Each data directory has a range of
 * its own, so that two nodes of a machine do not take the same; what is left of a killed node is known by its range.
 */
import { invariant } from "../base/errors.ts";

/** First id of the first range. Above the 31-bit ranges that container tools hand out, below 2^31. */
const firstId = 1_900_000_000;
/** Ids of one data directory. Count. */
const idsPerRange = 65_536;
/** The first so many of them are for instances, the others for groups of apps. Count. */
const instanceIds = 49_152;
/** Ranges below 2^31. Count. */
const ranges = 3_700;

export class AppUsers {
  /** Ids from `first` to, not including, `end` are this node's. */
  readonly first: number;
  readonly end: number;
  readonly #taken = new Set<number>();
  #next: number;

  /** @param dataDir the same path for the same node, free of links */
  constructor(dataDir: string) {
    const range = Number(Bun.hash.crc32(dataDir)) % ranges;
    this.first = firstId + range * idsPerRange;
    this.end = this.first + idsPerRange;
    this.#next = this.first;
  }

  /** Whether a user id is one of this node's apps. */
  has(uid: number): boolean {
    return uid >= this.first && uid < this.end;
  }

  /** An id that no process has; the longest unused one, so that one that has just been used rests. */
  take(): number {
    invariant(this.#taken.size < instanceIds, "there are fewer instances than ids");
    while (this.#taken.has(this.#next)) this.#advance();
    const uid = this.#next;
    this.#taken.add(uid);
    this.#advance();
    return uid;
  }

  /**
   * Group id of an app, the same for each of its processes: what one of them leaves in a folder of the machine, the next
   * can use. Of 16,384, by name, so two apps of a node have the same once in a while.
   */
  groupOf(app: string): number {
    return this.first + instanceIds + (Number(Bun.hash.crc32(app)) % (idsPerRange - instanceIds));
  }

  release(uid: number): void {
    this.#taken.delete(uid);
  }

  #advance(): void {
    this.#next += 1;
    if (this.#next === this.first + instanceIds) this.#next = this.first;
  }
}
