/**
 * PostgreSQL that the node runs by itself, in its data directory, and keeps running.
 *
 *   starting ──answers──▶ ready ──server ends──▶ unavailable ──after a pause──▶ starting …
 *       └────────────server ends────────────────────▲ └──────────── stop() ─────▶ unavailable, for good
 *
 * The pause doubles with each failure in a row and starts again after some healthy time. A session that is killed is
 * PostgreSQL's own affair: it recovers without a new server, and the state stays `ready`.
 *
 * When the node is killed, its server lives on. The next start stops it and starts its own, because only a child's end
 * is noticed at once.
 */
import type { Clock } from "../base/clock.ts";
import { messageOf, PlatformError } from "../base/errors.ts";
import { settlesWithin } from "../base/within.ts";
import { postgresGraceMs, postgresLogCheckMs, postgresStartTimeoutMs } from "./limits.ts";
import { type PostgresPrograms, preparePrograms } from "./postgres-binaries.ts";
import { prepareCluster } from "./postgres-cluster.ts";
import {
  type PostgresFolders,
  postgresPort,
  prepareFolders,
  prepareSocketFolder,
  type SocketFolder,
} from "./postgres-folders.ts";
import { clearLeftovers } from "./postgres-leftovers.ts";
import { boundLog, lastComplaint, logSize, logTail } from "./postgres-log.ts";
import { failuresAfter, restartDelayMs } from "./postgres-restart.ts";
import { type PostgresConnection, PostgresServer } from "./postgres-server.ts";
import { databaseName, databaseUser, serverSizing } from "./postgres-settings.ts";
import { findPostgresUser, type PostgresUser } from "./postgres-user.ts";

export interface EmbeddedPostgresOptions {
  /** The node's data directory; it exists, and the caller holds the node's lock on it. */
  dataDir: string;
  /** User to run it as when the node is root. Default: `levain-postgres`, added when missing. */
  user?: string | undefined;
  /** What the node and all it runs may use together. Default: little. Bytes. */
  memoryBytes?: number;
  /** Settings of the server that go before ours, for tests. */
  settings?: Readonly<Record<string, string>>;
  clock: Clock;
  /** Called as soon as it is clear how to reach it, before it answers. */
  onConnection?(connection: PostgresConnection): void;
  /** Events for the node's own log: starts, ends, pauses. */
  log(message: string): void;
  /**
   * What to do when the server does not answer at first: give up with `POSTGRES_START_FAILED` (default), or return after
   * `postgresGraceMs` in whatever state it is in and keep trying, so that a node can serve the traffic meanwhile.
   */
  whenNotReady?: "throw" | "keep-trying";
}

export interface PostgresState {
  state: "ready" | "starting" | "unavailable";
  /** Why it is not ready, else null. */
  cause: string | null;
}

