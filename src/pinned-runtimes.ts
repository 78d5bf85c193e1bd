/**
 * Runtimes that versions name, with the runner as each of them runs it: bytecode is for one Bun alone. A part of the
 * composition root.
 */
import { chmodSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { PinnedRuntimes, RuntimeFiles } from "./pool/spares.ts";
import { RunnerBundle } from "./runner/bundle.ts";
import { ownRuntime } from "./runtimes/runtime-name.ts";
import type { Runtime, RuntimeStore } from "./runtimes/runtime-store.ts";

/** @param runner of the node's own Bun, for versions that name just that */
export function pinnedRuntimes(store: RuntimeStore, runner: RunnerBundle): PinnedRuntimes {
  /** By revision: a runtime that was removed and fetched again is the same one. */
  const bundles = new Map<string, RunnerBundle>();
  const bundleOf = (runtime: Runtime): RunnerBundle => {
    if (runtime.name === ownRuntime) return runner;
    return bundles.getOrInsertComputed(runtime.program + runtime.revision, () => {
      // Beside the program, so that it goes when that goes.
      const folder = join(dirname(runtime.program), "runner");
      mkdirSync(folder, { recursive: true });
      // Apps may run as other users, who pass through.
      chmodSync(folder, 0o711);
      return new RunnerBundle(folder, { path: runtime.program, revision: runtime.revision });
    });
  };
  return {
    async open(name): Promise<RuntimeFiles> {
      const runtime = await store.ensure(name);
      const bundle = bundleOf(runtime);
      await bundle.make();
      return { program: runtime.program, runnerPath: bundle.path };
    },
  };
}
