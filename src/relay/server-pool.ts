/**
 * The connections to one database on a server, in bounded number. Each session has one while it works; a spare one goes to
 * the next session that wants one with the same startup parameters, its state thrown away before.
 *
 *   connecting ──▶ lent ──giveBack()──▶ cleaning ──▶ spare ──unused──▶ ended
 *                   ▲                                  │
 *                   └──────────── take() ──────────────┘
 *
 * Sessions that get none wait in line. When the server does not answer, it is tried again, with pauses, for as long as
 * somebody waits.
 */
import type { Deadlines } from "../base/deadlines.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import * as limits from "./limits.ts";
import { cancelRequest, query, type SqlError } from "./messages.ts";
import type { RelayDatabase } from "./relay-api.ts";
import { ruleSettings } from "./rule-settings.ts";
import { ServerConnection, type ServerRefusal, type ServerTarget } from "./server-connection.ts";
import type { LostServer } from "./server-lost.ts";
import { connectSocket } from "./server-socket.ts";
import type { SessionServers } from "./session-host.ts";
import type { Tenancy } from "./tenancy.ts";

export interface ServerPoolOptions {
  database: RelayDatabase;
  clock: TurnClock;
  deadlines: Deadlines;
  /** Asks sessions that are idle for their connection. */
  reclaim(): void;
}

/** By name. */
type Settings = ReadonlyMap<string, string>;

/** Refusals that pass: too many connections, starting up, shutting down, a crash of another process. */
const PASSING = new Set(["53300", "57P01", "57P02", "57P03"]);

const discardAll = query("DISCARD ALL");

export class ServerPool implements SessionServers {
  readonly #options: ServerPoolOptions;
  readonly #all = new Set<ServerConnection>();
  readonly #spares: ServerConnection[] = [];
  readonly #waiting = new Set<Tenancy>();
  /** What the latest connection reported at its log-in, by its startup parameters. */
  readonly #reported = new WeakMap<Settings, Settings>();
  /** Connections that are being opened. Count. */
  #opening = 0;
  #pauseMs: number = limits.connectPauseMsMin;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #reclaimTimer: ReturnType<typeof setTimeout> | null = null;
  #lastError: string | null = null;
  /** The server itself has no connection left: those that are idle here go to whoever waits. */
  #isServerFull = false;
  #cancels = 0;
  #isHeld = false;
  /** Taken out of service: connections that come back are ended. */
  #isClosed = false;

  constructor(options: ServerPoolOptions) {
    this.#options = options;
  }

  /** Open or being opened. Count. */
  get size(): number {
    return this.#all.size;
  }

