/**
 * A relay in this process: listens for clients of PostgreSQL's protocol, lets them log in, and gives each a session of the
 * database they name.
 *
 *   socket ──▶ ClientLogin ──password──▶ Session        any of them ──the socket closes──▶ gone
 */
import { randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import { rmSync } from "node:fs";
import { type Clock, systemClock } from "../base/clock.ts";
import { Deadlines } from "../base/deadlines.ts";
import { PlatformError, throwUncaught } from "../base/errors.ts";
import { TurnClock } from "../base/turn-clock.ts";
import type { LogSink } from "../telemetry/log-record.ts";
import { ClientLogin, type ClientLoginHost, saltOf } from "./client-login.ts";
import type { Framer } from "./framer.ts";
import { recordOf } from "./guard-event.ts";
import { GuardLog } from "./guard-log.ts";
import * as limits from "./limits.ts";
import { Outlet, type RawSocket } from "./outlet.ts";
import type { Hold, HoldOptions, Relay, RelayDatabase, RelayFacts } from "./relay-api.ts";
import type { ScramKeys } from "./scram.ts";
import { ServedDatabase } from "./served-database.ts";
import { Session } from "./session.ts";

export interface RelayOptions {
  /** On 127.0.0.1; 0 = any free one. */
  port: number;
  /** Folder for a unix socket beside it, named as clients of PostgreSQL look for it. Default: none. */
  socketFolder?: string | undefined;
  /** Gets what there is to say of apps. Never throws and never waits. Default: nowhere. */
  log?: LogSink;
  /** Default: the system's. */
  clock?: Clock;
}

/** Starts listening. @throws whatever the socket says, with its `code` (EADDRINUSE, EACCES …). */
export function startRelay(options: RelayOptions): Relay {
  return new LocalRelay(options);
}

/** What comes from one client's socket goes here. */
interface Guest {
  outlet: Outlet;
  login: ClientLogin | null;
  session: Session | null;
  framer: Framer | null;
}

type GuestSocket = Bun.Socket<Guest | undefined>;

const nowhere: LogSink = { write() {} };

class LocalRelay implements Relay, ClientLoginHost {
  readonly port: number;
  readonly deadlines: Deadlines;
  readonly #clock: TurnClock;
  readonly #databases = new Map<string, ServedDatabase>();
  readonly #sessions = new Map<number, Session>();
  readonly #guests = new Map<ClientLogin, Guest>();
  readonly #listeners: { stop(isForced?: boolean): void }[] = [];
  readonly #log: LogSink;
  readonly #guardLog: GuardLog;
  readonly #socketPath: string | null = null;
  #stopped: Promise<void> | null = null;

  constructor({ port, socketFolder, log = nowhere, clock = systemClock }: RelayOptions) {
    this.#log = log;
    this.#clock = new TurnClock(clock);
    this.deadlines = new Deadlines(this.#clock);
    this.#guardLog = new GuardLog(this.#clock, this.deadlines, (event) =>
      log.write(recordOf(event, this.#clock.wallMs())),
    );
    const socket = this.#handlers() as never;
    const listener = Bun.listen({ hostname: "127.0.0.1", port, socket });
    this.#listeners.push(listener);
    this.port = (listener as unknown as { port: number }).port;
    if (socketFolder !== undefined) {
      this.#socketPath = `${socketFolder}/.s.PGSQL.${this.port}`;
      rmSync(this.#socketPath, { force: true });
      this.#listeners.push(Bun.listen({ unix: this.#socketPath, socket }));
    }
    this.deadlines.start();
  }

  async put(database: RelayDatabase): Promise<void> {
    const before = this.#databases.get(database.name);
    if (before !== undefined) {
      before.database = database;
      return;
    }
    const { deadlines } = this;
    const clock = this.#clock;
    const onLeft = ({ pid }: Session) => void this.#sessions.delete(pid);
    const served = new ServedDatabase({
      database,
      clock,
      deadlines,
      salt: saltOf(database.role),
      log: this.#log,
      guardLog: this.#guardLog,
      onLeft,
    });
    this.#databases.set(database.name, served);
  }

  async remove(name: string): Promise<void> {
    const served = this.#databases.get(name);
    this.#databases.delete(name);
    await served?.close("57P01", `database "${name}" was removed`);
  }

  hold(name: string, options: HoldOptions): Promise<Hold> {
    const served = this.#databases.get(name);
    if (served === undefined) throw new PlatformError("DATABASE_UNKNOWN", [name]);
    return served.hold(options);
  }

  async facts(): Promise<RelayFacts> {
    return {
      strangers: this.#guests.size,
      databases: [...this.#databases.values()].map((served) => served.facts()),
    };
  }

  stop(): Promise<void> {
    this.#stopped ??= (async () => {
      for (const listener of this.#listeners) listener.stop(false);
      if (this.#socketPath !== null) rmSync(this.#socketPath, { force: true });
      for (const login of [...this.#guests.keys()]) {
        login.refuse("57P01", "terminating connection: the relay is stopping");
      }
      const all = [...this.#databases.values()];
      await Promise.all(
        all.map((one) => one.close("57P01", "terminating connection: the relay is stopping")),
      );
      this.#guardLog.close();
      this.deadlines.stop();
    })();
    return this.#stopped;
  }

  // --- what logins ask ---

  keysOf(user: string, database: string): ScramKeys | null {
    const served = this.#databases.get(database);
    return served?.database.role === user ? served.keys : null;
  }

  onCancel(pid: number, key: Buffer): void {
    const session = this.#sessions.get(pid);
    if (session === undefined || key.length !== session.key.length) return;
    if (timingSafeEqual(key, session.key)) session.cancel();
  }

  onGone(login: ClientLogin): void {
    this.#guests.delete(login);
  }

  onLogin(login: ClientLogin, framer: Framer): void {
    const guest = this.#guests.get(login)!;
    const served = this.#databases.get(login.database);
    // It may have been removed since the password was asked for.
    if (served === undefined) return login.refuse("3D000", "the database was removed");
    const { sessionsMax, name } = served.database;
    if (served.sessions.size >= sessionsMax) {
      return login.refuse("53300", `database "${name}" has ${sessionsMax} sessions already`, {
        hint: "Close pools that are not used, or give each fewer connections.",
      });
    }
    this.#guests.delete(login);
    login.finish();
    const parameters = served.shared(login.parameters);
    const key = randomBytes(login.minor >= 2 ? 32 : 4);
    const session = new Session(served, guest.outlet, framer, {
      pid: this.#freePid(),
      key,
      parameters,
    });
    guest.login = null;
    guest.session = session;
    guest.framer = framer;
    served.sessions.add(session);
    this.#sessions.set(session.pid, session);
    session.start();
  }

  // --- private ---

  /** Whoever means to log in takes milliseconds: the one that has been at it longest is in the way of the others. */
  #makeRoom(): void {
    if (this.#guests.size < limits.strangersMax) return;
    const oldest = this.#guests.keys().next().value;
    oldest?.refuse("53300", `more than ${limits.strangersMax} connections are logging in`);
  }

  #freePid(): number {
    for (;;) {
      const pid = randomInt(1, 0x7fff_ffff);
      if (!this.#sessions.has(pid)) return pid;
    }
  }

  #handlers() {
    const clock = this.#clock;
    return {
      binaryType: "buffer",
      open: (socket: GuestSocket) => {
        this.#makeRoom();
        socket.setNoDelay(true);
        socket.setKeepAlive(true, limits.keepAliveProbeMs);
        const outlet = new Outlet(socket as unknown as RawSocket);
        const login = new ClientLogin(this, outlet);
        const guest: Guest = { outlet, login, session: null, framer: null };
        this.#guests.set(login, guest);
        socket.data = guest;
      },
      data: (socket: GuestSocket, chunk: Buffer) => {
        clock.nowMs();
        const guest = socket.data;
        if (guest === undefined) return;
        if (guest.framer !== null) guest.framer.read(chunk);
        else guest.login!.onData(chunk);
      },
      drain: (socket: GuestSocket) => {
        clock.nowMs();
        const guest = socket.data;
        if (guest?.session) guest.session.onClientDrain();
        else guest?.outlet.drain();
      },
      close: (socket: GuestSocket) => {
        clock.nowMs();
        const guest = socket.data;
        guest?.outlet.forget();
        guest?.login?.onClose();
        guest?.session?.leave();
      },
      // What the kernel has to say comes with `close`; this is what a callback of ours has thrown.
      error: (_socket: GuestSocket, error: Error) => throwUncaught(error),
    };
  }
}
