/**
 * Goal: with other connections for each batch, a client sees what it would see on one of its own. Method: a model of
 * PostgreSQL's prepared statements; the same random batches on a connection of the client's own, and rewritten on one
 * of several that are shared.
 */
import { describe, expect, test } from "bun:test";
import { pick, type Random, randomOf, testSeed } from "../base/random-for-tests.ts";
import type { FrameSink } from "./framer.ts";
import { serverStatementsMax, sharedStatementsMax } from "./limits.ts";
import { fromClient, fromServer, message, syncMessage } from "./messages.ts";
import type { ServerConnection } from "./server-connection.ts";
import { ServerStatements, SharedStatements } from "./statement-names.ts";
import { StatementTranslator } from "./statement-translator.ts";

const noTypes = Buffer.alloc(2);
const parse = (name: string, sql: string) => message(fromClient.parse, name, sql, noTypes);
const bind = (name: string) => message(fromClient.bind, "", name, Buffer.from([0, 0, 0, 0, 0, 0]));
const describeStatement = (name: string) => message(fromClient.describe, Buffer.from("S"), name);
const close = (kind: "S" | "P", name: string) => message(fromClient.close, Buffer.from(kind), name);

/** What a server says: to Bind and Describe with the statement's text, so that a wrong one shows. */
type Reply = "parsed" | "closed" | `bound ${string}` | `described ${string}` | "error" | "ready";

/** PostgreSQL, as far as it concerns prepared statements. */
class ModelServer {
  readonly statements = new Map<string, string>();

  answer(messages: readonly Buffer[]): Reply[] {
    const replies: Reply[] = [];
    let isFailed = false;
    for (const bytes of messages) {
      if (bytes[0] === fromClient.sync) {
        replies.push("ready");
        isFailed = false;
      } else if (!isFailed) {
        const reply = this.#one(bytes);
        isFailed = reply === "error";
        replies.push(reply);
      }
    }
    return replies;
  }

  #one(bytes: Buffer): Reply {
    const texts = bytes.subarray(5).toString("latin1").split("\0");
    const [first = "", second = ""] = texts;
    switch (bytes[0]) {
      case fromClient.parse:
        if (first !== "" && this.statements.has(first)) return "error";
        // A statement that cannot be parsed takes the unnamed one with it.
        if (first === "") this.statements.delete("");
        if (second === "broken") return "error";
        this.statements.set(first, second);
        return "parsed";
      case fromClient.bind: {
        const sql = this.statements.get(second);
        return sql === undefined ? "error" : `bound ${sql}`;
      }
      case fromClient.describe: {
        const sql = this.statements.get(first.slice(1));
        return sql === undefined ? "error" : `described ${sql}`;
      }
      default:
        if (first.startsWith("S")) this.statements.delete(first.slice(1));
        return "closed";
    }
  }
}

/** A server connection that sessions share. */
class Shared {
  readonly model = new ModelServer();
  readonly statements = new ServerStatements();
  sent: Buffer[] = [];

  write(bytes: Buffer, from: number, end: number): void {
    this.sent.push(Buffer.from(bytes.subarray(from, end)));
  }
}

/** One client with its translator. */
class Client {
  readonly translator: StatementTranslator;
  #told: Reply[] = [];

  constructor(shared: SharedStatements) {
    const answers: FrameSink = {
      onMessage: (type) => {
        this.#told.push(type === fromServer.parseComplete ? "parsed" : "closed");
        return "pass";
      },
      onPass() {},
      onBroken() {},
      onRead() {},
    };
    this.translator = new StatementTranslator(answers, shared, () => {});
  }

  get size(): number {
    return this.translator.statements.size;
  }

