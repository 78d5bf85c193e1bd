/**
 * Unpacks an upload in the node. Nothing in it is believed: only files and folders are accepted, each path once and
 * inside, and the expanded bytes are counted as they come, so that a small upload cannot fill the disk. Nothing is left
 * behind when it fails or the client goes away.
 */
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { Parser, type ReadEntry } from "tar";
import { PlatformError } from "../base/errors.ts";
import {
  sourceBytesMax,
  sourceFilesMax,
  sourcePathBytesMax,
  sourceUploadBytesMax,
  tarEntryOverheadBytes,
} from "./limits.ts";
import { REFUSED_CHARACTERS } from "./source-files.ts";

export interface UnpackBounds {
  /** Of the files, expanded. Bytes. */
  bytesMax: number;
  /** Files and folders, each. Count. */
  filesMax: number;
  /** As sent. Bytes. */
  uploadBytesMax: number;
}

export interface Unpacked {
  files: number;
  bytes: number;
}

const UNPACK_BOUNDS: UnpackBounds = {
  bytesMax: sourceBytesMax,
  filesMax: sourceFilesMax,
  uploadBytesMax: sourceUploadBytesMax,
};

/**
 * Reads the upload to its end, or cancels it.
 *
 * @param folder is made, and removed again when this throws; its parent exists
 * @throws {PlatformError} `SOURCE_INVALID`, `SOURCE_TOO_LARGE`, `SOURCE_TOO_MANY_FILES`, and what the upload's own
 *   stream fails with
 * @throws the signal's reason when it is aborted
 */
export async function unpackSource(
  upload: ReadableStream<Uint8Array>,
  folder: string,
  options: { signal: AbortSignal; bounds?: UnpackBounds },
): Promise<Unpacked> {
  const bounds = options.bounds ?? UNPACK_BOUNDS;
  const writer = new EntryWriter(folder, bounds);
  const reader = upload.getReader();
  // A pipeline ends only when its source does, and the source may be waiting for a client that sends nothing.
  const cancelUpload = () => void reader.cancel().catch(() => {});
  options.signal.addEventListener("abort", cancelUpload);
  try {
    options.signal.throwIfAborted();
    await mkdir(folder, { mode: 0o700 });
    await pipeline(
      counted(reader, bounds.uploadBytesMax),
      createGunzip().on("error", cancelUpload),
      (chunks: AsyncIterable<Uint8Array>) => parse(chunks, writer, bounds).finally(cancelUpload),
      { signal: options.signal },
    );
    if (writer.done.files === 0) throw new PlatformError("SOURCE_INVALID", ["it has no files"]);
    return writer.done;
  } catch (error) {
    cancelUpload();
    await writer.stop();
    await rm(folder, { recursive: true, force: true });
    if (options.signal.aborted) throw options.signal.reason;
    throw asSourceError(error);
  } finally {
    options.signal.removeEventListener("abort", cancelUpload);
  }
}

/** The part of a stream's reader that is needed. */
interface ChunkReader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
}

async function* counted(reader: ChunkReader, bytesMax: number) {
  let bytes = 0;
  for (;;) {
    const { value } = await reader.read();
    if (value === undefined) return;
    bytes += value.byteLength;
    if (bytes > bytesMax) throw new PlatformError("SOURCE_TOO_LARGE", [bytes, bytesMax]);
    yield value;
  }
}

/** Feeds the tar parser at the speed of the disk. */
async function parse(
  chunks: AsyncIterable<Uint8Array>,
  writer: EntryWriter,
  bounds: UnpackBounds,
): Promise<void> {
  // Also what is not a file's content is bounded: padding after the end expands from next to nothing.
  const expandedBytesMax = bounds.bytesMax + 2 * bounds.filesMax * tarEntryOverheadBytes;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {}); // raced below; may fail with nobody waiting
  const parser = new Parser({ strict: true, brotli: false, zstd: false });
  parser.on("error", failed.reject);
  // An extended head that is too large, or of a kind it does not know: what follows is not what was meant.
  parser.on("ignoredEntry", () =>
    failed.reject(new PlatformError("SOURCE_INVALID", ["it has an entry that cannot be read"])),
  );
  parser.on("entry", (entry: ReadEntry) => {
    writer.take(entry).catch(failed.reject);
  });
  const ended = new Promise<void>((resolve) => parser.on("end", () => resolve()));
  // It keeps what follows, and copies all of it for each chunk (tar 7).
  let isPadding = false;
  parser.on("eof", () => {
    isPadding = true;
  });

  let expandedBytes = 0;
  for await (const chunk of chunks) {
    if (expandedBytes === 0 && chunk[0] === 0x1f)
      throw new PlatformError("SOURCE_INVALID", ["it is no tar"]);
    expandedBytes += chunk.byteLength;
    if (expandedBytes > expandedBytesMax) {
      throw new PlatformError("SOURCE_TOO_LARGE", [expandedBytes, bounds.bytesMax]);
    }
    if (isPadding) continue;
    if (!parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))) {
      const drained = new Promise<void>((resolve) => parser.once("drain", () => resolve()));
      await Promise.race([drained, failed.promise]);
    }
  }
  parser.end();
  await Promise.race([ended, failed.promise]);
  await Promise.race([writer.settled(), failed.promise]);
}

