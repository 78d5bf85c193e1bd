/**
 * Prepared statements where a session has another server connection for each transaction: each statement has a name on
 * servers that comes from what it says, so that sessions share it, and is prepared on a connection when it is first used
 * there. What a client calls it stays between the client and its session.
 *
 *   client: Parse "q1"    server: Parse "levain_7"       ParseComplete
 *   client: Bind "q1"     server: Bind "levain_7"        on another connection: Parse "levain_7" first, whose answer is dropped
 *   client: Parse "q2", which says the same              nothing is prepared; the answer to a Close stands in for it
 *
 * One batch at a time: whoever has a session waits for the end of a response before it rewrites the next batch.
 */
import { serverStatementsMax, sharedStatementBytesMax, sharedStatementsMax } from "./limits.ts";
import { fromClient, message } from "./messages.ts";

/** A statement, whatever it is called. */
export interface SharedStatement {
  /** On servers. */
  readonly name: string;
  /** Text and types of parameters, as they stand in a Parse message behind its name. */
  readonly body: Buffer;
}

/** What becomes of a ParseComplete or a CloseComplete. */
export type Answer = "pass" | "drop" | "parsed";

/** Statements of one database, by what they say. Those that were used longest ago are forgotten, and get a new name. */
export class SharedStatements {
  readonly #byBody = new Map<string, SharedStatement>();
  #bytes = 0;
  #names = 0;

  /** Count, 0 to `sharedStatementsMax`. */
  get size(): number {
    return this.#byBody.size;
  }

  /** @param from where the text begins in `bytes`, behind the name of its Parse */
  of(bytes: Buffer, from: number, end: number): SharedStatement {
    const key = bytes.latin1Slice(from, end);
    const known = this.#byBody.get(key);
    if (known !== undefined) {
      this.#byBody.delete(key);
      this.#byBody.set(key, known);
      return known;
    }
    this.#names += 1;
    const body = Buffer.from(key, "latin1");
    const statement = { name: `levain_${this.#names}`, body };
    this.#byBody.set(key, statement);
    this.#bytes += body.length;
    while (this.#byBody.size > sharedStatementsMax || this.#bytes > sharedStatementBytesMax) {
      const [oldest, { body: gone }] = this.#byBody.entries().next().value!;
      this.#byBody.delete(oldest);
      this.#bytes -= gone.length;
    }
    return statement;
  }
}

/** What is prepared on one server connection. */
export class ServerStatements {
  /** The one that was used longest ago first. */
  readonly #prepared = new Set<SharedStatement>();
  /** The unnamed one; null when it is not known. */
  unnamed: SharedStatement | null = null;

  get size(): number {
    return this.#prepared.size;
  }

