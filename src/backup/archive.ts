/**
 * Archives of a backup: a tar, compressed, perhaps sealed, cut into parts of a size that fits into memory.
 *
 *   tar ──zstd──▶ (AES-256-GCM in chunks) ──▶ parts of 16 MiB ──▶ storage
 *
 * At most three parts are in memory at once, whatever the sizes are.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import { messageOf, PlatformError } from "../base/errors.ts";
import type { BackupKey } from "./backup-key.ts";
import type { BackupArchive, BackupPart } from "./backup-manifest.ts";
import { compressionLevel, partBytesMax, partsInFlightMax } from "./limits.ts";
import { openStream, sealStream } from "./sealed-stream.ts";
import type { BackupStorage, UnfinishedBackup } from "./storage.ts";

export interface WriteArchiveOptions {
  id: string;
  name: string;
  target: UnfinishedBackup;
  key: BackupKey | null;
  /** Called with plain bytes as they go. */
  onBytes(bytes: number): void;
}

/** @throws what the source, or the storage, has against it */
export async function writeArchive(
  source: AsyncIterable<Uint8Array>,
  { id, name, target, key, onBytes }: WriteArchiveOptions,
): Promise<BackupArchive> {
  let plainBytes = 0;
  const counted = async function* () {
    for await (const piece of source) {
      plainBytes += piece.length;
      onBytes(piece.length);
      yield piece;
    }
  };
  const zstd = createZstdCompress({
    params: {
      [constants.ZSTD_c_compressionLevel]: compressionLevel,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  });
  const compressing = pipeline(Readable.from(counted(), { objectMode: false }), zstd);
  // It reaches whoever reads; without a listener it would end the process before.
  compressing.catch(() => {});
  const packed: AsyncIterable<Uint8Array> = zstd;
  const stored = key === null ? packed : sealStream(packed, key.ofArchive(id, name));
  const parts = await writeParts(stored, name, target);
  await compressing;
  return { name, plainBytes, parts };
}

async function writeParts(
  source: AsyncIterable<Uint8Array>,
  archive: string,
  target: UnfinishedBackup,
): Promise<BackupPart[]> {
  const parts: BackupPart[] = [];
  const inFlight = new Set<Promise<void>>();
  const free: Buffer[] = [];
  let failed: unknown = null;
  let buffer: Buffer = Buffer.allocUnsafe(partBytesMax);
  let filled = 0;
  const send = () => {
    const whole = buffer;
    const bytes = whole.subarray(0, filled);
    const name = `${archive}.${String(parts.length + 1).padStart(5, "0")}`;
    parts.push({ name, bytes: filled, sha256: createHash("sha256").update(bytes).digest("hex") });
    const sending = target
      .put(name, bytes)
      .catch((error) => {
        failed ??= error;
      })
      .finally(() => {
        inFlight.delete(sending);
        free.push(whole);
      });
    inFlight.add(sending);
    filled = 0;
  };
  try {
    for await (const piece of source) {
      for (let at = 0; at < piece.length; ) {
        if (filled === partBytesMax) {
          send();
          while (inFlight.size >= partsInFlightMax) await Promise.race(inFlight);
          if (failed !== null) throw failed;
          buffer = free.pop() ?? Buffer.allocUnsafe(partBytesMax);
        }
        const taken = Math.min(piece.length - at, partBytesMax - filled);
        buffer.set(piece.subarray(at, at + taken), filled);
        filled += taken;
        at += taken;
      }
    }
    if (filled > 0) send();
  } finally {
    await Promise.all(inFlight);
  }
  if (failed !== null) throw failed;
  return parts;
}

/**
 * The tar of an archive again. Each part is checked before any of it is passed on.
 *
 * @throws {PlatformError} `BACKUP_DAMAGED` naming the part
 */
export async function* readArchive(
  storage: BackupStorage,
  id: string,
  archive: BackupArchive,
  key: BackupKey | null,
): AsyncGenerator<Uint8Array> {
  const stored = readParts(storage, id, archive);
  const packed = key === null ? stored : openStream(stored, key.ofArchive(id, archive.name));
  const zstd = createZstdDecompress();
  let cause: unknown = null;
  const unpacking = pipeline(Readable.from(packed, { objectMode: false }), zstd).catch((error) => {
    cause = error;
  });
  let plainBytes = 0;
  try {
    for await (const piece of zstd as AsyncIterable<Uint8Array>) {
      plainBytes += piece.length;
      yield piece;
    }
    await unpacking;
    if (cause !== null) throw cause;
  } catch (error) {
    const first = cause ?? error;
    if (first instanceof PlatformError) throw first;
    throw new PlatformError("BACKUP_DAMAGED", [id, `${archive.name}: ${messageOf(first)}`]);
  } finally {
    zstd.destroy();
  }
  if (plainBytes !== archive.plainBytes) {
    const what = `${archive.name} has ${plainBytes} bytes, not ${archive.plainBytes}`;
    throw new PlatformError("BACKUP_DAMAGED", [id, what]);
  }
}

async function* readParts(
  storage: BackupStorage,
  id: string,
  { parts }: BackupArchive,
): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await readPart(storage, id, part);
}

/** @throws {PlatformError} `BACKUP_DAMAGED` naming it */
export async function readPart(
  storage: BackupStorage,
  id: string,
  { name, bytes: size, sha256 }: BackupPart,
): Promise<Uint8Array> {
  const bytes = await storage.read(id, name, partBytesMax);
  const damaged = (what: string) => new PlatformError("BACKUP_DAMAGED", [id, `${name} ${what}`]);
  if (bytes.length !== size) throw damaged(`has ${bytes.length} bytes, not ${size}`);
  if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
    throw damaged("is not what was written: its sha256 is another one");
  }
  return bytes;
}
