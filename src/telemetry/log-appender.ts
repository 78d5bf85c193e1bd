/**
 * Appends to the newest file of one app's log, begins the next when it is full and removes the oldest.
 *
 * Only what `end` covers counts. Bytes behind it are the beginning of something: a crash, or a write that failed half-way
 * on a full disk. The next append cuts them off. No file stays open between appends: most apps are silent most of the
 * time, and there may be thousands.
 */
import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { fileName, findEnd, type LogPosition, listFiles } from "./log-files.ts";

export class LogAppender {
  readonly #folder: string;
  readonly #fileBytesMax: number;
  readonly #filesMax: number;
  #end: LogPosition | null = null;
  #opening: Promise<LogPosition> | null = null;

  constructor(folder: string, bounds: { fileBytesMax: number; filesMax: number }) {
    this.#folder = folder;
    this.#fileBytesMax = bounds.fileBytesMax;
    this.#filesMax = bounds.filesMax;
  }

  /** Behind the last record that is in a file. Before `open`, the very beginning. */
  get end(): LogPosition {
    return this.#end ?? { file: 0, offset: 0, ordinal: 0 };
  }

  /** Looks at the files, once. @throws {Error} when they cannot be read; the next call tries again. */
  async open(): Promise<void> {
    if (this.#end !== null) return;
    this.#opening ??= findEnd(this.#folder).finally(() => {
      this.#opening = null;
    });
    const end = await this.#opening;
    this.#end ??= end;
  }

  /** How much the next append may bring when its first record has this size. A record is never split. Bytes. */
  room(recordBytes: number): number {
    const left = this.#fileBytesMax - this.end.offset;
    return recordBytes <= left ? left : Math.max(this.#fileBytesMax, recordBytes);
  }

  /**
   * Appends whole records. One call at a time, after `open`.
   *
   * @param onAppended called in the turn in which `end` moves.
   * @throws {Error} of the file system. Then none of them counts, and they may be given again.
   */
  async append(data: Buffer, records: number, onAppended: () => void): Promise<void> {
    const { end } = this;
    const isFull = end.offset > 0 && end.offset + data.length > this.#fileBytesMax;
    if (isFull) await this.#closeOff(end);
    const { handle, at } = await this.#openAt(isFull ? startOfNext(end) : end);
    try {
      for (let written = 0; written < data.length; ) {
        const length = data.length - written;
        written += (await handle.write(data, written, length, at.offset + written)).bytesWritten;
      }
    } finally {
      await handle.close();
    }
    this.#end = { file: at.file, offset: at.offset + data.length, ordinal: at.ordinal + records };
    onAppended();
    if (at.file !== end.file) await this.#removeOldest();
  }

  /** Opens the file of a position for writing there, or a new one when somebody took that file away. */
  async #openAt(position: LogPosition): Promise<{ handle: FileHandle; at: LogPosition }> {
    const path = join(this.#folder, fileName(position.file));
    let handle: FileHandle;
    if (position.offset === 0) {
      // "a" would ignore the position of each write, "w" is only for what may be emptied: here there is nothing to keep.
      handle = await open(path, "w", 0o600).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
        await mkdir(this.#folder, { recursive: true, mode: 0o700 });
        return open(path, "w", 0o600);
      });
      return { handle, at: position };
    }
    try {
      handle = await open(path, "r+");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return this.#openAt(startOfNext(position));
    }
    try {
      const { size } = await handle.stat();
      if (size > position.offset) await handle.truncate(position.offset);
      if (size >= position.offset) return { handle, at: position };
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return this.#openAt(startOfNext(position));
  }

  /** Leaves a full file with whole records only: nobody looks at its end again. */
  async #closeOff(end: LogPosition): Promise<void> {
    const { handle } = await this.#openAt(end);
    await handle.close();
  }

  async #removeOldest(): Promise<void> {
    const files = await listFiles(this.#folder);
    for (const file of files.slice(0, Math.max(0, files.length - this.#filesMax))) {
      // What cannot be removed now is removed with the next.
      await unlink(join(this.#folder, fileName(file))).catch(() => {});
    }
  }
}

function startOfNext({ ordinal }: LogPosition): LogPosition {
  return { file: ordinal, offset: 0, ordinal };
}
