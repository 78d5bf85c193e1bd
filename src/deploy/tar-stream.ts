/**
 * Writes a gzipped tar piece by piece, as fast as it is read: files are opened one after the other, and nothing is kept in
 * memory but a piece. Dates, owners and order depend on what is given, and on nothing else.
 */
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { Header, Pax } from "tar";
import { artifactChunkBytes } from "./limits.ts";

export type TarEntry =
  | { path: string; text: string }
  /** A file of the disk, by its absolute path. */
  | { path: string; file: string; isExecutable: boolean }
  | { path: string; link: string };

/**
 * @param mtime of every entry
 * @returns errors when a file cannot be read, or is not as long as it was; what was written is then cut off
 */
export function tarStream(
  entries: AsyncIterable<TarEntry>,
  mtime: Date,
): ReadableStream<Uint8Array> {
  const gzip = createGzip();
  const pieces = tarPieces(entries, mtime);
  // An error reaches whoever reads; when nobody reads any more, the file that is open is closed.
  const feed = () => pipeline(pieces, gzip).catch(() => {});
  let packed: AsyncIterator<Buffer> | null = null;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (packed === null) {
          packed = gzip[Symbol.asyncIterator]();
          void feed();
        }
        const { done, value } = await packed.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        gzip.destroy();
        await packed?.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The same without compression. */
export async function* tarPieces(
  entries: AsyncIterable<TarEntry>,
  mtime: Date,
): AsyncGenerator<Buffer> {
  for await (const entry of entries) {
    if ("link" in entry) {
      yield head(entry.path, 0, mtime, { linkpath: entry.link });
    } else if ("text" in entry) {
      const body = Buffer.from(entry.text);
      yield head(entry.path, body.length, mtime, {});
      yield body;
      yield padding(body.length);
    } else {
      const { size } = await stat(entry.file);
      yield head(entry.path, size, mtime, { isExecutable: entry.isExecutable });
      yield* contentOf(entry.file, size);
      yield padding(size);
    }
  }
  yield Buffer.alloc(1024);
}

async function* contentOf(path: string, size: number): AsyncGenerator<Buffer> {
  await using file = await open(path, "r");
  let left = size;
  while (left > 0) {
    const piece = Buffer.allocUnsafe(Math.min(left, artifactChunkBytes));
    const { bytesRead } = await file.read(piece, 0, piece.length);
    if (bytesRead === 0) throw new Error(`${path} became shorter while it was read`);
    left -= bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

function head(
  path: string,
  size: number,
  mtime: Date,
  { isExecutable = false, linkpath }: { isExecutable?: boolean; linkpath?: string },
): Buffer {
  const block = Buffer.alloc(512);
  const header = new Header({
    path,
    type: linkpath === undefined ? "File" : "SymbolicLink",
    size,
    mode: isExecutable ? 0o755 : 0o644,
    mtime,
  });
  if (linkpath !== undefined) header.linkpath = linkpath;
  const needsPax = header.encode(block, 0) || !/^[\x20-\x7e]*$/.test(path + (linkpath ?? ""));
  if (!needsPax) return block;
  const extended = new Pax({ path, size, ...(linkpath === undefined ? {} : { linkpath }) });
  return Buffer.concat([extended.encode(), block]);
}

function padding(bytes: number): Buffer {
  return Buffer.alloc((512 - (bytes % 512)) % 512);
}