  /** Marks it as used. */
  has(statement: SharedStatement): boolean {
    if (!this.#prepared.delete(statement)) return false;
    this.#prepared.add(statement);
    return true;
  }

  add(statement: SharedStatement): void {
    this.#prepared.add(statement);
  }

  delete(statement: SharedStatement): void {
    this.#prepared.delete(statement);
  }

  /** DISCARD ALL, DEALLOCATE ALL. */
  clear(): void {
    this.#prepared.clear();
    this.unnamed = null;
  }

  /** The one to be closed before another is prepared; null while there is room. */
  takeOldest(): SharedStatement | null {
    if (this.#prepared.size < serverStatementsMax) return null;
    const oldest = this.#prepared.values().next().value!;
    this.#prepared.delete(oldest);
    return oldest;
  }
}

/** What is still to come of a batch's ParseComplete and CloseComplete messages. */
interface Expected {
  answer: Answer;
  /** What holds from then on. */
  then: (() => void) | null;
  /** What was taken for granted and does not hold when it does not come. */
  otherwise: (() => void) | null;
}

/** One client's statements. */
export class SessionStatements {
  readonly #shared: SharedStatements;
  readonly #byName = new Map<string, SharedStatement>();
  /** Of this batch, not answered yet. */
  readonly #pending = new Map<string, SharedStatement | null>();
  /** The unnamed one of this batch is on the server alone. */
  #hasUnkept = false;
  #expected: Expected[] = [];

  constructor(shared: SharedStatements) {
    this.#shared = shared;
  }

  /** Count. */
  get size(): number {
    return this.#byName.size;
  }

  /** A ParseComplete or CloseComplete has come: what the client gets of it. */
  answered(): Answer {
    const expected = this.#expected.shift();
    if (expected === undefined) return "pass";
    expected.then?.();
    return expected.answer;
  }

  /** The batch has been answered, or its connection is gone: what was not answered did not happen. */
  ended(): void {
    this.#hasUnkept = false;
    if (this.#expected.length === 0 && this.#pending.size === 0) return;
    for (const { otherwise } of this.#expected.toReversed()) otherwise?.();
    this.#expected = [];
    this.#pending.clear();
  }

  /** A Query was sent: it takes the place of the unnamed statement. */
  queried(server: ServerStatements): void {
    server.unnamed = null;
    this.#forget("");
  }

  /** DISCARD ALL, DEALLOCATE ALL were run. */
  clear(): void {
    this.#byName.clear();
  }

  /** What to send in the place of a Parse; null for the message itself. @param from behind its name */
  parse(
    server: ServerStatements,
    name: string,
    bytes: Buffer,
    from: number,
    end: number,
  ): Buffer[] | null {
    const statement = this.#shared.of(bytes, from, end);
    if (name === "") {
      server.unnamed = null;
      this.#pending.set("", statement);
      this.#expect("pass", () => {
        server.unnamed = statement;
        this.#remember("", statement);
      });
      return null;
    }
    if (this.#of(name) !== null) {
      // A name that is taken: the server has to say so, and does when the statement is there already.
      return [...this.#prepare(server, statement), parseOf(statement)];
    }
    this.#pending.set(name, statement);
    const remember = () => this.#remember(name, statement);
    if (!server.has(statement)) return this.#prepare(server, statement, "pass", remember);
    // Nothing to prepare: the answer to a Close, which is as long, becomes the one to a Parse.
    this.#expect("parsed", remember);
    return [closeOfNothing];
  }

  /** An unnamed Parse that is too long to be kept: it is passed on, and is there for its own batch. */
  parseUnkept(server: ServerStatements): void {
    server.unnamed = null;
    this.#forget("");
    this.#pending.set("", null);
    this.#hasUnkept = true;
    this.#expect("pass", null);
  }

  /** What has to be sent before a Bind or Describe of a statement, and its name on servers; null when nothing changes. */
  use(server: ServerStatements, name: string): { before: Buffer[]; name: string } | null {
    if (name === "" && this.#hasUnkept) return null;
    const statement = this.#of(name);
    // It has none of that name: whatever another session has on the connection must not stand in.
    if (statement === null) return { before: [], name: nothing };
    if (name !== "") {
      const before = server.has(statement) ? [] : this.#prepare(server, statement);
      return { before, name: statement.name };
    }
    if (this.#pending.has("") || server.unnamed === statement) return null;
    server.unnamed = null;
    this.#expect("drop", () => {
      server.unnamed = statement;
    });
    return { before: [message(fromClient.parse, "", statement.body)], name: "" };
  }

  /** What to send in the place of a Close of a statement. */
  close(name: string): Buffer {
    this.#pending.set(name, null);
    this.#expect("pass", () => this.#forget(name));
    return closeOfNothing;
  }

  /** A Close of a portal is passed on: its answer comes in turn with those of statements. */
  closePortal(): void {
    this.#expect("pass", null);
  }

  #prepare(
    server: ServerStatements,
    statement: SharedStatement,
    answer: Answer = "drop",
    then: (() => void) | null = null,
  ): Buffer[] {
    if (server.has(statement)) return [];
    const sent: Buffer[] = [];
    const oldest = server.takeOldest();
    if (oldest !== null) {
      sent.push(message(fromClient.close, statementKind, oldest.name));
      this.#expect("drop", null, () => server.add(oldest));
    }
    server.add(statement);
    sent.push(parseOf(statement));
    this.#expect(answer, then, () => server.delete(statement));
    return sent;
  }

  #of(name: string): SharedStatement | null {
    const pending = this.#pending.get(name);
    return pending === undefined ? (this.#byName.get(name) ?? null) : pending;
  }

  #expect(answer: Answer, then: (() => void) | null, otherwise: (() => void) | null = null): void {
    this.#expected.push({ answer, then, otherwise });
  }

  #remember(name: string, statement: SharedStatement): void {
    this.#byName.set(name, statement);
  }

  #forget(name: string): void {
    this.#byName.delete(name);
  }
}

/** `S`, as opposed to a portal's. */
const statementKind = Buffer.of(0x53);

/** Name of a statement that there never is. */
const nothing = "levain_0";
/** Is no error and does nothing. */
const closeOfNothing = message(fromClient.close, statementKind, nothing);

function parseOf({ name, body }: SharedStatement): Buffer {
  return message(fromClient.parse, name, body);
}
