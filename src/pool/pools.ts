/** The pools of a node, one per version, and the clock tick that drives them. */
import type { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { tickMs } from "./limits.ts";
import { Pool, type PoolOptions } from "./pool.ts";

export type PoolsOptions = Omit<PoolOptions, "spec">;

export class Pools {
  readonly #options: PoolsOptions;
  readonly #pools = new Map<string, Pool>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(options: PoolsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** The version's pool, made when there is none. */
  of(spec: VersionSpec): Pool {
    const key = keyOf(spec);
    let pool = this.#pools.get(key);
    // A number is used again when a first version failed its boot check.
    if (pool === undefined || pool.spec.digest !== spec.digest) {
      pool = new Pool({ ...this.#options, spec });
      this.#pools.set(key, pool);
    }
    return pool;
  }

  all(): IterableIterator<Pool> {
    return this.#pools.values();
  }

  /** Ends and forgets a version's pool. Resolves when its process is gone. */
  async remove(spec: VersionSpec, drainTimeoutMs: number, error: PlatformError): Promise<void> {
    const pool = this.#pools.get(keyOf(spec));
    if (pool === undefined) return;
    this.#pools.delete(keyOf(spec));
    await pool.stop(drainTimeoutMs, error);
  }

  /** Ends everything. Resolves when all processes are gone. */
  async stop(drainTimeoutMs: number, error: PlatformError): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.stop(drainTimeoutMs, error)));
    clearInterval(this.#timer);
  }

  #tick(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const pool of this.#pools.values()) if (pool.hasProcess) pool.tick(nowMs);
  }
}

function keyOf(spec: VersionSpec): string {
  return `${spec.app}/${spec.number}`;
}
