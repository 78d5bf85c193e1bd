/** Sends a body faster than its window allows, for the node to keep. */
import { attack } from "../attack.ts";
import { answerHead, frame, inject, ownStream, untilEnded } from "../frames.ts";

export default attack(() => ({
  it: async () => {
    inject(answerHead());
    const piece = frame({ type: 2, stream: ownStream, payload: Buffer.alloc(64 * 1024) });
    for (let sent = 0; sent < 100; sent++) inject(piece);
    await untilEnded();
  },
}));
