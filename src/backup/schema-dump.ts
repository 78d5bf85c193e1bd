/**
 * The schema of a database as SQL, by PostgreSQL's own pg_dump: what belongs before the rows and what after them.
 *
 * Its connection is one of `pg`, which knows how to log in; after that the bytes pass through as they are.
 */
import pg from "pg";
import { messageOf, PlatformError } from "../base/errors.ts";
import { connectionOf, dropClient } from "../store/pg-inside.ts";
import { replicationTimeoutMs, schemaDumpTimeoutMs } from "./limits.ts";
import { type DumpOrder, type FromDump, mailSize, mailWord } from "./schema-dump-protocol.ts";

/**
 * @param args of pg_dump, such as `--section=pre-data`
 * @throws {PlatformError} `DUMP_FAILED`
 */
export async function dumpSchema(config: pg.ClientConfig, args: string[]): Promise<string> {
  const client = new pg.Client({
    ...config,
    application_name: "levain dump",
    connectionTimeoutMillis: replicationTimeoutMs,
  });
  client.on("error", () => {});
  const settings: Record<string, string> = {};
  const connection = connectionOf<WiredConnection>(client);
  connection.on("parameterStatus", ({ parameterName, parameterValue }) => {
    settings[parameterName] = parameterValue;
  });
  try {
    await client.connect();
    return await run(connection.stream, greetingOf(settings), args);
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw new PlatformError("DUMP_FAILED", [messageOf(error)], { cause: error });
  } finally {
    await dropClient(client);
  }
}

interface WiredConnection {
  on(event: "parameterStatus", listener: (message: ParameterStatus) => void): void;
  stream: NodeJS.ReadWriteStream & { destroy(): void };
}
interface ParameterStatus {
  parameterName: string;
  parameterValue: string;
}

async function run(
  stream: WiredConnection["stream"],
  greeting: Uint8Array,
  args: string[],
): Promise<string> {
  const mail = new SharedArrayBuffer(mailSize);
  const words = new Int32Array(mail, 0, 2);
  const body = new Uint8Array(mail, mailWord);
  const worker = new Worker(new URL("./schema-dump-worker.ts", import.meta.url).href);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(
    () => reject(new Error(`pg_dump took longer than ${schemaDumpTimeoutMs} ms`)),
    schemaDumpTimeoutMs,
  );
  /** Pieces of answers that wait for the thread; null: an answer is over. */
  const pieces: (Uint8Array | null)[] = [];
  let isTaken = true;
  const deliver = () => {
    const piece = isTaken ? pieces.shift() : undefined;
    if (piece === undefined) return;
    isTaken = false;
    if (piece !== null) body.set(piece);
    Atomics.store(words, 1, piece?.length ?? 0);
    Atomics.store(words, 0, 1);
    Atomics.notify(words, 0);
  };
  const answers = new AnswerEnds();
  const onData = (chunk: Buffer) => {
    const ends = answers.push(chunk);
    for (let at = 0; at < chunk.length; at += body.length) {
      pieces.push(new Uint8Array(chunk.subarray(at, at + body.length)));
    }
    for (let end = 0; end < ends; end += 1) pieces.push(null);
    deliver();
  };
  try {
    // From now on the bytes are pg_dump's, and not those of the client that has logged in.
    stream.removeAllListeners("data");
    stream.on("data", onData);
    for (const event of ["end", "close", "error"]) {
      stream.on(event, () => reject(new Error("the connection to PostgreSQL ended")));
    }
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.onmessage = ({ data }: MessageEvent<FromDump>) => {
      if (data.type === "query") stream.write(data.bytes);
      if (data.type === "taken") {
        isTaken = true;
        deliver();
      }
      if (data.type === "done") resolve(data.sql);
      if (data.type === "failed") reject(new Error(data.message.trim()));
    };
    worker.postMessage({ mail, greeting, args } satisfies DumpOrder);
    return await promise;
  } finally {
    clearTimeout(timer);
    stream.removeListener("data", onData);
    worker.terminate();
  }
}

const READY_FOR_QUERY = 0x5a;

/** Where answers end in a stream of the server's messages, in pieces of any size. */
class AnswerEnds {
  readonly #head = Buffer.alloc(5);
  #headFilled = 0;
  #bodyLeft = 0;

  /** @returns how many ReadyForQuery have ended with this piece. Count. */
  push(chunk: Buffer): number {
    let ends = 0;
    for (let at = 0; at < chunk.length; ) {
      if (this.#headFilled < 5) {
        const taken = Math.min(5 - this.#headFilled, chunk.length - at);
        chunk.copy(this.#head, this.#headFilled, at, at + taken);
        this.#headFilled += taken;
        at += taken;
        if (this.#headFilled < 5) break;
        this.#bodyLeft = this.#head.readUInt32BE(1) - 4;
      }
      const taken = Math.min(this.#bodyLeft, chunk.length - at);
      this.#bodyLeft -= taken;
      at += taken;
      if (this.#bodyLeft > 0) break;
      if (this.#head[0] === READY_FOR_QUERY) ends += 1;
      this.#headFilled = 0;
    }
    return ends;
  }
}

/** What a server says to somebody that it lets in. */
function greetingOf(settings: Readonly<Record<string, string>>): Uint8Array {
  const message = (kind: string, body: Buffer): Buffer => {
    const head = Buffer.alloc(5);
    head.write(kind, 0, "latin1");
    head.writeUInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  return new Uint8Array(
    Buffer.concat([
      message("R", Buffer.alloc(4)),
      ...Object.entries(settings).map(([name, value]) =>
        message("S", Buffer.from(`${name}\0${value}\0`)),
      ),
      message("K", Buffer.alloc(8)),
      message("Z", Buffer.from("I")),
    ]),
  );
}
