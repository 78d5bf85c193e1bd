/**
 * A relay in this process: listens for clients of PostgreSQL's protocol, lets them log in, and gives each a session of the
 * database they name.
 *
 *   socket ──▶ ClientLogin ──password──▶ Session        any of them ──the socket closes──▶ gone
 */
import { randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import { rmSync } from "node:fs";
import { plainAddress } from "../base/client-address.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { Deadlines } from "../base/deadlines.ts";
import { PlatformError, throwUncaught } from "../base/errors.ts";
import { TurnClock } from "../base/turn-clock.ts";
import type { LogSink } from "../telemetry/log-record.ts";
import { certificateHash } from "./channel-binding.ts";
import { ClientLogin, type ClientLoginHost, saltOf, type TlsOffer } from "./client-login.ts";
import type { Framer } from "./framer.ts";
import { recordOf } from "./guard-event.ts";
import { GuardLog } from "./guard-log.ts";
import * as limits from "./limits.ts";
import { Outlet, type RawSocket } from "./outlet.ts";
import {
  type Hold,
  type HoldOptions,
  type Relay,
  type RelayCertificate,
  type RelayDatabase,
  type RelayFacts,
  type RelayReach,
  thisMachineAlone,
} from "./relay-api.ts";
import type { ScramKeys } from "./scram.ts";
import { SecuredSocket, secureSocket } from "./secured-socket.ts";
import { ServedDatabase } from "./served-database.ts";
import { Session } from "./session.ts";
import { Strangers } from "./strangers.ts";

export interface RelayOptions {
  /** On 127.0.0.1; 0 = any free one. */
  port: number;
  /** Default: this machine alone, without TLS. */
  reach?: RelayReach;
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
  /** As it was accepted, in clear. */
  socket: GuestSocket;
  outlet: Outlet;
  /** Null without TLS. */
  secured: SecuredSocket | null;
  login: ClientLogin | null;
  session: Session | null;
  framer: Framer | null;
}

type GuestSocket = Bun.Socket<Guest | undefined>;

const nowhere: LogSink = { write() {} };

const loopback = "127.0.0.1";

/** Addresses that stand for all of the machine's, 127.0.0.1 among them. */
const everywhere = ["0.0.0.0", "::"];

/** What a listener's clients are. */
type Door = "loopback" | "open" | "file";

class LocalRelay implements Relay, ClientLoginHost {
  readonly port: number;
  readonly deadlines: Deadlines;
  readonly #clock: TurnClock;
  readonly #databases = new Map<string, ServedDatabase>();
  readonly #sessions = new Map<number, Session>();
  readonly #guests = new Map<ClientLogin, Guest>();
  readonly #strangers = new Strangers();
  readonly #listeners: { stop(isForced?: boolean): void }[] = [];
  readonly #log: LogSink;
  readonly #guardLog: GuardLog;
  readonly #socketPath: string | null = null;
  readonly #mayBePlain: boolean;
  #tls: (RelayCertificate & { hash: Buffer | null }) | null;
  #stopped: Promise<void> | null = null;

  constructor(options: RelayOptions) {
    const { port, socketFolder, log = nowhere, clock = systemClock } = options;
    const { hostname, tls, mayBePlain } = options.reach ?? thisMachineAlone;
    this.#mayBePlain = mayBePlain;
    this.#tls = tls === null ? null : { ...tls, hash: certificateHash(tls.cert) };
    this.#log = log;
    this.#clock = new TurnClock(clock);
    this.deadlines = new Deadlines(this.#clock);
    this.#guardLog = new GuardLog(this.#clock, this.deadlines, (event) =>
      log.write(recordOf(event, this.#clock.wallMs())),
    );
    const isEverywhere = everywhere.includes(hostname);
    this.port = isEverywhere
      ? this.#listen({ hostname, port }, "open")
      : this.#listen({ hostname: loopback, port }, "loopback");
    if (!isEverywhere && hostname !== loopback) this.#listen({ hostname, port: this.port }, "open");
    if (socketFolder !== undefined) {
      this.#socketPath = `${socketFolder}/.s.PGSQL.${this.port}`;
      rmSync(this.#socketPath, { force: true });
      this.#listen({ unix: this.#socketPath }, "file");
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

  async hold(name: string, options: HoldOptions): Promise<Hold> {
    const served = this.#databases.get(name);
    if (served === undefined) throw new PlatformError("DATABASE_UNKNOWN", [name]);
    return await served.hold(options);
  }

  async facts(): Promise<RelayFacts> {
    return {
      strangers: this.#strangers.size,
      databases: [...this.#databases.values()].map((served) => served.facts()),
    };
  }

  async renewTls(tls: RelayCertificate): Promise<void> {
    this.#tls = { ...tls, hash: certificateHash(tls.cert) };
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

  secure(login: ClientLogin, first: Buffer | null): void {
    const guest = this.#guests.get(login)!;
    const { socket, outlet } = guest;
    const { hash } = this.#tls!;
    // Not even one letter was taken: nobody reads there.
    if (outlet.unsentBytes > 0) return outlet.reset();
    // What is encrypted is nobody's.
    socket.data = undefined;
    try {
      const halves = secureSocket<Guest | undefined>(
        socket,
        this.#tls!,
        guest,
        {
          ...this.#callbacks(),
          handshake(one, isSecured) {
            if (!isSecured) one.terminate();
            else guest.login?.onSecured(one.alpnProtocol || null, hash);
          },
        },
        first,
      );
      guest.secured = new SecuredSocket(halves, this.deadlines);
      outlet.secure(guest.secured);
    } catch {
      // The certificate was checked when it was read.
      outlet.reset();
      login.onClose();
    }
  }

  onGone(login: ClientLogin): void {
    this.#strangers.remove(login);
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
    this.onGone(login);
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

  #listen(at: { hostname: string; port: number } | { unix: string }, door: Door): number {
    const listener = Bun.listen({
      ...at,
      socket: {
        binaryType: "buffer",
        open: (socket: GuestSocket) => this.#accept(socket, door),
        ...this.#callbacks(),
      },
    } as never);
    this.#listeners.push(listener);
    return (listener as unknown as { port: number }).port;
  }

  #accept(socket: GuestSocket, door: Door): void {
    if (door !== "file") {
      socket.setNoDelay(true);
      socket.setKeepAlive(true, limits.keepAliveProbeMs);
    }
    const address = door === "open" ? addressBeyond(socket.remoteAddress) : null;
    const outlet = new Outlet(socket as unknown as RawSocket);
    const login = new ClientLogin(this, outlet, this.#offerTo(door, address), address);
    const guest = { socket, outlet, secured: null, login, session: null, framer: null };
    socket.data = guest;
    this.#strangers.add(login);
    this.#guests.set(login, guest);
  }

  #offerTo(door: Door, address: string | null): TlsOffer {
    // Nobody is in between on a unix socket, and no client asks for TLS there.
    if (this.#tls === null || door === "file") return "none";
    return address === null || this.#mayBePlain ? "offered" : "needed";
  }

  #freePid(): number {
    for (;;) {
      const pid = randomInt(1, 0x7fff_ffff);
      if (!this.#sessions.has(pid)) return pid;
    }
  }

  /** The same in clear and over TLS. */
  #callbacks() {
    const clock = this.#clock;
    return {
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
        guest?.secured?.forget();
        guest?.outlet.forget();
        guest?.login?.onClose();
        guest?.session?.leave();
      },
      // What the kernel has to say comes with `close`; this is what a callback of ours has thrown.
      error: (_socket: GuestSocket, error: Error) => throwUncaught(error),
    };
  }
}

/** Of a client; null when it is on this machine. */
function addressBeyond(remoteAddress: string): string | null {
  const [address = ""] = plainAddress(remoteAddress).split("%");
  return address === "::1" || address.startsWith("127.") ? null : address;
}