/**
 * Makes or finds the cluster, ends what an earlier node left running, starts the server and watches it.
 *
 * @returns once the server answers queries, or as `whenNotReady` says
 * @throws {PlatformError} `POSTGRES_MISSING`, `POSTGRES_USER_MISSING`, `DATA_DIR_UNUSABLE`, `POSTGRES_START_FAILED`;
 *   nothing is left running
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const postgres = await prepare(options);
  options.onConnection?.(postgres.connection);
  const isPatient = options.whenNotReady === "keep-trying";
  const isReady = await postgres.start(isPatient ? postgresGraceMs : postgresStartTimeoutMs);
  if (!isReady && !isPatient) {
    const { cause } = postgres.state();
    const detail = { log: await postgres.recentLog() };
    await postgres.stop();
    throw new PlatformError("POSTGRES_START_FAILED", [cause ?? "it does not answer"], { detail });
  }
  return postgres;
}

async function prepare(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    const user = await findPostgresUser(options.user);
    const folders = await prepareFolders(options.dataDir, user);
    const programs = await preparePrograms({ copiesFolder: folders.copies, user });
    const password = await prepareCluster(folders, programs, user);
    const socket = await prepareSocketFolder(folders, user);
    return new EmbeddedPostgres(options, { user, folders, programs, password, socket });
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw new PlatformError("POSTGRES_START_FAILED", [messageOf(error)], { cause: error });
  }
}

interface Prepared {
  user: PostgresUser;
  folders: PostgresFolders;
  programs: PostgresPrograms;
  password: string;
  socket: SocketFolder;
}

export class EmbeddedPostgres {
  /** How to reach it, for `pg`. The same for its whole life. */
  readonly connection: PostgresConnection;

  readonly #options: EmbeddedPostgresOptions;
  readonly #prepared: Prepared;
  #state: PostgresState = { state: "starting", cause: null };
  #server: PostgresServer | null = null;
  #failures = 0;
  #logStartByte = 0;
  /** The start that is going on or was last. */
  #starting: Promise<void> | null = null;
  #restart: ReturnType<typeof setTimeout> | undefined;
  #logCheck: ReturnType<typeof setInterval> | undefined;
  #stopping: Promise<void> | null = null;

  /** Use `startEmbeddedPostgres`. */
  constructor(options: EmbeddedPostgresOptions, prepared: Prepared) {
    this.#options = options;
    this.#prepared = prepared;
    this.connection = {
      host: prepared.socket.path,
      port: postgresPort,
      user: databaseUser,
      password: prepared.password,
      database: databaseName,
    };
  }

  /** What it is doing now. Never waits. */
  state(): PostgresState {
    return this.#state;
  }

  /** Pid of the server, or null between two of them. */
  get pid(): number | null {
    return this.#server === null || this.#server.isEnded ? null : this.#server.pid;
  }

  /** Last lines the current or last server wrote to its log. */
  recentLog(): Promise<string[]> {
    return logTail(this.#prepared.folders.log, this.#logStartByte);
  }

  /**
   * Starts the first server and the watch over it.
   *
   * @param waitMs how long to wait for its first answer; then it goes on in the background
   * @returns true once it answers, false when it ended or did not in time
   */
  async start(waitMs: number): Promise<boolean> {
    const { log } = this.#prepared.folders;
    this.#logCheck = setInterval(() => void boundLog(log), postgresLogCheckMs);
    this.#logCheck.unref();
    this.#starting = this.#startServer();
    await settlesWithin(this.#starting, waitMs);
    return this.#state.state === "ready";
  }

  /**
   * Stops the server and the watch. Fast shutdown, then immediate, then by force, each with a bound. Returns when it is
   * gone. Safe to call twice and at any time.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#restart);
    clearInterval(this.#logCheck);
    await this.#server?.stop();
    // A start that was between two steps sees that it has to stop; its server, if any, is gone by then.
    await this.#starting;
    await this.#server?.stop();
    await this.#prepared.socket.remove();
    this.#state = { state: "unavailable", cause: "PostgreSQL was stopped" };
  }

  /** Settles when the server answers, or when it is clear that it will not. Never rejects. */
  async #startServer(): Promise<void> {
    const { clock, log, memoryBytes = 0, settings = {} } = this.#options;
    const { folders, programs, user } = this.#prepared;
    const startedAtMs = clock.nowMs();
    this.#state = {
      state: "starting",
      cause: this.#state.cause ?? "PostgreSQL does not answer yet",
    };
    try {
      await boundLog(folders.log);
      this.#logStartByte = await logSize(folders.log);
      // An earlier node's server, or sessions that outlived ours: a new one refuses to start next to them.
      const left = await clearLeftovers(folders.data, clock);
      if (left.length > 0) log(`ended what was left of an earlier PostgreSQL (${left.join(", ")})`);
      if (this.#stopping !== null) return;
      const { data, log: logPath } = folders;
      const { connection } = this;
      const sizing = serverSizing(memoryBytes);
      const server = new PostgresServer({
        programs,
        data,
        log: logPath,
        user,
        connection,
        sizing,
        settings,
      });
      this.#server = server;
      const ending = server.ended.then((how) => this.#onEnd(how, clock.nowMs() - startedAtMs));
      // Without a deadline: a server that recovers would only have to begin again.
      if (!(await server.answers())) return await ending;
      if (this.#stopping !== null) return;
      this.#state = { state: "ready", cause: null };
      log(
        `PostgreSQL is ready after ${Math.round(clock.nowMs() - startedAtMs)} ms (${server.pid})`,
      );
    } catch (error) {
      this.#scheduleRestart(`PostgreSQL cannot be started: ${messageOf(error)}`, 0);
    }
  }

  async #onEnd(how: string, ranMs: number): Promise<void> {
    if (this.#stopping !== null) return;
    const complaint = lastComplaint(await this.recentLog());
    this.#scheduleRestart(
      `PostgreSQL ended (${how})${complaint === null ? "" : `: ${complaint}`}`,
      ranMs,
    );
  }

  #scheduleRestart(cause: string, ranMs: number): void {
    if (this.#stopping !== null) return;
    this.#failures = failuresAfter(this.#failures, ranMs);
    const delayMs = restartDelayMs(this.#failures);
    this.#state = { state: "unavailable", cause };
    this.#options.log(`${cause}; starting it again in ${delayMs} ms`);
    this.#restart = setTimeout(() => {
      this.#starting = this.#startServer();
    }, delayMs);
  }
}
