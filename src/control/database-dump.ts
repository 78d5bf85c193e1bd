/** A branch's database as a file, out and in again. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdCompress, createZstdDecompress } from "node:zlib";
import { PlatformError } from "../base/errors.ts";
import type { QueryOf } from "./api.ts";
import type { AdminDeps } from "./deps.ts";
import { dumpUploadBytesMax, uploadSilenceMs } from "./limits.ts";
import { watchUpload } from "./upload.ts";

/**
 * The dump, compressed with zstd, written as it is read. When something goes wrong half-way the connection ends.
 *
 * @throws {PlatformError} `DATABASE_UNKNOWN`, `DATABASE_DROPPED`, `DUMP_FAILED`
 */
export async function dumpAnswer(
  { dumps }: Pick<AdminDeps, "dumps">,
  app: string,
  branch: string,
): Promise<Response> {
  const source = dumps.dump(app, branch)[Symbol.asyncIterator]();
  // What is wrong at the start is an answer of its own.
  const first = await source.next();
  const all = async function* () {
    try {
      for (let piece = first; piece.done !== true; piece = await source.next()) yield piece.value;
    } finally {
      await source.return?.();
    }
  };
  const zstd = createZstdCompress();
  pipeline(Readable.from(all(), { objectMode: false }), zstd).catch(() => {});
  const body = Readable.toWeb(zstd) as unknown as ReadableStream<Uint8Array>;
  const headers = { "content-type": "application/zstd", "cache-control": "no-store" };
  return new Response(body, { headers });
}

/** @throws {PlatformError} `CONSENT_MISSING`, `DATABASE_UNKNOWN`, `DATABASE_BUSY`, `DUMP_INVALID`; then the database is as it was */
export async function restoreUpload(
  { dumps }: Pick<AdminDeps, "dumps">,
  app: string,
  { branch, confirm }: QueryOf<"databaseRestore">,
  body: ReadableStream<Uint8Array>,
): Promise<{ app: string; branch: string; statements: number; tables: number }> {
  const upload = watchUpload(body, { bytesMax: dumpUploadBytesMax, silenceMs: uploadSilenceMs });
  try {
    if (confirm !== branch) throw new PlatformError("CONSENT_MISSING", [branch]);
    return { app, branch, ...(await dumps.restore(app, branch, unpacked(upload))) };
  } finally {
    // What was not read must not keep the connection from ending.
    if (!upload.locked) await upload.cancel().catch(() => {});
  }
}

const UNPACKERS = [
  { magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), open: createZstdDecompress },
  { magic: Buffer.from([0x1f, 0x8b]), open: createGunzip },
];

/** SQL, whether it came compressed or not. */
async function* unpacked(upload: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = upload[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 4) {
    const { done, value } = await source.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const all = async function* () {
    yield head;
    for (;;) {
      const { done, value } = await source.next();
      if (done === true) return;
      yield value;
    }
  };
  const packing = UNPACKERS.find(({ magic }) => head.subarray(0, magic.length).equals(magic));
  if (packing === undefined) return yield* all();
  const unpacker = packing.open();
  let cause: unknown = null;
  const unpacking = pipeline(Readable.from(all(), { objectMode: false }), unpacker).catch(
    (error) => {
      cause = error;
    },
  );
  try {
    yield* unpacker as AsyncIterable<Uint8Array>;
    await unpacking;
    if (cause !== null) throw cause;
  } catch (error) {
    const thrown = cause ?? error;
    if (thrown instanceof PlatformError) throw thrown;
    throw new PlatformError("DUMP_INVALID", ["its compression is damaged, or it was cut off"]);
  } finally {
    unpacker.destroy();
  }
}
