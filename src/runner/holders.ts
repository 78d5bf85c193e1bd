/**
 * What keeps this process awake beside its requests: `waitUntil` work and `keepAwake`. The node hears of each that is not
 * over before it can be told; one message is under way at a time, so what begins and ends meanwhile costs nothing.
 *
 *   taken ──told──▶ counted by the node ──release, settled──▶ told again
 *     └── released before: never told
 */
import type { Holder, HolderKind, LifecycleMessage } from "../wire/control.ts";
import { shownName } from "../wire/control.ts";
import { holdersMax, holdersPerMessageMax } from "../wire/limits.ts";

export class Holders {
  readonly #say: (message: LifecycleMessage) => void;
  #lastId = 0;
  /** Those that are not released. Count. */
  #open = 0;
  /** The node has not been told of them. */
  readonly #untold = new Map<number, Holder>();
  /** The node has been told that they are taken, not that they are released. */
  #released: number[] = [];
  #hasHooks = false;
  #toldHooks = false;
  /** The node has not answered yet. */
  #isUnderWay = false;
  #hasWarned = false;

  constructor(say: (message: LifecycleMessage) => void) {
    this.#say = say;
  }

  /** Whether the app has hooks; the node is told. */
  set hasHooks(hasHooks: boolean) {
    this.#hasHooks = hasHooks;
    this.#tell();
  }

  /** Returns what releases it; null when there are too many, which is said once. Twice is safe. */
  take(kind: HolderKind, name: string): (() => void) | null {
    if (this.#open >= holdersMax) {
      if (!this.#hasWarned) {
        console.warn(`${kind}: ${holdersMax} are open; this one does not keep the process awake`);
      }
      this.#hasWarned = true;
      return null;
    }
    this.#open += 1;
    this.#lastId += 1;
    const id = this.#lastId;
    this.#untold.set(id, { id, kind, name: shownName(name) });
    this.#tell();
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#open -= 1;
      if (this.#untold.delete(id)) return;
      this.#released.push(id);
      this.#tell();
    };
  }

  /** The node has heard what was said last. */
  onHeard(): void {
    this.#isUnderWay = false;
    this.#tell();
  }

  #tell(): void {
    const hasNews = this.#untold.size + this.#released.length > 0;
    if (this.#isUnderWay || (!hasNews && this.#hasHooks === this.#toldHooks)) return;
    this.#isUnderWay = true;
    this.#toldHooks = this.#hasHooks;
    const taken: Holder[] = [];
    for (const holder of this.#untold.values()) {
      if (taken.length === holdersPerMessageMax) break;
      taken.push(holder);
      this.#untold.delete(holder.id);
    }
    const released = this.#released.splice(0, holdersPerMessageMax);
    this.#say({ type: "lifecycle", taken, released, hasHooks: this.#hasHooks });
  }
}
