/** The collector of a node: what it may remove, and what it must not. */
import { join } from "node:path";
import { systemClock } from "./base/clock.ts";
import { Collector } from "./control/collector.ts";
import type { NodeConfig } from "./control/node-config.ts";
import type { ArtifactStore } from "./deploy/artifact-store.ts";
import type { Deployer } from "./deploy/deployer.ts";
import type { Lane } from "./lane.ts";
import { listLogs } from "./log-leftovers.ts";
import type { RuntimeStore } from "./runtimes/runtime-store.ts";
import type { Store } from "./store/store.ts";

export interface CollectorParts {
  config: Pick<NodeConfig, "dataDir" | "retention">;
  store: Store;
  artifacts: ArtifactStore;
  deployer: Pick<Deployer, "removeUnreferenced">;
  runtimes: RuntimeStore;
  lane: Pick<Lane, "pools">;
  publish(): Promise<void>;
  removeLogs(app: string): Promise<void>;
  report(thrown: unknown): void;
}

export function openCollector(parts: CollectorParts): Collector {
  const { config, store, artifacts, deployer, runtimes, lane, publish, removeLogs, report } = parts;
  const running = () => [...lane.pools.all()].filter((pool) => pool.instances.count > 0);
  return new Collector({
    store,
    policy: config.retention,
    isRunning: (app, version) =>
      running().some(({ spec }) => spec.app === app && spec.number === version),
    artifacts: {
      list: async () =>
        Promise.all(
          (await artifacts.list()).map(async (digest) => ({
            digest,
            bytes: await artifacts.bytesOf(digest),
          })),
        ),
      removeUnreferenced: (referenced) => deployer.removeUnreferenced(referenced),
      inUse: () => new Set(running().map(({ spec }) => spec.digest)),
    },
    runtimes: {
      list: () => runtimes.list(),
      remove: (names) => runtimes.remove(names),
      inUse: () => new Set(running().flatMap(({ spec }) => spec.runtime ?? [])),
    },
    logs: {
      list: () => listLogs([join(config.dataDir, "logs"), join(config.dataDir, "requests")]),
      remove: removeLogs,
      daysMax: config.retention.logDaysMax,
    },
    publish,
    clock: systemClock,
    report,
  });
}