/** Writes entries to the folder, one after the other as the parser gives them. */
class EntryWriter {
  readonly done: Unpacked = { files: 0, bytes: 0 };
  readonly #folder: string;
  readonly #bounds: UnpackBounds;
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();
  readonly #stopped = Promise.withResolvers<never>();
  /** Ends with the last of all that is being written: a file can end before the one in front of it. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(folder: string, bounds: UnpackBounds) {
    this.#folder = folder;
    this.#bounds = bounds;
    this.#stopped.promise.catch(() => {}); // there may be no entry to stop
  }

  /** @throws {PlatformError} why the entry is refused */
  async take(entry: ReadEntry): Promise<void> {
    const path = checkedPath(entry.path);
    if (entry.type === "Directory") {
      this.#claimFolder(path);
      entry.resume();
      return await this.#follow(mkdir(join(this.#folder, path), { recursive: true, mode: 0o755 }));
    }
    if (entry.type !== "File" && entry.type !== "OldFile") {
      throw new PlatformError("SOURCE_INVALID", [
        `"${path}" is a ${entry.type}; only files and folders are accepted`,
      ]);
    }
    this.#claimFile(path, entry.size);
    await this.#follow(writeEntry(entry, join(this.#folder, path), this.#stopped.promise));
  }

  /** Waits for what is being written; never throws. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  /** Ends the entry that is being written: the parser gives nothing more. Waits until its file is closed. */
  async stop(): Promise<void> {
    this.#stopped.reject(new Error("The upload ended"));
    await this.settled();
  }

  async #follow(work: Promise<unknown>): Promise<void> {
    this.#writing = Promise.allSettled([this.#writing, work]).then(() => {});
    await work;
  }

  #claimFolder(path: string): void {
    const names = path === "" ? [] : path.split("/");
    for (let depth = 1; depth <= names.length; depth += 1) {
      const folder = names.slice(0, depth).join("/");
      if (this.#files.has(folder)) {
        throw new PlatformError("SOURCE_INVALID", [`"${folder}" is both a file and a folder`]);
      }
      this.#folders.add(folder);
    }
    if (this.#folders.size > this.#bounds.filesMax) {
      throw new PlatformError("SOURCE_TOO_MANY_FILES", [this.#bounds.filesMax]);
    }
  }

  #claimFile(path: string, bytes: number): void {
    if (path === "") throw new PlatformError("SOURCE_INVALID", ["a file has no name"]);
    if (this.#files.has(path))
      throw new PlatformError("SOURCE_INVALID", [`"${path}" is in it twice`]);
    if (this.#folders.has(path)) {
      throw new PlatformError("SOURCE_INVALID", [`"${path}" is both a file and a folder`]);
    }
    const parent = dirname(path);
    this.#claimFolder(parent === "." ? "" : parent);
    this.#files.add(path);
    this.done.files += 1;
    this.done.bytes += bytes;
    if (this.done.files > this.#bounds.filesMax) {
      throw new PlatformError("SOURCE_TOO_MANY_FILES", [this.#bounds.filesMax]);
    }
    if (!(this.done.bytes <= this.#bounds.bytesMax)) {
      throw new PlatformError("SOURCE_TOO_LARGE", [this.done.bytes, this.#bounds.bytesMax]);
    }
  }
}

/** @param stopped rejects when the entry will not go on; its own iterator would then wait for ever */
async function writeEntry(entry: ReadEntry, path: string, stopped: Promise<never>): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const isExecutable = ((entry.mode ?? 0) & 0o100) !== 0;
  // `wx`: no file is ever written over, and no link is followed, whatever the checks above missed.
  await using file = await open(path, "wx", isExecutable ? 0o755 : 0o644);
  const ended = Promise.withResolvers<void>();
  let written: Promise<void> = Promise.resolve();
  entry.on("data", (chunk) => {
    entry.pause();
    written = writeAll(file, chunk);
    written.then(() => entry.resume(), ended.reject);
  });
  entry.on("end", () => ended.resolve());
  try {
    await Promise.race([ended.promise, stopped]);
  } finally {
    await written.catch(() => {}); // the file must not be closed under it
  }
  // The entry can end before its last piece is on disk: a full disk must not leave a shorter file behind unsaid.
  await written;
}

/** A disk that fills up takes a part of a piece; the next write then says why. */
async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  let at = 0;
  while (at < piece.length) at += (await file.write(piece, at)).bytesWritten;
}

/** The path relative to the folder, without `.` and empty parts; `""` is the folder itself. */
function checkedPath(path: string): string {
  const shown = JSON.stringify(path.slice(0, 200));
  const refuse = (why: string) => new PlatformError("SOURCE_INVALID", [`path ${shown} ${why}`]);
  if (Buffer.byteLength(path) > sourcePathBytesMax)
    throw refuse(`has more than ${sourcePathBytesMax} bytes`);
  if (path.startsWith("/")) throw refuse("is absolute");
  if (REFUSED_CHARACTERS.test(path)) throw refuse("has a character that is not accepted");
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw refuse("leads outside");
  if (names.some((name) => Buffer.byteLength(name) > 255))
    throw refuse("has a name of more than 255 bytes");
  return names.join("/");
}

/** What the disk says stays what it is; everything else is the upload's fault. */
function asSourceError(error: unknown): unknown {
  if (error instanceof PlatformError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === "string" && /^E(NOSPC|DQUOT|IO|ROFS|ACCES|PERM|MFILE|NFILE)$/.test(code))
    return error;
  return new PlatformError("SOURCE_INVALID", ["it is not a complete gzipped tar"], {
    cause: error,
  });
}
