/**
 * The body of a deploy on its way in: counted, so that it ends at its bound, and watched while it is read, so that a
 * client that falls silent does not hold a deploy's place. Nothing is buffered; who reads slowly slows the client.
 */
import { PlatformError } from "../base/errors.ts";

export interface UploadLimits {
  /** Bytes on the wire, still packed. */
  bytesMax: number;
  /** Wait for the next bytes once they are asked for. Milliseconds. */
  silenceMs: number;
}

/** Errors of the stream: `SOURCE_TOO_LARGE`, `REQUEST_TIMEOUT`, `SOURCE_INVALID` when the client goes away. */
export function watchUpload(
  body: ReadableStream<Uint8Array>,
  limits: UploadLimits,
): ReadableStream<Uint8Array> {
  const reader: ChunkReader = body.getReader();
  let bytes = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await nextChunk(reader, limits.silenceMs);
        if (chunk === null) return controller.close();
        bytes += chunk.byteLength;
        if (bytes > limits.bytesMax) {
          void reader.cancel();
          throw new PlatformError("SOURCE_TOO_LARGE", [bytes, limits.bytesMax]);
        }
        controller.enqueue(chunk);
      },
      cancel(reason) {
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** The part of a stream's reader that is needed. */
interface ChunkReader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(reason?: unknown): Promise<void>;
}

async function nextChunk(reader: ChunkReader, silenceMs: number): Promise<Uint8Array | null> {
  const silence = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    silence.reject(new PlatformError("REQUEST_TIMEOUT", [silenceMs]));
    void reader.cancel();
  }, silenceMs);
  try {
    const { value } = await Promise.race([reader.read(), silence.promise]);
    return value ?? null;
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw new PlatformError("SOURCE_INVALID", ["the upload was cut off"], { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
