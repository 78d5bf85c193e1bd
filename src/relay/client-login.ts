/**
 * A client's connection from its first byte to its session: TLS is begun or declined, the startup packet read, the password
 * proved (SCRAM-SHA-256). Unknown names are asked for a password all the same, so that nobody learns which names there are.
 *
 *   startup ──▶ first ──▶ final ──▶ done        any of them ──wrong, too long, too late──▶ closed
 *    │ ▲  └──CancelRequest──▶ closed
 *    ▼ │
 *   securing (TLS)
 */
import { createHmac, randomBytes } from "node:crypto";
import type { Deadlined, Deadlines } from "../base/deadlines.ts";
import { Framer, type FrameSink, frameKinds, type Verdict, whole } from "./framer.ts";
import * as limits from "./limits.ts";
import {
  errorResponse,
  fromClient,
  fromServer,
  int32,
  message,
  type SqlError,
} from "./messages.ts";
import type { Outlet } from "./outlet.ts";
import {
  boundMechanism,
  type ClientFirst,
  mechanism,
  readClientFirst,
  type ScramKeys,
  serverFinal,
  serverFirst,
} from "./scram.ts";
import { negotiation, readStartup, type Startup, tlsHandshake, tlsProtocol } from "./startup.ts";
import type { Stranger } from "./strangers.ts";

/** What a client may do about TLS; `needed`: it may not log in without. */
export type TlsOffer = "none" | "offered" | "needed";

export interface ClientLoginHost {
  readonly deadlines: Deadlines;
  /** Begins TLS; `onSecured` follows, or the connection closes. @param first of the handshake, when it was read already */
  secure(login: ClientLogin, first: Buffer | null): void;
  /** Of the role of a database; null when there is none like that. */
  keysOf(user: string, database: string): ScramKeys | null;
  onCancel(pid: number, key: Buffer): void;
  /** It has shown that it knows the password. The framer and what it has read go on with the session. */
  onLogin(login: ClientLogin, framer: Framer): void;
  /** Nothing comes of it. Once, and not after `onLogin`. */
  onGone(login: ClientLogin): void;
}

const kinds = frameKinds([
  [fromClient.password, whole],
  [fromClient.terminate, whole],
]);

/** Makes up salts, of a name the same each time. */
const secret = randomBytes(32);

export class ClientLogin implements Deadlined, FrameSink, Stranger {
  deadlineMs: number;
  /** The startup packet's, without user and database. */
  parameters: Map<string, string> = new Map();
  user = "";
  database = "";
  /** Of protocol 3. */
  minor = 0;
  readonly outlet: Outlet;
  readonly address: string | null;
  readonly #host: ClientLoginHost;
  readonly #framer: Framer;
  readonly #tls: TlsOffer;
  #state: "startup" | "securing" | "first" | "final" | "done" | "closed" = "startup";
  #input: Buffer = Buffer.alloc(0);
  #keys: ScramKeys | null = null;
  #first: ClientFirst | null = null;
  #sent = "";
  #isDone = false;
  #encryptionRequests = 0;
  #isSecured = false;
  /** Of the certificate that the client was shown, where it can be bound to. */
  #certificateHash: Buffer | null = null;

  /** @param address of who has connected from beyond this machine; null for this machine */
  constructor(host: ClientLoginHost, outlet: Outlet, tls: TlsOffer, address: string | null) {
    this.#host = host;
    this.outlet = outlet;
    this.#tls = tls;
    this.address = address;
    this.#framer = new Framer(kinds, this);
    this.deadlineMs = host.deadlines.after(limits.loginTimeoutMs);
    host.deadlines.add(this);
  }

