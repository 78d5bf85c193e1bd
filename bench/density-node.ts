/** A whole node with many apps that are alike, each a version and a process of its own; seen from outside, as its operator does. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdminClient } from "../src/cli/admin-client.ts";
import type { InstanceInfo } from "../src/control/api.ts";
import { packSource } from "../src/deploy/pack.ts";
import { privateMemoryBytes, processTime } from "../src/sandbox/process-facts.ts";
import { startTestNode, type TestNode } from "../test/node-for-tests.ts";
import { descendantsOf } from "./process-tree.ts";

export interface DensityNodeOptions {
  /** Module in `apps/`. */
  module: string;
  apps: number;
  /** Keys of `levain.config.ts` that each has. */
  config: Record<string, unknown>;
}

/** Requests to different apps at once: a start is work for a core, and there are few. Count. */
const startsAtOnce = 4;

/** How often the node is asked for its processes while a state is waited for. Milliseconds. */
const pollMs = 250;

export class DensityNode implements AsyncDisposable {
  readonly names: readonly string[];
  readonly #node: TestNode;
  readonly #admin: AdminClient;
  readonly #held: Bun.Socket[] = [];

  /** Starts a node and deploys the apps to it; resolves when all are live. */
  static async start(options: DensityNodeOptions): Promise<DensityNode> {
    const folder = mkdtempSync(join(tmpdir(), "levain-density-"));
    const flags = ["--instances-max", String(options.apps + 10)];
    const node = new DensityNode(await startTestNode({ flags }), options.apps);
    try {
      copyFileSync(join(import.meta.dir, "apps", options.module), join(folder, "index.ts"));
      writeFileSync(join(folder, "levain.config.json"), JSON.stringify(options.config));
      const { stream } = await packSource(folder);
      const source = await new Response(stream).blob();
      await inParts(node.names, startsAtOnce, (app) => node.#deploy(app, source));
      return node;
    } catch (error) {
      await node[Symbol.asyncDispose]();
      throw error;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  private constructor(node: TestNode, apps: number) {
    this.#node = node;
    this.#admin = new AdminClient({ dataDir: node.dataDir });
    this.names = Array.from({ length: apps }, (_, index) => `app${index}`);
  }

  get port(): number {
    return this.#node.port;
  }

  get pid(): number {
    return this.#node.pid;
  }

  host(app: string): string {
    return `${app}.localhost:${this.port}`;
  }

  /** Ends the node and starts it again on the same data. Returns how long the new one took until it was ready. Milliseconds. */
  async restart(): Promise<number> {
    await this.stop();
    const startedAtMs = performance.now();
    await this.#node.start();
    return performance.now() - startedAtMs;
  }

  /** Rows of `levain ps`. */
  async rows(): Promise<InstanceInfo[]> {
    return (await this.#admin.call("ps")).instances;
  }

  /**
   * Resolves when every app is in the state.
   *
   * @throws when one is not in time
   */
  async reached(state: InstanceInfo["state"], timeoutMs: number): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      const others = (await this.rows()).filter((row) => row.state !== state);
      if (others.length === 0) return;
      if (performance.now() > endMs) {
        const [{ app, state: stuck }] = others as [InstanceInfo];
        throw new Error(
          `${others.length} apps are not ${state} after ${timeoutMs} ms: ${app} is ${stuck}`,
        );
      }
      await Bun.sleep(pollMs);
    }
  }

  /** Wakes or starts every app, has it look at all of its memory, and keeps it awake by a request that stays open. */
  async hold(): Promise<void> {
    await inParts(this.names, startsAtOnce, async (app) => {
      await this.ask(app, "/all");
      this.#held.push(await this.#open(app, "/hold"));
    });
  }

  /** Lets go of what `hold` holds. */
  release(): void {
    for (const socket of this.#held.splice(0)) socket.terminate();
  }

  /** @throws when the answer is not 200 */
  async ask(app: string, path: string): Promise<string> {
    const response = await this.#node.fetch(app, path, { keepalive: false });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${app} answered ${response.status}: ${text}`);
    return text;
  }

  /** Private memory in RAM that an app has: the mean of all. Bytes. */
  async privateBytes(): Promise<number> {
    const rows = await this.rows();
    return (
      rows.reduce((sum, { pid }) => sum + (privateMemoryBytes(pid ?? 0) ?? 0), 0) / rows.length
    );
  }

  /** An app's share of the pages in RAM, and its page tables: the mean of all. Bytes. */
  async partsBytes(): Promise<number> {
    const rows = await this.rows();
    const parts = rows.map(({ pid }) => {
      const share = kilobytesOf(`/proc/${pid}/smaps_rollup`, "Pss");
      return (share + kilobytesOf(`/proc/${pid}/status`, "VmPTE")) * 1024;
    });
    return parts.reduce((sum, bytes) => sum + bytes, 0) / rows.length;
  }

  /** CPU time of the node's own process so far. Milliseconds. */
  cpuMs(): number {
    return (processTime(this.pid)?.ownUs ?? 0) / 1000;
  }

  /** The same with everything below it, the apps too. */
  treeCpuMs(): number {
    const pids = [this.pid, ...descendantsOf(this.pid).map(({ pid }) => pid)];
    return pids.reduce((sum, pid) => sum + (processTime(pid)?.ownUs ?? 0) / 1000, 0);
  }

  /** Ends the node; `restart` begins with this. */
  async stop(): Promise<void> {
    this.release();
    await this.#node.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await this.#node[Symbol.asyncDispose]();
  }

  async #deploy(app: string, source: Blob): Promise<void> {
    for await (const event of this.#admin.stream("deploy", { query: { app }, body: source })) {
      if (event.type === "failed")
        throw new Error(`Cannot deploy ${app}: ${JSON.stringify(event.error)}`);
    }
  }

  /** Sends a request on a connection of its own; resolves at the first bytes of its answer. */
  async #open(app: string, path: string): Promise<Bun.Socket> {
    const answered = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: this.port,
      socket: {
        data: () => answered.resolve(),
        close: () => answered.reject(new Error(`${app} answered nothing`)),
      },
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${this.host(app)}\r\n\r\n`);
    await answered.promise;
    return socket;
  }
}

function kilobytesOf(path: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(path, "latin1"))?.[1]);
}

/** Does the work for each, so many at once. */
export async function inParts<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: Math.min(atOnce, items.length) }, async () => {
      for (const item of left) await work(item);
    }),
  );
}
