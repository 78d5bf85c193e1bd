/**
 * Removes what nothing needs any more: versions beyond their retention, artifacts that no version names, logs of apps that
 * are gone. After each deploy of an app for that app, and for all when it is asked to.
 *
 *   idle ──afterDeploy()──▶ collecting ──▶ idle        one at a time; what comes meanwhile is done after it
 *                             └─ some still run ──▶ waiting ──collectRetryMs──▶ collecting
 *
 * A crash at any point leaves files that nothing names, and the next run, or the next start, takes them.
 */

import type { Clock } from "../base/clock.ts";
import { asPlatformError } from "../base/errors.ts";
import type { KeptVersion } from "../store/removal.ts";
import type { Store } from "../store/store.ts";
import type { Collected } from "./api-collect.ts";
import { collectRetryMs } from "./limits.ts";
import { expiredVersions, policyOf, type RetentionPolicy } from "./retention-rule.ts";

export interface CollectorOptions {
  store: Pick<
    Store,
    "apps" | "keptVersions" | "removeVersions" | "artifactDigests" | "runtimesNamed"
  >;
  policy: RetentionPolicy;
  /** Whether this node has a process of the version. */
  isRunning(app: string, version: number): boolean;
  artifacts: {
    /** On disk, with their bytes. */
    list(): Promise<{ digest: string; bytes: number }[]>;
    /** Removes those that are not among the ones that are found; see `ArtifactUse`. */
    removeUnreferenced(referenced: () => Promise<ReadonlySet<string>>): Promise<string[]>;
    /** Of versions that run on this node. */
    inUse(): ReadonlySet<string>;
  };
  runtimes: {
    /** On disk, with their bytes; the node's own is none of them. */
    list(): Promise<{ name: string; bytes: number }[]>;
    /** Removes those of them that no deploy on its way has use for. */
    remove(names: readonly string[]): Promise<void>;
    /** Of versions that run on this node. */
    inUse(): ReadonlySet<string>;
  };
  logs: {
    /** Apps that have a log, with the time of its last record. Wall-clock milliseconds. */
    list(): Promise<{ app: string; writtenAtMs: number }[]>;
    remove(app: string): Promise<void>;
    /** Logs of apps that are gone are kept so long. Days; 0 = for ever. */
    daysMax: number;
  };
  publish(): Promise<void>;
  clock: Pick<Clock, "wallMs">;
  /** What could not be removed, for the node's log. */
  report(thrown: unknown): void;
}

const dayMs = 86_400_000;

export class Collector {
  readonly #options: CollectorOptions;
  readonly #waiting = new Set<string>();
  /** Apps with versions that would have gone if they had not run. */
  readonly #retries = new Map<string, ReturnType<typeof setTimeout>>();
  #running: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Cleans up after a deploy of the app, whatever came of it. Returns at once; failures are reported. */
  afterDeploy(app: string): void {
    if (this.#isClosed || this.#waiting.has(app)) return;
    this.#waiting.add(app);
    void this.#alone(async () => {
      this.#waiting.delete(app);
      if (this.#isClosed) return;
      await this.#removeVersions([app]);
      await this.#removeArtifacts();
      await this.#options.runtimes.remove((await this.#unnamed()).map(({ name }) => name));
      if (await this.#isLeft(app)) this.#retryLater(app);
    }).catch((error) => this.#options.report(error));
  }

  /**
   * Cleans up everything.
   *
   * @param isDryRun only say what would go
   * @throws {PlatformError} `STORE_UNAVAILABLE`
   */
  collect(isDryRun: boolean): Promise<Collected> {
    return this.#alone(async () => {
      const apps = (await this.#options.store.apps()).map(({ name }) => name);
      const versions = isDryRun ? await this.#expired(apps) : await this.#removeVersions(apps);
      const sizes = await this.#options.artifacts.list();
      const digests = new Set(
        isDryRun ? await this.#unreferencedAfter(versions) : await this.#removeArtifacts(),
      );
      const artifacts = sizes.filter(({ digest }) => digests.has(digest));
      const runtimes = await this.#unnamed();
      if (!isDryRun) await this.#options.runtimes.remove(runtimes.map(({ name }) => name));
      const logs = await this.#oldLogs(apps);
      if (!isDryRun) for (const app of logs) await this.#options.logs.remove(app);
      return {
        isDryRun,
        versions: versions.map(({ app, number, branch }) => ({ app, version: number, branch })),
        artifacts,
        bytes: artifacts.reduce((sum, { bytes }) => sum + bytes, 0),
        runtimes,
        logs,
      };
    });
  }

  /** Nothing begins after this; what is under way ends first. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#retries.values()) clearTimeout(timer);
    this.#retries.clear();
    await this.#running.catch(() => {});
  }

  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#running.then(work, work);
    this.#running = done.catch(() => {});
    return done;
  }

  /** Versions that were live a moment ago have their processes for some seconds more. */
  async #isLeft(app: string): Promise<boolean> {
    const { store, policy, clock } = this.#options;
    const versions = await store.keptVersions(app).catch(orNone);
    const none = () => false;
    return expiredVersions(versions, policyOf(versions, policy), clock.wallMs(), none).length > 0;
  }