  onData(chunk: Buffer): void {
    if (this.#state === "closed" || this.#state === "securing") return;
    if (this.#state !== "startup") return this.#read(chunk);
    if (this.#isDirectTls(chunk)) return this.#secure(chunk);
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    while (this.#state === "startup" && this.#readStartup());
  }

  onClose(): void {
    this.#end();
  }

  onDeadline(): void {
    this.refuse("08P01", `the log-in took longer than ${limits.loginTimeoutMs} ms`);
  }

  /** TLS is agreed on. @param protocol what the client has named (ALPN) */
  onSecured(protocol: string | null, certificateHash: Buffer | null): void {
    if (this.#state !== "securing") return;
    this.#state = "startup";
    this.#isSecured = true;
    this.#certificateHash = certificateHash;
    // One that was asked for in clear has named it already.
    if (this.#encryptionRequests === 0 && protocol !== tlsProtocol) this.onBroken("TLS protocol");
  }

  /** Tells why, and closes. */
  refuse(code: string, text: string, more: Partial<SqlError> = {}): void {
    if (this.#state === "closed") return;
    if (this.#state === "securing") {
      // Nothing can be said yet that would be read.
      this.outlet.reset();
      return this.#end();
    }
    this.#send(errorResponse({ severity: "FATAL", code, message: text, ...more }));
    this.outlet.end();
    this.#end();
  }

  // --- messages of the log-in ---

  onMessage(type: number, bytes: Buffer, at: number, end: number | null): Verdict {
    if (this.#isDone) return "wait";
    if (type === fromClient.terminate || end === null) this.onBroken("message of the log-in");
    else if (end - at > limits.loginMessageBytesMax) this.onBroken(`length ${end - at - 1}`);
    else if (this.#state === "first") this.#onFirst(bytes, at, end);
    else if (this.#state === "final") this.#onFinal(bytes.utf8Slice(at + 5, end));
    return "drop";
  }

  onPass(): void {}

  onBroken(why: string): void {
    this.refuse("08P01", `invalid ${why}`);
  }

  onRead(): void {
    if (this.#isDone && this.#state === "final") this.#host.onLogin(this, this.#framer);
  }

  /** A session takes over. */
  finish(): void {
    this.#state = "done";
    this.#host.deadlines.remove(this);
  }

  // --- private ---

  #read(chunk: Buffer): void {
    this.#framer.read(chunk);
    // A message is read when all of it is here; nobody waits for the rest of one that is too long.
    const isOn = this.#state === "first" || (this.#state === "final" && !this.#isDone);
    const { partBytes } = this.#framer;
    if (isOn && partBytes > limits.loginMessageBytesMax) this.onBroken(`length ${partBytes}`);
  }

  #readStartup(): boolean {
    const startup = readStartup(this.#input);
    if (startup.kind === "unfinished") return false;
    if (startup.kind === "broken") {
      this.onBroken(startup.why);
      return false;
    }
    this.#input = this.#input.subarray(startup.bytes);
    this.#onStartup(startup);
    return this.#input.length > 0;
  }

  #onStartup(startup: Exclude<Startup, { kind: "unfinished" | "broken" }>): void {
    if (startup.kind === "encryption") {
      this.#encryptionRequests += 1;
      // What was sent ahead of the answer is in clear; somebody may have put it there.
      const isLate = this.#encryptionRequests > 2 || this.#isSecured;
      if (isLate || this.#input.length > 0) return this.onBroken("start");
      const isTaken = startup.isTls && this.#tls !== "none";
      this.#send(Buffer.from(isTaken ? "S" : "N"));
      return isTaken ? this.#secure(null) : undefined;
    }
    if (startup.kind === "cancel") {
      this.#host.onCancel(startup.pid, startup.key);
      this.outlet.end();
      return this.#end();
    }
    if (this.#tls === "needed" && !this.#isSecured) {
      return this.refuse("28000", "connections from beyond this machine take TLS", {
        hint: "Ask for it with sslmode=verify-full, or sslmode=require.",
      });
    }
    const { parameters, minor } = startup;
    const answer = negotiation(minor, parameters);
    if (answer !== null) this.#send(answer);
    this.user = parameters.get("user") ?? "";
    this.database = parameters.get("database") || this.user;
    this.minor = minor;
    if (this.user === "") return this.refuse("28000", "no user name was given");
    const replication = parameters.get("replication");
    if (replication !== undefined && !/^(?:off|false|no|0)$/i.test(replication)) {
      return this.refuse("0A000", "replication connections do not go through the relay");
    }
    for (const [name, value] of parameters) {
      const isOwn = name === "user" || name === "database" || name === "replication";
      if (!isOwn && !name.startsWith("_pq_.")) this.parameters.set(name, value);
    }
    this.#keys = this.#host.keysOf(this.user, this.database);
    this.#state = "first";
    const mechanisms = this.#certificateHash === null ? [mechanism] : [boundMechanism, mechanism];
    this.#send(message(fromServer.authentication, int32(10), ...mechanisms, Buffer.alloc(1)));
    const rest = this.#input;
    this.#input = Buffer.alloc(0);
    if (rest.length > 0) this.#framer.read(rest);
  }

  #onFirst(bytes: Buffer, at: number, end: number): void {
    const nameEnd = bytes.indexOf(0, at + 5);
    const hasName = nameEnd > 0 && nameEnd + 5 <= end;
    const name = hasName ? bytes.utf8Slice(at + 5, nameEnd) : "";
    const certificateHash = this.#certificateHash;
    const isBound = name === boundMechanism && certificateHash !== null;
    if (name !== mechanism && !isBound) {
      return this.refuse("28000", `the log-in is by ${mechanism} only`);
    }
    const text = bytes.utf8Slice(nameEnd + 5, end);
    const first = readClientFirst(text, { certificateHash, isBound });
    if (first === null) return this.refuse("28000", "the log-in cannot be read");
    const keys = this.#keys ?? keysOfNobody(this.user);
    this.#first = first;
    this.#sent = serverFirst(first, keys, randomBytes(18).toString("base64"));
    this.#state = "final";
    this.#send(message(fromServer.authentication, int32(11), Buffer.from(this.#sent)));
  }

  #onFinal(text: string): void {
    const final =
      this.#keys === null ? null : serverFinal(this.#first!, this.#sent, text, this.#keys);
    if (final === null) {
      return this.refuse("28P01", `password authentication failed for user "${this.user}"`);
    }
    this.#send(message(fromServer.authentication, int32(12), Buffer.from(final)));
    this.#isDone = true;
  }

  /** Whether a client begins with TLS without asking for it in clear (`sslnegotiation=direct`). */
  #isDirectTls(chunk: Buffer): boolean {
    const isFirst = this.#input.length === 0 && this.#encryptionRequests === 0;
    return isFirst && !this.#isSecured && this.#tls !== "none" && chunk[0] === tlsHandshake;
  }

  #secure(first: Buffer | null): void {
    this.#state = "securing";
    this.#host.secure(this, first);
  }

  #send(bytes: Buffer): void {
    this.outlet.write(bytes);
  }

  #end(): void {
    if (this.#state === "closed" || this.#state === "done") return;
    this.#state = "closed";
    this.#host.deadlines.remove(this);
    this.#framer.reset();
    this.#host.onGone(this);
  }
}

/** Of a role, whether there is one of that name or not: its salt tells nobody. 16 bytes. */
export function saltOf(user: string): Buffer {
  return createHmac("sha256", secret).update(user).digest().subarray(0, 16);
}

/** Keys that no password leads to. */
function keysOfNobody(user: string): ScramKeys {
  const salt = saltOf(user);
  const nothing = Buffer.alloc(32);
  const rounds = limits.scramRounds;
  return { salt, rounds, clientKey: nothing, serverKey: nothing, storedKey: nothing };
}
