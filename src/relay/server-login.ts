/**
 * Logging in to PostgreSQL: from the startup packet to the first ReadyForQuery.
 *
 *   started ──R──▶ (SCRAM: first, final) ──AuthenticationOk──▶ welcomed ──ReadyForQuery──▶ done
 *      └──ErrorResponse──▶ refused
 */
import { createHash, randomBytes } from "node:crypto";
import { type FrameKinds, type FrameSink, frameKinds, type Verdict, whole } from "./framer.ts";
import { scramRoundsMax } from "./limits.ts";
import {
  errorFields,
  fromClient,
  fromServer,
  int32,
  message,
  textAt,
  zeroEnded,
} from "./messages.ts";
import {
  clientFinal,
  clientFirst,
  mechanism,
  readServerFirst,
  type ScramKeys,
  scramKeys,
} from "./scram.ts";

export interface ServerLoginOptions {
  role: string;
  password: string;
  /** Whether the password may be sent as it is: the way there is encrypted, or does not leave the machine. */
  isPrivate: boolean;
  send(bytes: Buffer): void;
  onParameter(bytes: Buffer, at: number, end: number): void;
  onKey(pid: number, key: Buffer): void;
  /** Within the framer's `onRead`. */
  onDone(): void;
  onRefused(fields: Map<string, string>): void;
}

export const loginKinds: FrameKinds = frameKinds(
  [
    fromServer.authentication,
    fromServer.parameterStatus,
    fromServer.backendKey,
    fromServer.ready,
    fromServer.error,
    fromServer.notice,
    fromServer.negotiate,
  ].map((type) => [type, whole]),
);

/** Keys by password and what the server asked for: computing them takes a millisecond. */
const knownKeys = new Map<string, ScramKeys>();
const knownKeysMax = 1000;

export class ServerLogin implements FrameSink {
  readonly #options: ServerLoginOptions;
  readonly #nonce = randomBytes(18).toString("base64");
  #expected: string | null = null;
  #isDone = false;

  constructor(options: ServerLoginOptions) {
    this.#options = options;
  }

  onMessage(type: number, bytes: Buffer, at: number, end: number | null): Verdict {
    if (end === null) return this.#refuse("08P01", "PostgreSQL sent a message that is too long");
    const { onParameter, onKey, onRefused } = this.#options;
    switch (type) {
      case fromServer.authentication:
        this.#authenticate(bytes, at, end);
        break;
      case fromServer.parameterStatus:
        onParameter(bytes, at, end);
        break;
      case fromServer.backendKey:
        if (end - at >= 13)
          onKey(bytes.readInt32BE(at + 5), Buffer.from(bytes.subarray(at + 9, end)));
        break;
      case fromServer.error:
        onRefused(errorFields(bytes, at, end));
        break;
      case fromServer.ready:
        this.#isDone = true;
        break;
      default:
    }
    return "drop";
  }

  onPass(): void {}

  onBroken(why: string): void {
    this.#refuse("08P01", `PostgreSQL sent ${why} at the log-in`);
  }

  onRead(): void {
    if (!this.#isDone) return;
    this.#isDone = false;
    this.#options.onDone();
  }

  #authenticate(bytes: Buffer, at: number, end: number): void {
    const kind = end - at >= 9 ? bytes.readInt32BE(at + 5) : -1;
    const { password, role, isPrivate, send } = this.#options;
    switch (kind) {
      case 0:
        // A server that has not shown that it knows the password is not believed.
        if (this.#expected !== null) this.#refuse("28000", "PostgreSQL did not finish its log-in");
        return;
      case 3:
        if (!isPrivate)
          return void this.#refuse("28000", "PostgreSQL asks for the password in clear");
        return send(message(fromClient.password, password));
      case 5: {
        const inner = md5(password + role);
        const outer = md5(Buffer.concat([Buffer.from(inner), bytes.subarray(at + 9, at + 13)]));
        return send(message(fromClient.password, `md5${outer}`));
      }
      case 10: {
        if (!zeroEnded(bytes, at + 9, end).includes(mechanism)) break;
        const first = Buffer.from(clientFirst(this.#nonce));
        return send(message(fromClient.password, mechanism, int32(first.length), first));
      }
      case 11:
        return this.#prove(bytes.utf8Slice(at + 9, end));
      case 12:
        if (bytes.utf8Slice(at + 9, end) === this.#expected) this.#expected = null;
        else this.#refuse("28000", "PostgreSQL does not know the password itself");
        return;
      default:
    }
    this.#refuse("28000", `PostgreSQL asks for a log-in that is not known (${kind})`);
  }

  #prove(received: string): void {
    const first = readServerFirst(received, this.#nonce);
    if (first === null || first.rounds > scramRoundsMax) {
      return void this.#refuse("28000", "PostgreSQL sent a log-in that cannot be read");
    }
    const keys = keysFor(this.#options.password, first.salt, first.rounds);
    const { text, expected } = clientFinal(clientFirst(this.#nonce), received, first, keys);
    this.#expected = expected;
    this.#options.send(message(fromClient.password, Buffer.from(text)));
  }

  #refuse(code: string, text: string): Verdict {
    this.#options.onRefused(
      new Map([
        ["V", "FATAL"],
        ["C", code],
        ["M", text],
      ]),
    );
    return "drop";
  }
}

function keysFor(password: string, salt: Buffer, rounds: number): ScramKeys {
  const name = `${rounds}:${salt.toString("base64")}:${password}`;
  let keys = knownKeys.get(name);
  if (keys === undefined) {
    if (knownKeys.size >= knownKeysMax) knownKeys.clear();
    keys = scramKeys(password, salt, rounds);
    knownKeys.set(name, keys);
  }
  return keys;
}

function md5(text: string | Buffer): string {
  return createHash("md5").update(text).digest("hex");
}

/** The name and value of a ParameterStatus. */
export function readParameter(bytes: Buffer, at: number, end: number): [string, string] {
  const name = textAt(bytes, at + 5, end);
  return [name, textAt(bytes, at + 6 + Buffer.byteLength(name), end)];
}