  #retryLater(app: string): void {
    if (this.#isClosed || this.#retries.has(app)) return;
    const timer = setTimeout(() => {
      this.#retries.delete(app);
      this.afterDeploy(app);
    }, collectRetryMs);
    timer.unref();
    this.#retries.set(app, timer);
  }

  async #expired(apps: readonly string[]): Promise<(KeptVersion & { app: string })[]> {
    const { store, policy, clock, isRunning } = this.#options;
    const expired: (KeptVersion & { app: string })[] = [];
    for (const app of apps) {
      // It may have been removed meanwhile, or its first deploy may have failed.
      const versions = await store.keptVersions(app).catch(orNone);
      const found = expiredVersions(
        versions,
        policyOf(versions, policy),
        clock.wallMs(),
        (version) => isRunning(app, version),
      );
      expired.push(...found.map((version) => ({ ...version, app })));
    }
    return expired;
  }

  async #removeVersions(apps: readonly string[]): Promise<(KeptVersion & { app: string })[]> {
    const gone: (KeptVersion & { app: string })[] = [];
    for (const [app, versions] of Map.groupBy(await this.#expired(apps), ({ app }) => app)) {
      const numbers = versions.map(({ number }) => number);
      const removed = await this.#options.store.removeVersions(app, numbers, true);
      gone.push(...versions.filter(({ number }) => removed.versions.includes(number)));
    }
    if (gone.length > 0) await this.#options.publish();
    return gone;
  }

  #removeArtifacts(): Promise<string[]> {
    const { store, artifacts } = this.#options;
    return artifacts.removeUnreferenced(
      async () => new Set([...(await store.artifactDigests()), ...artifacts.inUse()]),
    );
  }

  /** Runtimes that no version names, as versions are now. */
  async #unnamed(): Promise<{ name: string; bytes: number }[]> {
    const { store, runtimes } = this.#options;
    const there = await runtimes.list();
    if (there.length === 0) return [];
    const staying = new Set([...(await store.runtimesNamed()), ...runtimes.inUse()]);
    return there.filter(({ name }) => !staying.has(name));
  }

  async #unreferencedAfter(going: readonly (KeptVersion & { app: string })[]): Promise<string[]> {
    const { store, artifacts } = this.#options;
    const staying = new Set(artifacts.inUse());
    for (const { name } of await store.apps()) {
      const gone = new Set(going.flatMap(({ app, number }) => (app === name ? [number] : [])));
      for (const { number, digest, kit } of await store.keptVersions(name).catch(orNone)) {
        if (gone.has(number)) continue;
        staying.add(digest);
        if (kit != null) staying.add(kit);
      }
    }
    const there = await artifacts.list();
    return there.flatMap(({ digest }) => (staying.has(digest) ? [] : [digest]));
  }

  async #oldLogs(apps: readonly string[]): Promise<string[]> {
    const { logs, clock } = this.#options;
    if (logs.daysMax === 0) return [];
    const known = new Set(apps);
    const oldestMs = clock.wallMs() - logs.daysMax * dayMs;
    return (await logs.list())
      .filter(({ app, writtenAtMs }) => !known.has(app) && writtenAtMs < oldestMs)
      .map(({ app }) => app);
  }
}

function orNone(thrown: unknown): KeptVersion[] {
  if (asPlatformError(thrown).code === "APP_UNKNOWN") return [];
  throw thrown;
}
