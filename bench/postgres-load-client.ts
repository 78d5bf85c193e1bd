/**
 * Connections that ask PostgreSQL as fast as it answers, each with one query at a time: a process of its own, which takes
 * what to do as JSON and says what came of it as JSON. It speaks the protocol itself, so that it costs little beside
 * what is measured.
 *
 *   bun bench/postgres-load-client.ts '{"port":5432,"user":"u","password":"p","database":"d","connections":8,…}'
 */
import { randomBytes } from "node:crypto";
import { fromClient, fromServer, message, query, startupPacket } from "../src/relay/messages.ts";
import { clientFinal, clientFirst, readServerFirst, scramKeys } from "../src/relay/scram.ts";
import type { LoadOrder, LoadResult } from "./postgres-load.ts";

/** Rows of the table that is asked; each query takes another one. */
const rows = 1000;
/** Latencies are counted by microsecond up to this. */
const latencyUsMax = 200_000;
/** No query takes so long unless something hangs. Milliseconds. */
const answerTimeoutMs = 20_000;

const order = JSON.parse(process.argv[2] ?? "{}") as LoadOrder;
const texts = Array.from({ length: rows }, (_, id) => textOf(id));
const latencies = new Uint32Array(latencyUsMax + 1);
let queries = 0;
let errors = 0;
let isMeasured = false;
let isOver = false;

/** The bytes that ask for one row. */
function textOf(id: number): Buffer {
  if (order.mode === "simple") return query(`SELECT balance FROM accounts WHERE id = ${id}`);
  const zero = Buffer.alloc(2);
  const value = Buffer.from(String(id));
  const size = Buffer.alloc(4);
  size.writeInt32BE(value.length);
  const one = Buffer.from([0, 1]);
  return Buffer.concat([
    message(fromClient.bind, "", "one", zero, one, size, value, zero),
    message(fromClient.execute, "", Buffer.alloc(4)),
    message(fromClient.sync),
  ]);
}

const prepare = Buffer.concat([
  message(
    fromClient.parse,
    "one",
    "SELECT balance FROM accounts WHERE id = $1::int",
    Buffer.alloc(2),
  ),
  message(fromClient.sync),
]);

/** One connection. */
class Asker {
  readonly ready = Promise.withResolvers<void>();
  #socket: Bun.Socket | null = null;
  /** What has come of an answer that is not whole yet. */
  #rest: Buffer | null = null;
  #onReady: (() => void) | null = null;
  #onAuthentication: ((kind: number, body: Buffer) => void) | null = null;
  #sentAtMs = 0;
  #next: number;

  constructor(index: number) {
    this.#next = (index * 37) % rows;
  }

  async connect(): Promise<void> {
    const socket = {
      data: (_: Bun.Socket, bytes: Buffer) => this.#hear(bytes),
      close: () => this.#end("closed"),
      error: (_: Bun.Socket, error: Error) => this.#end(error.message),
      drain() {},
    };
    this.#logIn();
    this.#socket = await Bun.connect({ hostname: "127.0.0.1", port: order.port, socket });
    this.#send(startupPacket(Object.entries({ user: order.user, database: order.database })));
    await this.ready.promise;
    if (order.mode !== "prepared") return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onReady = resolve;
    this.#send(prepare);
    await promise;
  }

  start(): void {
    this.#onReady = () => {
      const tookUs = Math.round((performance.now() - this.#sentAtMs) * 1000);
      if (isMeasured) {
        queries += 1;
        latencies[Math.min(tookUs, latencyUsMax)]! += 1;
      }
      if (!isOver) this.#ask();
    };
    this.#ask();
  }

  #ask(): void {
    this.#next = (this.#next + 1) % rows;
    this.#sentAtMs = performance.now();
    this.#send(texts[this.#next]!);
  }

  #send(bytes: Buffer): void {
    if (this.#socket?.write(bytes) !== bytes.length) this.#end("took less than a query");
  }

  #end(why: string): void {
    if (isOver) return;
    errors += 1;
    this.ready.reject(new Error(`connection ended: ${why}`));
    process.stderr.write(`${why}\n`);
    process.exit(1);
  }

  /** Small answers come in one piece: then the last six bytes say that the server is ready. */
  #hear(chunk: Buffer): void {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = null;
    let at = 0;
    while (bytes.length - at >= 5) {
      const type = bytes[at]!;
      const end = at + 1 + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      if (type === fromServer.error) {
        process.stderr.write(`${bytes.subarray(at + 5, end)}\n`);
        errors += 1;
      }
      if (type === fromServer.authentication) {
        this.#onAuthentication?.(bytes.readUInt32BE(at + 5), bytes.subarray(at + 9, end));
      }
      at = end;
      if (type === fromServer.ready) this.#onReady?.();
    }
    if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
  }

  #logIn(): void {
    this.#onReady = () => this.ready.resolve();
    const nonce = randomBytes(18).toString("base64");
    const first = clientFirst(nonce);
    this.#onAuthentication = (kind, body) => {
      if (kind === 10) {
        const size = Buffer.alloc(4);
        size.writeInt32BE(first.length);
        this.#send(message(fromClient.password, "SCRAM-SHA-256", size, Buffer.from(first)));
      } else if (kind === 11) {
        const received = body.toString();
        const server = readServerFirst(received, nonce);
        if (server === null) return this.#end("what the server says about the log-in is wrong");
        const keys = scramKeys(order.password, server.salt, server.rounds);
        const { text } = clientFinal(first, received, server, keys);
        this.#send(message(fromClient.password, Buffer.from(text)));
      }
    };
  }
}

function quantileUs(share: number): number {
  let left = Math.max(1, share * queries);
  for (const [us, count] of latencies.entries()) {
    left -= count;
    if (left <= 0) return us;
  }
  return latencyUsMax;
}

const watchdog = setTimeout(
  () => {
    process.stderr.write("no answer\n");
    process.exit(1);
  },
  order.warmUpMs + order.measureMs + answerTimeoutMs,
);
const askers = Array.from({ length: order.connections }, (_, index) => new Asker(index));
for (const asker of askers) await asker.connect();
for (const asker of askers) asker.start();
await Bun.sleep(order.warmUpMs);
// The one who started this reads the CPU time of the others between the two lines.
console.log("begin");
const beganAtMs = performance.now();
isMeasured = true;
await Bun.sleep(order.measureMs);
isMeasured = false;
const tookMs = performance.now() - beganAtMs;
isOver = true;
clearTimeout(watchdog);
const result: LoadResult = {
  queries,
  errors,
  queriesPerS: (queries / tookMs) * 1000,
  p50Us: quantileUs(0.5),
  p99Us: quantileUs(0.99),
};
console.log(`end ${JSON.stringify(result)}`);
process.exit(0);
