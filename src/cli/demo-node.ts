/**
 * The node a demo shows itself on: the one that runs already, or one of the demo's own, in this process, on free ports
 * and in a temporary data directory that goes with it.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { NodeStatus } from "../control/api.ts";
import { AdminClient } from "./admin-client.ts";
import { fillPackageCache } from "./demo-cache.ts";
import type { StepScope } from "./demo-steps.ts";
import { demoDrainTimeoutMs, demoFindTimeoutMs } from "./limits.ts";
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
 *   new ──start()──▶ starting ──▶ serving ──stop(), Ctrl-C, SIGTERM──▶ stopped, directory removed
 *                       └──▶ failed, directory removed by stop()
 */
export class OwnNode {
  readonly #call: Call;
  readonly #folder: string;
  readonly #lost = new AbortController();
  #running: Promise<void> | null = null;
  #dataDir: string | null = null;
  #stopping: Promise<void> | null = null;
  #isReady = false;
  #hasEnded = false;

  /** @param folder what will be deployed to it. */
  constructor(call: Call, folder: string) {
    this.#call = call;
    this.#folder = folder;
  }

  /** Aborted when the node served and has ended without `stop`: by Ctrl-C, by a signal, by `levain down`. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** @throws {PlatformError} why it does not serve, or has no store. Call `stop` in any case. */
  async start({ say }: StepScope): Promise<DemoNode> {
    say("starting PostgreSQL and the edge");
    const isRoot = process.getuid?.() === 0;
    const dataDir = await mkdtemp(join(await temporaryRoot(isRoot), "levain-demo-"));
    this.#dataDir = dataDir;
    await fillPackageCache(dataDir, this.#folder);
    const { loadNodeConfig } = await import("../control/node-config.ts");
    const { LEVAIN_POSTGRES_USER } = this.#call.io.env;
    const config = await loadNodeConfig({
      flags: { dataDir, port: "0", adminPort: "0", drainTimeoutMs: String(demoDrainTimeoutMs) },
      // Nothing else of the environment, and no file: a demo must not write into somebody's database.
      env: { LEVAIN_POSTGRES_USER },
      cwd: dataDir,
    });
    const ready = Promise.withResolvers<NodeStatus>();
    this.#running = this.#call
      .runNode(config, { ready: ready.resolve, note: () => {} })
      .finally(() => {
        this.#hasEnded = true;
        if (this.#isReady && this.#stopping === null)
          this.#lost.abort(new PlatformError("INTERRUPTED", []));
      });
    const endedEarly = this.#running.then(() => {
      throw new PlatformError("INTERRUPTED", []);
    });
    const status = await Promise.race([ready.promise, endedEarly]);
    this.#isReady = true;
    const { state, cause } = status.store;
    if (state !== "ready") throw new PlatformError("STORE_UNAVAILABLE", [cause ?? state]);
    return { client: new AdminClient(dataDir), status };
  }

  /** Stops the node and removes its directory. Returns when both are gone; twice is safe. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (this.#running !== null) {
      const client = new AdminClient(this.#dataDir as string);
      try {
        await client.call("down", { signal: AbortSignal.timeout(demoFindTimeoutMs) });
      } catch {
        // It is ending, or not far enough to answer; then it hears signals. A second one would end this process at once.
        const hasHeard = this.#isReady || this.#hasEnded || this.#call.io.interrupt().aborted;
        if (!hasHeard) process.emit("SIGTERM");
      }
      // How it ended was its own step's business.
      await this.#running.catch(() => {});
    }
    if (this.#dataDir !== null) await rm(this.#dataDir, { recursive: true, force: true });
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
