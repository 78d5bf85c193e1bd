/**
 * Puts the desired state into effect: reads the route table from the store, keeps it on disk, hands it to the router.
 *
 *   idle ──publish()──▶ running ──ok──▶ idle
 *                        │  ▲ └──publish() meanwhile: one more run after this one
 *                        │  └───────── retry, with growing pauses
 *                        └──failed──▶ waiting (callers are told; the table in effect stays)
 *
 * The file is what a node serves from when it starts without its store.
 */
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { asPlatformError, isDiskFull, messageOf, PlatformError } from "../base/errors.ts";
import type { RouteTable } from "../router/route-table.ts";
import { describeIssues } from "./input-issues.ts";
import { publishRetryMs, publishRetryMsMax } from "./limits.ts";
import { routeTableSchema } from "./route-table-schema.ts";

export interface PublisherOptions {
  dataDir: string;
  store: { routeTable(): Promise<RouteTable> };
  /** Puts a table into effect. Called with one table at a time, each read after the one before. */
  apply(table: RouteTable): void | Promise<void>;
  /** A line for the node's log. */
  note(line: string): void;
}

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #path: string;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #retryMs = publishRetryMs;
  #isClosed = false;
  #isOnDisk = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#path = join(options.dataDir, "route-table.json");
  }

  /**
   * Publishes what the store holds from now on. Calls during a run share the one after it.
   *
   * @throws {PlatformError} what the store or the disk has against it; it is tried again in the background.
   */
  publish(): Promise<void> {
    if (this.#running === null) {
      this.#running = this.#run().finally(() => {
        this.#running = null;
      });
      return this.#running;
    }
    // The run that is under way may have read the store before the caller's change.
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = null;
        return this.publish();
      });
    return this.#next;
  }

  /** Whether the file is what was published last. */
  get isOnDisk(): boolean {
    return this.#isOnDisk;
  }

  /**
   * The table that was published last, for a start without the store; null when there is none to use. A damaged file is
   * set aside as `route-table.json.damaged`, and said. Does not apply it.
   */
  async loadFromDisk(): Promise<RouteTable | null> {
    let text: string;
    try {
      text = await readFile(this.#path, "utf8");
    } catch (error) {
      if ((error as { code?: unknown }).code === "ENOENT") return null;
      return this.#setAside(messageOf(error));
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      return this.#setAside(messageOf(error));
    }
    const parsed = routeTableSchema.safeParse(value, { reportInput: true });
    if (!parsed.success) return this.#setAside(describeIssues(parsed.error, "the table"));
    return parsed.data;
  }

  /** No run starts after this; one that is under way ends first. Twice is safe. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    await this.#running?.catch(() => {});
  }

  async #run(): Promise<void> {
    if (this.#isClosed) throw new PlatformError("NODE_DRAINING", []);
    clearTimeout(this.#retryTimer);
    try {
      const table = await this.#options.store.routeTable();
      // The disk first: what is in effect should survive a crash. But a full disk must not keep an app from being
      // removed, and the store has the table in any case: it is applied, and the file is tried again.
      const unwritten = await writeAtomically(this.#path, JSON.stringify(table)).catch(
        (error: unknown) => ({ error }),
      );
      this.#isOnDisk = unwritten === undefined;
      await this.#options.apply(table);
      if (unwritten !== undefined) return this.#retryLater(unwritten.error);
      this.#retryMs = publishRetryMs;
    } catch (thrown) {
      this.#retryLater(thrown);
      throw asPlatformError(thrown);
    }
  }

  #retryLater(thrown: unknown): void {
    if (this.#isClosed) return;
    const pauseMs = this.#retryMs;
    this.#retryMs = Math.min(publishRetryMsMax, pauseMs * 2);
    this.#options.note(
      `Cannot publish the route table: ${isDiskFull(thrown) ? asPlatformError(thrown).message : messageOf(thrown)}; trying again in ${pauseMs} ms`,
    );
    this.#retryTimer = setTimeout(() => {
      this.publish().catch(() => {});
    }, pauseMs);
    this.#retryTimer.unref();
  }

  async #setAside(what: string): Promise<null> {
    const aside = `${this.#path}.damaged`;
    this.#options.note(
      `Cannot use ${this.#path}: ${what}; it is kept as ${aside}, and the store is used`,
    );
    await rename(this.#path, aside).catch(() => {});
    return null;
  }
}

/** After a crash at any point the file is the old one or the new one, whole. */
async function writeAtomically(path: string, text: string): Promise<void> {
  const staged = `${path}.new`;
  try {
    const file = await open(staged, "w", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(staged, path);
    const folder = await open(dirname(path), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  }
}
