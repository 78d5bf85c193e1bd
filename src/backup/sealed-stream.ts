/**
 * A stream sealed in chunks, so that none of it is believed before it is whole and nothing can be left out, moved or cut off.
 *
 *   chunk: [4 bytes length of what follows][AES-256-GCM of up to 64 KiB][tag]
 *   nonce: number of the chunk, and whether it is the last
 *
 * A key is used for one stream only, so counting is enough.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { sealedChunkBytes, sealTagBytes } from "./limits.ts";

export async function* sealStream(
  source: AsyncIterable<Uint8Array>,
  key: Uint8Array,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  const buffer = Buffer.alloc(sealedChunkBytes);
  let filled = 0;
  const seal = (isLast: boolean): Buffer => {
    const cipher = createCipheriv("aes-256-gcm", key, nonceOf(count, isLast));
    count += 1;
    const body = Buffer.concat([cipher.update(buffer.subarray(0, filled)), cipher.final()]);
    filled = 0;
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length + sealTagBytes);
    return Buffer.concat([head, body, cipher.getAuthTag()]);
  };
  for await (const piece of source) {
    for (let at = 0; at < piece.length; ) {
      // Sealed when more comes: the last one has to say that it is.
      if (filled === sealedChunkBytes) yield seal(false);
      const taken = Math.min(piece.length - at, sealedChunkBytes - filled);
      buffer.set(piece.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
    }
  }
  yield seal(true);
}

/** @throws when it was changed, cut off or sealed with another key */
export async function* openStream(
  source: AsyncIterable<Uint8Array>,
  key: Uint8Array,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  let rest: Buffer = Buffer.alloc(0);
  let isEnded = false;
  for await (const piece of source) {
    rest = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece]);
    let at = 0;
    while (rest.length - at >= 4) {
      const bytes = rest.readUInt32BE(at);
      if (bytes < sealTagBytes || bytes > sealedChunkBytes + sealTagBytes) throw changed();
      if (rest.length - at - 4 < bytes) break;
      if (isEnded) throw changed();
      const chunk = rest.subarray(at + 4, at + 4 + bytes);
      const inner = open(chunk, key, nonceOf(count, false));
      if (inner === null) {
        const last = open(chunk, key, nonceOf(count, true));
        if (last === null) throw changed();
        isEnded = true;
        yield last;
      } else yield inner;
      count += 1;
      at += 4 + bytes;
    }
    rest = rest.subarray(at);
  }
  if (!isEnded || rest.length > 0) throw changed();
}

function open(chunk: Buffer, key: Uint8Array, nonce: Uint8Array): Buffer | null {
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: sealTagBytes });
  decipher.setAuthTag(chunk.subarray(-sealTagBytes));
  try {
    const body = decipher.update(chunk.subarray(0, -sealTagBytes));
    return Buffer.concat([body, decipher.final()]);
  } catch {
    return null;
  }
}

function nonceOf(count: number, isLast: boolean): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(count, 5, 6);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

function changed(): Error {
  return new Error(
    "its encryption does not open it: it was changed, cut off, or is of another key",
  );
}
