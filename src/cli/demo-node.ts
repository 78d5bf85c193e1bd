/**
 * The node a demo shows itself on: the one that runs already, or one of the demo's own, in this process, on free ports
 * and in a temporary data directory that goes with it.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { NodeStatus } from "../control/api.ts";
import type { NodeConfig } from "../control/node-config.ts";
import { AdminClient } from "./admin-client.ts";
import { fillPackageCache } from "./demo-cache.ts";
import { appNames } from "./demo-deploy.ts";
import type { StepScope } from "./demo-steps.ts";
import { demoDrainTimeoutMs, demoFindTimeoutMs, demoPollMs } from "./limits.ts";
import type { Call } from "./verb.ts";

export interface DemoNode {
  client: AdminClient;
  status: NodeStatus;
}

/** The node that runs on the command's data directory, or null. */
export async function findRunningNode(call: Call): Promise<DemoNode | null> {
  try {
    const signal = AbortSignal.timeout(demoFindTimeoutMs);
    return { client: call.client, status: await call.client.call("status", { signal }) };
  } catch {
    // None, or none that can be used: the demo brings its own.
    return null;
  }
}

/**
 * A node of the demo's own.
 *
 *   new ──start()──▶ starting ──▶ serving ──stop(), Ctrl-C, SIGTERM, `down`──▶ stopped, directory removed
 *                       └──▶ failed; stop() removes the directory
 */
export class OwnNode {
  readonly #call: Call;
  readonly #folder: string;
  readonly #lost = new AbortController();
  /** SIGTERM would end this process before the node has its own ear for it. */
  readonly #onTerminate = () => this.#lost.abort(new PlatformError("INTERRUPTED", []));
  #preparing: Promise<NodeConfig> | null = null;
  #filling: Promise<void> | null = null;
  #running: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  #dataDir: string | null = null;
  #hasEnded = false;

  /** @param folder what will be deployed to it. */
  constructor(call: Call, folder: string) {
    this.#call = call;
    this.#folder = folder;
  }

  /** Aborted when the node is to end or has ended without `stop`: by a signal, by `levain down`. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** @throws {PlatformError} why it does not serve, or has no store. Call `stop` in any case. */
  async start({ say, signal }: StepScope): Promise<DemoNode> {
    process.on("SIGTERM", this.#onTerminate);
    process.on("SIGHUP", this.#onTerminate);
    say("starting PostgreSQL and the edge");
    this.#preparing = this.#prepare();
    const config = await this.#preparing;
    signal.throwIfAborted();
    // While PostgreSQL starts; nothing builds yet.
    this.#filling = fillPackageCache(config.dataDir, this.#folder, appNames[0]);
    const ready = Promise.withResolvers<NodeStatus>();
    this.#running = this.#call.runNode(config, { ready: ready.resolve, note: () => {} });
    const ended = this.#running
      .finally(() => {
        this.#hasEnded = true;
      })
      .then(() => {
        throw new PlatformError("INTERRUPTED", []);
      });
    const [status] = await Promise.all([Promise.race([ready.promise, ended]), this.#filling]);
    ended.catch(() => {
      if (this.#stopping === null) this.#onTerminate();
    });
    const { state, cause } = status.store;
    if (state !== "ready") throw new PlatformError("STORE_UNAVAILABLE", [cause ?? state]);
    return { client: new AdminClient({ dataDir: config.dataDir }), status };
  }

  /** Stops the node and removes its directory. Returns when both are gone; twice is safe. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#preparing?.catch(() => {});
    if (this.#running !== null) {
      const client = new AdminClient({ dataDir: this.#dataDir as string });
      const bound = () => AbortSignal.timeout(demoFindTimeoutMs);
      // It may not be far enough to answer, or be ending already.
      while (!this.#hasEnded) {
        const isTold = await client.call("down", { signal: bound() }).catch(() => null);
        if (isTold !== null) break;
        await Bun.sleep(demoPollMs);
      }
      // How it ended was its own step's business.
      await this.#running.catch(() => {});
    }
    await this.#filling?.catch(() => {});
    if (this.#dataDir !== null) await rm(this.#dataDir, { recursive: true, force: true });
    process.off("SIGTERM", this.#onTerminate);
    process.off("SIGHUP", this.#onTerminate);
  }

  async #prepare(): Promise<NodeConfig> {
    const isRoot = process.getuid?.() === 0;
    const dataDir = await mkdtemp(join(await temporaryRoot(isRoot), "levain-demo-"));
    this.#dataDir = dataDir;
    const { loadNodeConfig } = await import("../control/node-config.ts");
    const { LEVAIN_POSTGRES_USER } = this.#call.io.env;
    return loadNodeConfig({
      flags: { dataDir, port: "0", adminPort: "0", drainTimeoutMs: String(demoDrainTimeoutMs) },
      // Nothing else of the environment, and no file: a demo must not write into somebody's database.
      env: { LEVAIN_POSTGRES_USER },
      cwd: dataDir,
    });
  }
}

/**
 * Folder for temporary folders. PostgreSQL of root's node runs as another user, who has to get there, and root's own
 * folder for such things may be closed to others.
 */
export async function temporaryRoot(isRoot: boolean, own = tmpdir()): Promise<string> {
  return isRoot && !(await isOpen(own)) ? "/tmp" : own;
}

/** Whether everybody may pass through the folder and those above it. */
async function isOpen(folder: string): Promise<boolean> {
  for (let current = folder; ; current = dirname(current)) {
    const info = await stat(current).catch(() => null);
    if (info === null || (info.mode & 0o001) === 0) return false;
    if (dirname(current) === current) return true;
  }
}