  /** Sessions that wait. Count. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get isShort(): boolean {
    if (this.#waiting.size === 0) return false;
    return this.#isServerFull || (this.#opening === 0 && this.#lastError === null);
  }

  // --- what sessions ask ---

  take(tenancy: Tenancy): ServerConnection | null {
    const spare = this.#takeSpare(tenancy);
    if (spare !== null) return spare;
    this.#waiting.add(tenancy);
    this.#open();
    return null;
  }

  forget(tenancy: Tenancy): void {
    this.#waiting.delete(tenancy);
  }

  whyWaiting(): SqlError {
    const { name, connectionsMax } = this.#options.database;
    if (this.#lastError !== null) {
      return {
        severity: "ERROR",
        code: "57P03",
        message: `PostgreSQL could not be reached for ${limits.serverWaitMs} ms (${this.#lastError})`,
        hint: "The statement was not run. Try again.",
      };
    }
    return {
      severity: "ERROR",
      code: "53300",
      message: `no server connection of database "${name}" became free within ${limits.serverWaitMs} ms: all ${connectionsMax} are in use`,
      hint: "End transactions sooner, or raise database.poolMax in levain.config.ts.",
    };
  }

  giveBack(server: ServerConnection): void {
    server.takeBack(limits.ownQueryMs);
    if (!this.#isReusable(server)) return void server.end();
    server.run(discardAll, 1, limits.ownQueryMs, (answer) => {
      if (answer === null) return;
      if (answer.errors.length > 0 || !this.#isReusable(server)) return void server.end();
      server.statements.clear();
      server.stateKey = "";
      this.#offer(server);
    });
  }

  passOn(server: ServerConnection): void {
    if (this.#isReusable(server)) return this.#offer(server);
    server.takeBack(limits.ownQueryMs);
    void server.end();
  }

  cancel(server: ServerConnection): void {
    if (this.#cancels >= limits.cancelsMax || server.pid === 0) return;
    this.#cancels += 1;
    server.cancels += 1;
    const done = () => {
      this.#cancels -= 1;
      server.cancels -= 1;
    };
    void sendCancel(server).then(done, done);
  }

  // --- what the database says ---

  /** The same connections go on; `connectionsMax` may be another one. */
  set database(database: RelayDatabase) {
    const before = this.#options.database;
    this.#options.database = database;
    const { role, password, server } = database;
    const isSame = role === before.role && password === before.password;
    const hasSameRules = Bun.deepEquals(ruleSettings(database), ruleSettings(before));
    if (isSame && hasSameRules && Bun.deepEquals(server, before.server)) return;
    for (const one of this.#all) one.isStale = true;
    for (const spare of this.#spares.splice(0)) void spare.end();
  }

  /** Nobody gets a connection; spare ones are ended. Those that sessions have go as they are given back. */
  hold(): void {
    this.#isHeld = true;
    for (const spare of this.#spares.splice(0)) void spare.end();
  }

  /** Whoever waits gets a connection again. */
  release(): void {
    this.#isHeld = false;
    this.#open();
  }

  /** Resolves when the server has closed each connection. */
  async ended(): Promise<void> {
    while (this.#all.size > 0) await Promise.all([...this.#all].map((server) => server.gone));
  }

  /** No connection is given any more; those that are lent end as they are given back. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#reclaimTimer !== null) clearTimeout(this.#reclaimTimer);
    this.#waiting.clear();
    for (const server of [...this.#all]) if (!server.isLent) void server.end();
  }

  // --- private ---

  #isReusable({ cancels, isStale }: ServerConnection): boolean {
    return !this.#isHeld && !this.#isClosed && !isStale && cancels === 0;
  }

  #takeSpare({ parameters, stateKey }: Tenancy): ServerConnection | null {
    if (this.#isHeld || this.#isClosed) return null;
    let found = -1;
    for (let index = this.#spares.length - 1; index >= 0; index -= 1) {
      const spare = this.#spares[index]!;
      if (spare.target.parameters !== parameters) continue;
      if (found === -1) found = index;
      if (spare.stateKey !== stateKey) continue;
      found = index;
      break;
    }
    if (found === this.#spares.length - 1) return this.#spares.pop() ?? null;
    return found === -1 ? null : this.#spares.splice(found, 1)[0]!;
  }

  /** Opens connections for those who wait, as far as there may be more. */
  #open(): void {
    if (this.#timer !== null || this.#isHeld || this.#isClosed) return;
    const { database } = this.#options;
    while (this.#opening < this.#waiting.size) {
      if (this.#all.size >= database.connectionsMax) {
        // One with other parameters is of no use to those who wait.
        const spare = this.#spares.shift();
        if (spare !== undefined) return void spare.end();
        if (this.#opening === 0) this.#reclaimSoon();
        return;
      }
      const first = [...this.#waiting][this.#opening]!;
      this.#connect(first);
    }
  }

  /** Asks those who are idle for their connections, until nobody waits. */
  #reclaimSoon(): void {
    this.#reclaimTimer ??= setTimeout(() => {
      this.#reclaimTimer = null;
      if (this.#isHeld || this.#isClosed || this.#waiting.size === 0) return;
      this.#options.reclaim();
      this.#open();
    }, limits.reclaimMs);
  }

  #connect(tenancy: Tenancy): void {
    const { database, clock, deadlines } = this.#options;
    const { address, database: name } = database.server;
    const { role, password } = database;
    const target: ServerTarget = {
      address,
      database: name,
      role,
      password,
      parameters: tenancy.parameters,
      rules: ruleSettings(database, tenancy.parameters),
    };
    this.#opening += 1;
    const server = new ServerConnection({
      target,
      clock,
      deadlines,
      shared: (reported) => this.#shared(target.parameters, reported),
      onClosed: (gone, lost) => this.#onClosed(gone, lost),
    });
    this.#all.add(server);
    server.ready.then(
      () => {
        this.#opening -= 1;
        this.#lastError = null;
        this.#isServerFull = false;
        this.#pauseMs = limits.connectPauseMsMin;
        this.#reported.set(target.parameters, server.parameters);
        if (!this.#isReusable(server)) return void server.end();
        this.#offer(server);
      },
      (error) => {
        this.#opening -= 1;
        this.#onRefused(error as ServerRefusal, tenancy);
      },
    );
  }

  /** The same object for equal settings, so that sessions see at once that another connection has nothing new for a client. */
  #shared(startup: Settings, reported: Settings): Settings {
    const known = this.#reported.get(startup);
    if (known === undefined || known.size !== reported.size) return reported;
    for (const [name, value] of known) if (reported.get(name) !== value) return reported;
    return known;
  }

  /** Gives a connection to whoever waits for such a one, or keeps it. */
  #offer(server: ServerConnection): void {
    if (server.isClosed) return;
    if (this.#waiting.size > 0) {
      for (const tenancy of this.#waiting) {
        if (tenancy.parameters !== server.target.parameters) continue;
        this.#waiting.delete(tenancy);
        return tenancy.onServer(server);
      }
    }
    server.takeBack(limits.spareMs);
    this.#spares.push(server);
    if (this.#waiting.size > 0) this.#open();
  }

  #onRefused(error: ServerRefusal, tenancy: Tenancy): void {
    if (this.#isClosed) return;
    const { code } = error;
    if (code !== null && !PASSING.has(code)) {
      if (!this.#waiting.delete(tenancy)) return;
      return tenancy.onServerDenied({ severity: "ERROR", code, message: error.message });
    }
    this.#lastError = error.message;
    this.#isServerFull = code === "53300";
    if (this.#isServerFull) this.#options.reclaim();
    if (this.#timer !== null || this.#waiting.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#open();
    }, this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, limits.connectPauseMsMax);
  }

  #dropDoubtful(): void {
    const sinceMs = this.#options.clock.lastMs - limits.doubtAfterMs;
    const doubtful = this.#spares.filter(({ heardMs }) => heardMs < sinceMs);
    for (const spare of doubtful) this.#spares.splice(this.#spares.indexOf(spare), 1);
    for (const spare of doubtful) void spare.end();
  }

  #onClosed(server: ServerConnection, { fields }: LostServer): void {
    this.#all.delete(server);
    const index = this.#spares.indexOf(server);
    if (index >= 0) this.#spares.splice(index, 1);
    // What took this one without a word may have taken others: waiting for each to prove itself would add up.
    if (fields === null) this.#dropDoubtful();
    // After whoever had it has heard.
    if (this.#waiting.size > 0 && !this.#isClosed) queueMicrotask(() => this.#open());
  }
}

/** Resolves when the server has closed, which it does when it has passed the request on. */
async function sendCancel({ target, pid, key }: ServerConnection): Promise<void> {
  const closed = Promise.withResolvers<void>();
  const timer = setTimeout(closed.resolve, limits.closeMs);
  try {
    const socket = await connectSocket(target.address, {
      onData() {},
      onDrain() {},
      onClose: closed.resolve,
    });
    socket.write(cancelRequest(pid, key));
    await closed.promise;
    socket.terminate();
  } finally {
    clearTimeout(timer);
  }
}
