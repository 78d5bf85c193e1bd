/** Frames of the wire, written past the runner, for attackers. The layout is that of `src/wire/frames.ts`. */
import { call } from "./kernel.ts";

const wireFd = 3;

export interface Forged {
  type: number;
  flags?: number;
  stream?: number;
  payload?: Uint8Array;
  /** What the header says; default the payload's length. Bytes. */
  claimedBytes?: number;
}

export function frame({ type, flags = 0, stream = 0, payload, claimedBytes }: Forged): Buffer {
  const header = Buffer.alloc(10);
  header.writeUInt32LE(claimedBytes ?? payload?.length ?? 0, 0);
  header[4] = type;
  header[5] = flags;
  header.writeUInt32LE(stream, 6);
  return Buffer.concat([header, payload ?? new Uint8Array()]);
}

/** Number of the stream of the request that is running, when it is the only one. */
export const ownStream = 0;

/** The head of an answer 200 whose body follows, on the stream of the request that is running. */
export function answerHead(): Buffer {
  const payload = Buffer.alloc(16);
  payload.writeUInt16LE(200, 0);
  payload.writeDoubleLE(-1, 8);
  return frame({ type: 7, stream: ownStream, payload });
}

/** Puts bytes on the wire now; waits while it is full. */
export function inject(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += call("write", wireFd, bytes.subarray(at), bytes.length - at);
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN") throw error;
      Bun.sleepSync(1);
    }
  }
}

/** Never resolves: what comes is up to the node. */
export function untilEnded(): Promise<never> {
  return new Promise(() => {});
}
