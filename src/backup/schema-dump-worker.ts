/**
 * pg_dump of PostgreSQL 18 in WebAssembly, in a thread of its own: it waits for each answer without letting go of its thread,
 * so somebody else has to fetch it.
 *
 *   pg_dump ──query──▶ here ──message──▶ `schema-dump.ts` ──socket──▶ PostgreSQL
 *      └── sleeps (Atomics.wait) ◀── shared memory: length, bytes, length, bytes … ◀──┘
 */
import { pgDump } from "@electric-sql/pglite-tools/pg_dump";
import {
  type DumpOrder,
  endsQuery,
  type FromDump,
  mailSize,
  mailWord,
} from "./schema-dump-protocol.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<DumpOrder>) => void dump(data);

async function dump({ mail, greeting, args }: DumpOrder): Promise<void> {
  const words = new Int32Array(mail, 0, 2);
  const body = new Uint8Array(mail, mailWord);
  let isGreeted = false;
  let unsent: Uint8Array[] = [];

  /** Waits for the next piece of the answer; null at its end. */
  const receive = (): Uint8Array | null => {
    Atomics.wait(words, 0, 0);
    const bytes = Atomics.load(words, 1);
    const piece = bytes > 0 ? body.slice(0, bytes) : null;
    Atomics.store(words, 0, 0);
    post({ type: "taken" });
    return piece;
  };

  const server = {
    query: async () => ({ rows: [{ search_path: "public" }] }),
    exec: async () => [],
    execProtocolRawStream(bytes: Uint8Array, { onRawData }: { onRawData(data: Uint8Array): void }) {
      const piece = bytes.slice();
      if (!isGreeted) {
        // Its start-up message: who it is was settled before, by whoever has the password.
        isGreeted = true;
        onRawData(greeting);
        return;
      }
      unsent.push(piece);
      const whole = unsent.length === 1 ? piece : joined(unsent);
      unsent = [whole];
      if (!endsQuery(whole)) return;
      unsent = [];
      post({ type: "query", bytes: whole });
      for (;;) {
        const answer = receive();
        if (answer === null) return;
        onRawData(answer);
      }
    },
  };
  try {
    const file = await pgDump({ pg: server as never, args });
    post({ type: "done", sql: await file.text() });
  } catch (error) {
    post({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

function post(message: FromDump): void {
  self.postMessage(message);
}

/** As large as the other side writes at once. */
export const bodyBytes = mailSize - mailWord;
