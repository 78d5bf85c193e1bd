/**
 * Bytes that a server sends by COPY, as `pg` runs a query of somebody's own. Who reads slowly makes the server wait.
 */
import { baseBackupSilenceMs, copyQueueBytesMax } from "./limits.ts";

/** What of `pg`'s connection is used below its documented surface. */
export interface WiredConnection {
  query(sql: string): void;
  stream: { pause(): void; resume(): void; destroy(): void };
}

export class CopyOut {
  readonly #sql: string;
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #connection: WiredConnection | null = null;
  #isPaused = false;
  #error: Error | null = null;
  #isDone = false;
  #wake = Promise.withResolvers<void>();

  constructor(sql: string) {
    this.#sql = sql;
  }

  /** Null at the end. @throws what the server, or the connection, has against it */
  async next(): Promise<Uint8Array | null> {
    for (;;) {
      if (this.#error !== null) throw this.#error;
      const piece = this.#queue.shift();
      if (piece !== undefined) {
        this.#queuedBytes -= piece.length;
        if (this.#isPaused && this.#queuedBytes < copyQueueBytesMax / 2) {
          this.#isPaused = false;
          this.#connection?.stream.resume();
        }
        return piece;
      }
      if (this.#isDone) return null;
      this.#wake = Promise.withResolvers();
      const timer = setTimeout(() => {
        this.handleError(new Error(`the server sent nothing for ${baseBackupSilenceMs} ms`));
      }, baseBackupSilenceMs);
      await this.#wake.promise;
      clearTimeout(timer);
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = await this.next();
      if (piece === null) return;
      yield piece;
    }
  }

  /** What of a message is wanted; null: nothing. */
  protected taken(chunk: Buffer): Buffer | null {
    return chunk;
  }

  submit(connection: WiredConnection): void {
    this.#connection = connection;
    connection.query(this.#sql);
  }

  handleRowDescription(): void {}
  handleDataRow(_row: { fields: (string | null)[] }): void {}
  handleCommandComplete(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    const wanted = this.taken(chunk);
    if (wanted === null) return;
    // It lies in a buffer that is used again.
    this.#queue.push(new Uint8Array(wanted));
    this.#queuedBytes += wanted.length;
    if (!this.#isPaused && this.#queuedBytes > copyQueueBytesMax) {
      this.#isPaused = true;
      this.#connection?.stream.pause();
    }
    this.#wake.resolve();
  }

  handleReadyForQuery(): void {
    this.#isDone = true;
    this.#wake.resolve();
  }

  handleError(error: Error): void {
    this.#error ??= error;
    this.#wake.resolve();
  }
}
