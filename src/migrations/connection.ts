/** Connections of the node's own to a branch's database, for as long as it is migrated. */
import pg from "pg";
import { backendPidOf, connectionOf } from "../store/pg-inside.ts";
import { migrationConnectTimeoutMs } from "./limits.ts";

/** How `pg` reaches a database, as the branch's role. */
export type DatabaseLogin = Pick<
  pg.ClientConfig,
  "host" | "port" | "user" | "password" | "database" | "ssl" | "connectionString"
>;

/** Closes by itself at the end of its scope; a connection that hangs is dropped. */
export class MigrationConnection implements AsyncDisposable {
  readonly #client: pg.Client;
  readonly #gone = Promise.withResolvers<void>();
  #lost: Error | null = null;
  /** Of queries that are under way. A promise that all of them raced with would keep the rows of each as long as it lives. */
  readonly #waiting = new Set<(lost: Error) => void>();

  /** @throws what `pg` throws */
  static async open(login: DatabaseLogin, name: string): Promise<MigrationConnection> {
    const client = new pg.Client({
      ...login,
      application_name: name,
      connectionTimeoutMillis: migrationConnectTimeoutMs,
      keepAlive: true,
    });
    const connection = new MigrationConnection(client);
    await client.connect();
    return connection;
  }

  private constructor(client: pg.Client) {
    this.#client = client;
    client.on("error", (error) => {
      this.#lost ??= error;
      for (const reject of this.#waiting) reject(error);
      this.#gone.resolve();
    });
  }

  /** Of the server's process for it. */
  get pid(): number {
    return backendPidOf(this.#client);
  }

  /** Rows of one statement; without values also several statements, of which the last one's rows are given. */
  async rows<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]> {
    if (this.#lost !== null) throw this.#lost;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const asked =
      values === undefined ? this.#client.query(sql) : this.#client.query(sql, [...values]);
    asked.then(resolve, reject);
    this.#waiting.add(reject);
    const result = await promise.finally(() => this.#waiting.delete(reject));
    const last = (Array.isArray(result) ? result.at(-1) : result) as { rows?: Row[] } | undefined;
    return last?.rows ?? [];
  }

  /** Drops it, whatever it is doing. The server ends what it does for it. */
  drop(): void {
    connectionOf(this.#client).stream.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.#client.end().catch(() => {});
    const timer = setTimeout(() => this.drop(), migrationConnectTimeoutMs);
    await Promise.race([closing, this.#gone.promise]);
    clearTimeout(timer);
  }
}
