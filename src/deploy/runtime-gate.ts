/**
 * Production does not change its runtime unseen: it takes a verdict of the whole suite (`levain qualify`) that this node
 * keeps, or somebody's reason to do without. What is not live yet, previews and rollbacks ask for nothing.
 */
import { PlatformError } from "../base/errors.ts";
import { ownRuntime } from "../runtimes/runtime-name.ts";
import {
  type KeptVerdict,
  keptVerdict,
  objectionTo,
  type QualifyMachine,
} from "../runtimes/verdict.ts";
import type { Store } from "../store/store.ts";
import { PRODUCTION_BRANCH } from "./names.ts";
import type { RuntimeForce } from "./provenance.ts";

export interface RuntimeGateOptions {
  store: Pick<Store, "apps" | "version" | "verdicts">;
  platformVersion: string;
  machine: QualifyMachine;
}

export interface RuntimeStep {
  app: string;
  branch: string;
  /** What the new version names; null: the node's own. */
  runtime: string | null;
  /** Why it is to go live without a verdict; null: it is not. */
  force: string | null;
}

/**
 * @returns what is to be written down when a reason took the place of a verdict, else null
 * @throws {PlatformError} `RUNTIME_UNQUALIFIED`
 */
export async function passRuntimeGate(
  { store, platformVersion, machine }: RuntimeGateOptions,
  { app, branch, runtime, force }: RuntimeStep,
): Promise<RuntimeForce | null> {
  if (branch !== PRODUCTION_BRANCH) return null;
  const before = await liveRuntime(store, app);
  const to = runtime ?? ownRuntime;
  if (before === null || before === to) return null;
  const use = { runtime: to, levain: platformVersion, machine };
  const objection = objectionTo(await verdictsOn(store, to), use);
  if (objection === null) return null;
  if (force === null) throw new PlatformError("RUNTIME_UNQUALIFIED", [app, to, before, objection]);
  return { from: before, to, objection, reason: force };
}

/** Newest first; without what an earlier release wrote and this one cannot read. */
async function verdictsOn(store: Pick<Store, "verdicts">, runtime: string): Promise<KeptVerdict[]> {
  return (await store.verdicts(runtime)).flatMap(({ verdict }) => {
    const read = keptVerdict.safeParse(verdict);
    return read.success ? [read.data] : [];
  });
}

/** Null when nothing is live in production. */
async function liveRuntime(
  store: RuntimeGateOptions["store"],
  app: string,
): Promise<string | null> {
  const found = (await store.apps()).find(({ name }) => name === app);
  const live = found?.branches.find(({ name }) => name === PRODUCTION_BRANCH)?.live ?? null;
  if (live === null) return null;
  return (await store.version(app, live)).spec.runtime ?? ownRuntime;
}
