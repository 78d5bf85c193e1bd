/**
 * One connection to PostgreSQL: opened, logged in, lent to one session at a time.
 *
 *   connecting ──log-in──▶ ready ──lend()──▶ lent ──takeBack()──▶ ready …
 *       └──────────any of them: the connection ends──────────▶ closed      end() leads there politely
 *
 * While it is lent, its messages go to the session's sink; else they are its own. Queries of the relay's own (`run`) come
 * between two batches only.
 */
import type { Deadlined, Deadlines } from "../base/deadlines.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import { type FrameKinds, Framer, type FrameSink } from "./framer.ts";
import { closeMs, connectTimeoutMs } from "./limits.ts";
import { startupPacket, terminateMessage } from "./messages.ts";
import { Outlet, type RawSocket } from "./outlet.ts";
import { type OwnAnswer, OwnQuery, ownKinds, UnaskedAnswers } from "./own-query.ts";
import type { ServerAddress } from "./relay-api.ts";
import { loginKinds, readParameter, ServerLogin } from "./server-login.ts";
import type { LostServer } from "./server-lost.ts";
import { connectSocket, UntrustedServer } from "./server-socket.ts";
import { ServerStatements } from "./statement-names.ts";

export interface ServerTarget {
  address: ServerAddress;
  database: string;
  role: string;
  password: string;
  /** What the startup packet says beside user and database. */
  parameters: ReadonlyMap<string, string>;
  /** The same by the database's rules, which count more. */
  rules: ReadonlyMap<string, string>;
}

/** Whoever has the connection. */
export interface ServerOwner {
  /** The server takes more. */
  onServerDrain(): void;
  /** It is gone; called once. */
  onServerLost(connection: ServerConnection, lost: LostServer): void;
  /** A notification between two batches, as the server sent it. */
  onServerNotification(bytes: Buffer): void;
}

export interface ServerConnectionOptions {
  target: ServerTarget;
  clock: TurnClock;
  deadlines: Deadlines;
  /** What is reported, as one object for all that are equal. */
  shared(reported: ReadonlyMap<string, string>): ReadonlyMap<string, string>;
  /** It is gone, lent or not; called once. */
  onClosed(connection: ServerConnection, lost: LostServer): void;
}

export class ServerConnection implements Deadlined {
  deadlineMs = Number.POSITIVE_INFINITY;
  /** What the server reports of its settings. Never changed: there is another one after a change. */
  parameters: ReadonlyMap<string, string> = new Map<string, string>();
  readonly target: ServerTarget;
  /** Resolves when it can take a query. @throws {ServerRefusal} */
  readonly ready: Promise<void>;
  pid = 0;
  key: Buffer = Buffer.alloc(0);
  /** Clock time when it said something last. Milliseconds. */
  heardMs = 0;
  /** Cancel requests that are under way and would hit whoever has it next. Count. */
  cancels = 0;
  readonly #options: ServerConnectionOptions;
  readonly #ready = Promise.withResolvers<void>();
  readonly framer: Framer;
  #outlet: Outlet | null = null;
  #owner: ServerOwner | null = null;
  #fatal: Map<string, string> | null = null;
  #own: ((answer: OwnAnswer | null) => void) | null = null;
  #awaited: "login" | "own" | "close" | "spare" = "login";
  #isClosed = false;
  readonly #gone = Promise.withResolvers<void>();
  /** Resolves when the server has closed, so that its process is gone; or when it did not in time. */
  readonly gone: Promise<void> = this.#gone.promise;
  /** Whoever has it has to give it back: the database is another one now. */
  isStale = false;
  /** With transaction pooling: what is prepared on it. */
  readonly statements = new ServerStatements();
  /** With transaction pooling: which settings it has, as `SessionMemory.stateKey` names them. */
  stateKey = "";

