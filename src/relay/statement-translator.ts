/**
 * Stands between a session with transaction pooling and whatever server connection it has: what the client calls its
 * prepared statements becomes what the connection calls them, and answers to what was added are taken out again
 * (statement-names.ts says how). Everything else passes as it is, parameters of a Bind too, whatever their length.
 */
import type { FrameSink, Verdict } from "./framer.ts";
import { Gathered } from "./gathered.ts";
import { wholeBytesMax } from "./limits.ts";
import { fromClient, fromServer, lengthAt, type SqlError } from "./messages.ts";
import type { ServerConnection } from "./server-connection.ts";
import { SessionStatements, type SharedStatements } from "./statement-names.ts";

const { bind, close, describe: describeType, parse, query } = fromClient;
const statementByte = 0x53;

/** What a client is told when it prepares such a one. */
export const tooLong: SqlError = {
  severity: "FATAL",
  code: "54000",
  message: "a statement that long cannot be prepared under a name with transaction pooling",
};

export class StatementTranslator {
  /** Reads the server's answers, and gives the client's own to the session. */
  readonly answers: FrameSink;
  readonly statements: SessionStatements;
  readonly #onTooLong: () => void;
  #server: ServerConnection | null = null;
  /** Bytes of the current message that are still to come, and pass. */
  #left = 0;
  /** The begin of a message that cannot be read yet. */
  #held: Buffer | null = null;
  /** What is written at once. */
  readonly #out = new Gathered();

  /** @param onTooLong a statement with a name that is too long to be kept */
  constructor(answers: FrameSink, shared: SharedStatements, onTooLong: () => void) {
    this.statements = new SessionStatements(shared);
    this.#onTooLong = onTooLong;
    this.answers = this.#over(answers);
  }

  /** The session has this connection from now on; null: none. */
  set server(server: ServerConnection | null) {
    this.statements.ended();
    this.#server = server;
    this.#left = 0;
    this.#held = null;
  }