  /** What the client gets when its batch goes to this connection, in pieces of any length. */
  ask(server: Shared, batch: Buffer[], random: Random = () => 1000): Reply[] {
    server.sent = [];
    this.#told = [];
    this.translator.server = server as unknown as ServerConnection;
    const bytes = Buffer.concat(batch);
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + random(40));
      this.translator.write(bytes, at, end);
      at = end;
    }
    for (const reply of server.model.answer(messagesOf(Buffer.concat(server.sent)))) {
      if (reply === "parsed") this.#answer(fromServer.parseComplete);
      else if (reply === "closed") this.#answer(fromServer.closeComplete);
      else this.#told.push(reply);
    }
    this.translator.statements.ended();
    return this.#told;
  }

  #answer(type: number): void {
    const bytes = message(type);
    this.translator.answers.onMessage(type, bytes, 0, null);
  }
}

function messagesOf(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    messages.push(bytes.subarray(at, end));
    at = end;
  }
  return messages;
}

describe("prepared statements", () => {
  test("are prepared once on a connection, whoever uses them and whatever they call them", () => {
    const shared = new SharedStatements();
    const [one, two] = [new Client(shared), new Client(shared)];
    const server = new Shared();

    expect(one.ask(server, [parse("a", "q"), bind("a"), syncMessage])).toEqual([
      "parsed",
      "bound q",
      "ready",
    ]);
    expect(
      two.ask(server, [parse("b", "q"), describeStatement("b"), bind("b"), syncMessage]),
    ).toEqual(["parsed", "described q", "bound q", "ready"]);
    expect(server.model.statements.size).toBe(1);
  });

  test("go with their session to another connection", () => {
    const session = new Client(new SharedStatements());
    const [one, two] = [new Shared(), new Shared()];
    session.ask(one, [parse("a", "q"), parse("", "u"), syncMessage]);

    expect(session.ask(two, [bind("a"), bind(""), syncMessage])).toEqual([
      "bound q",
      "bound u",
      "ready",
    ]);
  });

  test("of a name that is taken are refused by the server, as ever", () => {
    const session = new Client(new SharedStatements());
    session.ask(new Shared(), [parse("a", "q"), syncMessage]);

    expect(session.ask(new Shared(), [parse("a", "q2"), bind("a"), syncMessage])).toEqual([
      "error",
      "ready",
    ]);
  });

  test("on one connection are bounded, and so are those that have a name", () => {
    const shared = new SharedStatements();
    const server = new Shared();
    const session = new Client(shared);

    for (let index = 0; index < sharedStatementsMax + 300; index += 1) {
      session.ask(server, [parse("a", `q${index}`), bind("a"), close("S", "a"), syncMessage]);
    }

    expect(server.statements.size).toBe(serverStatementsMax);
    expect(server.model.statements.size).toBe(serverStatementsMax);
    expect(shared.size).toBe(sharedStatementsMax);
    expect(session.size).toBe(0);
  });

  const seed = testSeed();
  test(`seem to be on a connection of the client's own, seed ${seed}`, () => {
    const random = randomOf(seed);
    const shared = new SharedStatements();
    const servers = [new Shared(), new Shared(), new Shared()];
    const clients = Array.from({ length: 5 }, () => ({
      client: new Client(shared),
      own: new ModelServer(),
    }));
    for (let round = 0; round < 10_000; round += 1) {
      const { client, own } = pick(random, clients);
      const batch = [...randomBatch(random), syncMessage];
      const expected = own.answer(batch);

      const told = client.ask(pick(random, servers), batch, random);

      expect(told, `round ${round}: ${batch.map((bytes) => bytes.toString("latin1"))}`).toEqual(
        expected,
      );
    }
    for (const { model, statements } of servers) {
      expect([...model.statements.keys()].filter((name) => name !== "").length).toBe(
        statements.size,
      );
    }
  });
});

function randomBatch(random: Random): Buffer[] {
  const name = () => pick(random, ["", "a", "b", "c"]);
  return Array.from({ length: 1 + random(5) }, () => {
    const kind = random(6);
    if (kind <= 1) {
      const named = name();
      // After an unnamed one that could not be parsed nobody uses the unnamed one.
      return parse(named, named !== "" && random(12) === 0 ? "broken" : `q${random(400)}`);
    }
    if (kind <= 3) return bind(name());
    if (kind === 4) return describeStatement(name());
    return close(random(4) === 0 ? "P" : "S", name());
  });
}