  constructor(options: ServerConnectionOptions) {
    this.#options = options;
    this.target = options.target;
    this.ready = this.#ready.promise;
    this.ready.catch(() => {});
    this.framer = new Framer(loginKinds, this.#login());
    options.deadlines.add(this);
    this.deadlineMs = options.deadlines.after(connectTimeoutMs);
    connectSocket(this.target.address, this).then(
      (raw) => this.#onOpen(raw),
      (error) => {
        if (error instanceof UntrustedServer) this.#fatal = fatal("08001", error.message);
        this.#lose(`${(error as { code?: unknown }).code ?? error}`);
      },
    );
  }

  /** A session has it. */
  get isLent(): boolean {
    return this.#owner !== null;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Bytes that the server has not taken. */
  get unsentBytes(): number {
    return this.#outlet?.unsentBytes ?? 0;
  }

  // --- lending ---

  lend(owner: ServerOwner, kinds: FrameKinds, sink: FrameSink): void {
    this.#owner = owner;
    this.resume();
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.framer.kinds = kinds;
    this.framer.sink = sink;
  }

  /** Nobody has it; between two batches only. @param spareMs how long it is kept. Milliseconds */
  takeBack(spareMs: number): void {
    this.#owner = null;
    // A client that takes nothing is the affair of the session that has had it.
    this.resume();
    this.#listen();
    this.#await("spare", spareMs);
  }

  // --- the session's traffic ---

  write(bytes: Buffer, from: number, end: number): void {
    this.#outlet?.write(bytes, from, end);
  }

  pause(): void {
    this.#outlet?.pause();
  }

  resume(): void {
    this.#outlet?.resume();
  }

  /** The sink of its owner has read what PostgreSQL says before it ends the session. */
  noteFatal(fields: Map<string, string>): void {
    this.#fatal = fields;
  }

  /** A ParameterStatus. */
  noteParameter(bytes: Buffer, at: number, end: number): void {
    const reported = new Map(this.parameters).set(...readParameter(bytes, at, end));
    this.parameters = this.#options.shared(reported);
  }

  /** A stream that cannot be read has no next message. */
  break(why: string): void {
    this.#lose(`it sent ${why}`);
  }

  // --- the relay's own queries ---

  /**
   * Runs queries between two batches, and gives the answer in the turn it came in. Its owner's sink is put back.
   *
   * @param readies ReadyForQuery messages that end the answer. Count
   * @param done gets null when the connection ended, or was ended since the answer took too long
   */
  run(
    bytes: Buffer,
    readies: number,
    timeoutMs: number,
    done: (answer: OwnAnswer | null) => void,
  ): void {
    if (this.#isClosed) return done(null);
    const { kinds, sink } = this.framer;
    this.resume();
    this.#own = done;
    this.framer.kinds = ownKinds;
    this.framer.sink = new OwnQuery(this.#ownHost, readies, (answer) => {
      this.#own = null;
      this.deadlineMs = Number.POSITIVE_INFINITY;
      this.framer.kinds = kinds;
      this.framer.sink = sink;
      done(answer);
    });
    this.#await("own", timeoutMs);
    this.write(bytes, 0, bytes.length);
  }

  // --- ends ---

  /** Tells the server, and resolves when it has closed: then its process is gone. Twice is safe. */
  end(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    if (this.#outlet === null) this.#lose("it is not needed any more");
    else {
      this.#owner = null;
      this.#listen();
      this.#outlet.resume();
      this.write(terminateMessage, 0, terminateMessage.length);
      this.#await("close", closeMs);
    }
    return this.gone;
  }

  /** Closes at once. Twice is safe. */
  reset(how: string): void {
    this.#lose(how);
  }

  onDeadline(): void {
    if (this.#awaited === "spare") return void this.end();
    this.#lose(this.#awaited === "close" ? "it did not close" : "it did not answer in time");
  }

  // --- what the socket says ---

  onData(chunk: Buffer): void {
    this.heardMs = this.#options.clock.nowMs();
    this.framer.read(chunk);
  }

  onDrain(): void {
    if (this.#outlet?.drain() === true) this.#owner?.onServerDrain();
  }

  onClose(): void {
    this.#lose("it was closed");
  }

  // --- private ---

  #onOpen(raw: RawSocket): void {
    if (this.#isClosed) return raw.terminate();
    const { role, database, parameters, rules } = this.target;
    this.heardMs = this.#options.clock.nowMs();
    this.#outlet = new Outlet(raw);
    const packet = startupPacket([["user", role], ["database", database], ...parameters, ...rules]);
    this.write(packet, 0, packet.length);
  }

  #login(): ServerLogin {
    const { role, password, address } = this.#options.target;
    return new ServerLogin({
      role,
      password,
      isPrivate: address.kind === "socket" || address.tls !== null,
      send: (bytes) => this.write(bytes, 0, bytes.length),
      onParameter: this.#ownHost.onParameter,
      onKey: (pid, key) => {
        this.pid = pid;
        this.key = key;
      },
      onDone: () => {
        this.deadlineMs = Number.POSITIVE_INFINITY;
        this.#listen();
        this.#ready.resolve();
      },
      onRefused: (fields) => {
        this.#fatal ??= fields;
        this.#lose("it refused the log-in");
      },
    });
  }

  readonly #ownHost = {
    onParameter: (bytes: Buffer, at: number, end: number): void => {
      this.noteParameter(bytes, at, end);
    },
    onNotification: (bytes: Buffer, at: number, end: number): void => {
      this.#owner?.onServerNotification(Buffer.from(bytes.subarray(at, end)));
    },
    onFatal: (fields: Map<string, string>): void => {
      this.#fatal = fields;
    },
    onBroken: (why: string): void => this.break(why),
  };

  readonly #unasked = new UnaskedAnswers(this.#ownHost);

  /** Nothing is asked. */
  #listen(): void {
    this.framer.kinds = ownKinds;
    this.framer.sink = this.#unasked;
  }

  #await(what: "own" | "close" | "spare", ms: number): void {
    this.#awaited = what;
    this.deadlineMs = this.#options.deadlines.after(ms);
  }

  #lose(how: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { deadlines, onClosed } = this.#options;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    deadlines.remove(this);
    this.#outlet?.reset();
    const { hasPassed: hasRows, isWithin } = this.framer;
    const lost: LostServer = { fields: this.#fatal, how, hasRows, isWithin };
    this.#ready.reject(new ServerRefusal(lost));
    const own = this.#own;
    this.#own = null;
    const owner = this.#owner;
    this.#owner = null;
    onClosed(this, lost);
    own?.(null);
    owner?.onServerLost(this, lost);
    this.#gone.resolve();
  }
}

/** Fields of an error as PostgreSQL would have sent it. */
function fatal(code: string, text: string): Map<string, string> {
  return new Map([
    ["V", "FATAL"],
    ["C", code],
    ["M", text],
  ]);
}

/** A connection that could not be made. */
export class ServerRefusal extends Error {
  readonly lost: LostServer;

  constructor(lost: LostServer) {
    super(lost.fields?.get("M") ?? lost.how);
    this.lost = lost;
  }

  /** SQLSTATE of the server's own error, else null. */
  get code(): string | null {
    return this.lost.fields?.get("C") ?? null;
  }
}
