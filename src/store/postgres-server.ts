/**
 * One running server process: started, asked until it answers, stopped.
 *
 *   spawned ──answers──▶ ready ──end──▶ ended
 *      └──────────end──────────────────▶ ended        stop() leads there from anywhere, within a bound
 *
 * Not restarted here; see `embedded-postgres.ts`.
 */
import pg from "pg";
import { settlesWithin } from "../base/within.ts";
import {
  postgresFastStopMs,
  postgresImmediateStopMs,
  postgresProbeMs,
  postgresProbeMsMax,
  storeConnectTimeoutMs,
} from "./limits.ts";
import type { PostgresPrograms } from "./postgres-binaries.ts";
import { openLog } from "./postgres-log.ts";
import { databaseName, type ServerSizing, serverArguments } from "./postgres-settings.ts";
import type { PostgresUser } from "./postgres-user.ts";
import { cleanEnvironment } from "./system-command.ts";

/** How to reach the server, for `pg`. */
export interface PostgresConnection {
  /** Folder of the unix socket. */
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

export interface ServerOptions {
  programs: PostgresPrograms;
  data: string;
  log: string;
  user: PostgresUser;
  connection: PostgresConnection;
  sizing: ServerSizing;
  /** Settings that go before ours. */
  settings: Readonly<Record<string, string>>;
}

export class PostgresServer {
  readonly #child: Bun.Subprocess;
  readonly #connection: PostgresConnection;
  /** Settles when the process is gone, with how it ended in words. Never rejects. */
  readonly ended: Promise<string>;

  /** @throws when the process cannot be started at all */
  constructor({ programs, data, log, user, connection, sizing, settings }: ServerOptions) {
    this.#connection = connection;
    const stderr = openLog(log);
    try {
      this.#child = Bun.spawn(
        [programs.postgres, ...serverArguments(data, connection.host, sizing, settings)],
        {
          cwd: "/",
          env: cleanEnvironment,
          stdin: "ignore",
          stdout: stderr.fd,
          stderr: stderr.fd,
          // A group of its own: Ctrl-C in the node's terminal must not stop the store before the node has drained.
          detached: true,
          ...(user.isOther ? { uid: user.uid, gid: user.gid } : {}),
        },
      );
    } finally {
      stderr.close();
    }
    this.ended = this.#child.exited.then(() => describeEnd(this.#child));
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Waits until the server answers queries and the store's database exists. False when the process ends first. */
  async answers(): Promise<boolean> {
    for (let pauseMs = postgresProbeMs; !this.isEnded; pauseMs *= 2) {
      if (await this.#hasDatabase()) return true;
      await settlesWithin(this.ended, Math.min(pauseMs, postgresProbeMsMax));
    }
    return false;
  }

  /** Stops the server: fast, then immediately, then by force. Returns when it is gone. Safe to call twice. */
  async stop(): Promise<void> {
    for (const [signal, waitMs] of [
      ["SIGINT", postgresFastStopMs],
      ["SIGQUIT", postgresImmediateStopMs],
    ] as const) {
      if (this.isEnded) return;
      this.#child.kill(signal);
      await settlesWithin(this.ended, waitMs);
    }
    if (!this.isEnded) this.#child.kill("SIGKILL");
    await this.ended;
  }

  async #hasDatabase(): Promise<boolean> {
    // Not the store's own database: that one is made here.
    const client = new pg.Client({
      ...this.#connection,
      database: "postgres",
      connectionTimeoutMillis: storeConnectTimeoutMs,
      query_timeout: storeConnectTimeoutMs,
    });
    client.on("error", () => {});
    try {
      await client.connect();
      const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [
        databaseName,
      ]);
      if (rowCount === 0) await client.query(`CREATE DATABASE ${databaseName}`);
      // Roles of branches share the server: what is the node's own is not theirs to look at.
      await client.query(`REVOKE ALL ON DATABASE ${databaseName}, postgres, template1 FROM PUBLIC`);
      return true;
    } catch {
      // Not listening yet, starting up or recovering: all of them pass, and what does not ends the process.
      return false;
    } finally {
      await settlesWithin(client.end(), storeConnectTimeoutMs);
    }
  }
}

function describeEnd(child: Bun.Subprocess): string {
  return child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`;
}