  /** Bytes of the client's. Its framer has checked types and lengths. */
  write(bytes: Buffer, from: number, end: number): void {
    const server = this.#server!;
    if (this.#held === null) this.#read(bytes, from, end);
    else {
      const all = Buffer.concat([this.#held, bytes.subarray(from, end)]);
      this.#held = null;
      this.#read(all, 0, all.length);
    }
    this.#out.writeTo(server);
  }

  #read(bytes: Buffer, from: number, end: number): void {
    const server = this.#server!;
    const { statements } = server;
    let at = from + Math.min(this.#left, end - from);
    this.#left -= at - from;
    let passedFrom = from;
    while (at < end) {
      const type = bytes[at]!;
      const isHeadHere = end - at >= 5;
      const next = isHeadHere ? at + 1 + lengthAt(bytes, at) : end;
      const skipTo = isHeadHere ? this.#message(type, bytes, at, next, end) : -1;
      if (skipTo === -1) {
        this.#out.add(server, bytes, passedFrom, at);
        // A copy: whoever sends the rest may take a while.
        this.#held = Buffer.from(bytes.subarray(at, end));
        return;
      }
      if (type === query) this.statements.queried(statements);
      if (skipTo > at) {
        // What was added stands before the rest of the message, and behind all that came before it.
        const added = this.#added;
        this.#added = [];
        this.#out.add(server, bytes, passedFrom, at);
        for (const one of added) this.#out.add(server, one, 0, one.length);
        passedFrom = skipTo;
      }
      at = Math.min(next, end);
      this.#left = next - at;
    }
    this.#out.add(server, bytes, passedFrom, end);
  }

  /** What is sent in the place of a message's begin. */
  #added: Buffer[] = [];

  /**
   * Looks at a message.
   *
   * @returns up to where `#added` stands for it; `at` when it passes as it is; -1 when more of it has to be here
   */
  #message(type: number, bytes: Buffer, at: number, next: number, end: number): number {
    if (type === bind) return this.#bind(bytes, at, next, end);
    if (type !== parse && type !== describeType && type !== close) return at;
    const isLong = next - at > wholeBytesMax;
    if (next > end && !isLong) return -1;
    if (type === parse) return this.#parse(bytes, at, next, end, isLong);
    // A name that long is none that anybody has prepared.
    if (isLong || bytes[at + 5] !== statementByte) {
      if (type === close) this.statements.closePortal();
      return at;
    }
    const name = bytes.utf8Slice(at + 6, bytes.indexOf(0, at + 6));
    if (type === close) {
      this.#added = [this.statements.close(name)];
      return next;
    }
    const used = this.statements.use(this.#server!.statements, name);
    if (used === null) return at;
    this.#added = [...used.before, headOf(type, bytes, at + 5, at + 6, used.name, 0)];
    return next;
  }

  #parse(bytes: Buffer, at: number, next: number, end: number, isLong: boolean): number {
    const { statements } = this.#server!;
    const nameEnd = bytes.indexOf(0, at + 5);
    if (isLong) {
      if (bytes[at + 5] === 0) this.statements.parseUnkept(statements);
      else this.#onTooLong();
      return at;
    }
    if (nameEnd === -1 || nameEnd >= end) return at;
    const name = bytes.utf8Slice(at + 5, nameEnd);
    const added = this.statements.parse(statements, name, bytes, nameEnd + 1, next);
    if (added === null) return at;
    this.#added = added;
    return next;
  }

  #bind(bytes: Buffer, at: number, next: number, end: number): number {
    const here = Math.min(next, end);
    const portalEnd = bytes.indexOf(0, at + 5);
    const nameEnd = portalEnd === -1 ? -1 : bytes.indexOf(0, portalEnd + 1);
    // Both names have to be here; the parameters need not.
    if (portalEnd === -1 || nameEnd === -1 || nameEnd >= here) return next > end ? -1 : at;
    const name = bytes.utf8Slice(portalEnd + 1, nameEnd);
    const used = this.statements.use(this.#server!.statements, name);
    if (used === null) return at;
    const restBytes = next - nameEnd - 1;
    const head = headOf(bind, bytes, at + 5, portalEnd + 1, used.name, restBytes);
    this.#added = used.before.length === 0 ? [head] : [...used.before, head];
    return nameEnd + 1;
  }

  /** Takes the answers to what was added out of what the session gets. */
  #over(answers: FrameSink): FrameSink {
    const { parseComplete, closeComplete, ready } = fromServer;
    return {
      onMessage: (type: number, bytes: Buffer, at: number, end: number | null): Verdict => {
        if (type === ready) this.statements.ended();
        if (type !== parseComplete && type !== closeComplete) {
          return answers.onMessage(type, bytes, at, end);
        }
        const answer = this.statements.answered();
        if (answer === "drop") return "drop";
        if (answer === "pass") return answers.onMessage(type, bytes, at, end);
        // As long as the one that came; nobody else reads this chunk.
        bytes[at] = parseComplete;
        return answers.onMessage(parseComplete, bytes, at, end);
      },
      onPass: (bytes, from, end) => answers.onPass(bytes, from, end),
      onBroken: (why) => answers.onBroken(why),
      onRead: () => answers.onRead(),
    };
  }
}

/**
 * The begin of a message up to behind a name.
 *
 * @param from where what stands before the name begins in `bytes`
 * @param name of one byte per character
 * @param restBytes what follows
 */
function headOf(
  type: number,
  bytes: Buffer,
  from: number,
  end: number,
  name: string,
  restBytes: number,
): Buffer {
  const nameFrom = 5 + end - from;
  const nameEnd = nameFrom + name.length;
  const head = Buffer.allocUnsafe(nameEnd + 1);
  const length = nameEnd + restBytes;
  head[0] = type;
  head[1] = length >>> 24;
  head[2] = length >>> 16;
  head[3] = length >>> 8;
  head[4] = length;
  for (let index = from; index < end; index += 1) head[5 + index - from] = bytes[index]!;
  for (let index = 0; index < name.length; index += 1)
    head[nameFrom + index] = name.charCodeAt(index);
  head[nameEnd] = 0;
  return head;
}
