/** The pools of a node, one per version, and the ticks that drive them. */
import { PlatformError } from "../base/errors.ts";
import { type VersionSpec, versionName } from "../base/version-spec.ts";
import { MemoryRoom } from "./memory-room.ts";
import { Places } from "./places.ts";
import { Pool } from "./pool.ts";
import type { PoolOptions } from "./pool-options.ts";
import { type Ticked, Ticks } from "./ticks.ts";

export interface PoolsOptions extends Omit<PoolOptions, "spec" | "places" | "room" | "ticks"> {
  /** Instances that run at once. Count, 1 or more. */
  instancesMax: number;
}

export class Pools {
  readonly places: Places;
  /** Without bounds until a governor sets them. */
  readonly room: MemoryRoom;
  readonly #options: PoolsOptions;
  readonly #pools = new Map<string, Pool>();
  /** Removed, and not gone yet. */
  readonly #leaving = new Map<Pool, Promise<void>>();
  readonly #ticks: Ticks;

  constructor(options: PoolsOptions) {
    this.#options = options;
    this.places = new Places(options.instancesMax, options.clock);
    this.#ticks = new Ticks(options.clock);
    this.room = new MemoryRoom(options.clock);
    this.places.onWaiting = () => this.#ticks.awaken(this.places);
    this.room.onWaiting.push(() => this.#ticks.awaken(this.room));
  }

  /** The version's pool, made when there is none. */
  of(spec: VersionSpec): Pool {
    const key = keyOf(spec);
    const known = this.#pools.get(key);
    if (known?.spec.digest === spec.digest) return known;
    // A number is used again when a first version failed its boot check.
    const gone = new PlatformError("VERSION_UNKNOWN", [spec.app, versionName(spec.number)]);
    if (known !== undefined) void this.remove(known.spec, 0, gone);
    const { places, room } = this;
    const pool = new Pool({ ...this.#options, places, room, ticks: this.#ticks, spec });
    this.#pools.set(key, pool);
    return pool;
  }

  /** The pool of exactly this version, when there is one. */
  find({ app, number, digest }: Pick<VersionSpec, "app" | "number" | "digest">): Pool | null {
    const pool = this.#pools.get(keyOf({ app, number }));
    return pool?.spec.digest === digest ? pool : null;
  }

  all(): IterableIterator<Pool> {
    return this.#pools.values();
  }

  /** Ends and forgets a version's pool, see `Pool.stop`. Resolves when its process is gone. */
  async remove(spec: VersionSpec, drainTimeoutMs: number, error: PlatformError): Promise<void> {
    const pool = this.#pools.get(keyOf(spec));
    // The number may have another version by now.
    if (pool === undefined || pool.spec.digest !== spec.digest) return;
    this.#pools.delete(keyOf(spec));
    const stopped = pool.stop(drainTimeoutMs, error);
    this.#leaving.set(pool, stopped);
    await stopped;
    this.#leaving.delete(pool);
    this.#ticks.remove(pool);
  }

  /** The database of a branch is gone: what was started with it ends with its last request. */
  databaseDropped(app: string, branch: string): void {
    for (const { spec, turnover } of this.#pools.values()) {
      if (spec.database === null || spec.app !== app || spec.branch !== branch) continue;
      turnover.retireAll(this.#options.clock.nowMs());
    }
  }

  /** Resolves when every pool of the app that was removed has ended, and so has written its last record. */
  async gone(app: string): Promise<void> {
    const leaving = [...this.#leaving].filter(([pool]) => pool.spec.app === app);
    await Promise.all(leaving.map(([, stopped]) => stopped));
  }

  /** Ends everything. Resolves when all processes are gone. Twice is safe. */
  async stop(drainTimeoutMs: number, error: PlatformError): Promise<void> {
    const pools = [...this.#pools.values(), ...this.#leaving.keys()];
    await Promise.all(pools.map((pool) => pool.stop(drainTimeoutMs, error)));
    this.#ticks.stop();
  }

  /** Pools that are looked at with every tick; those whose apps all sleep are not among them. Count. */
  get awake(): number {
    return this.#ticks.awake;
  }

  /** Has something else looked at, too, from the next tick on. */
  attend(item: Ticked): void {
    this.#ticks.awaken(item);
  }

  /** Looks at every process that is due. Called by a timer; tests with a clock of their own call it too. */
  tick(): void {
    this.#ticks.advance();
  }
}

function keyOf(spec: Pick<VersionSpec, "app" | "number">): string {
  return `${spec.app}/${spec.number}`;
}
