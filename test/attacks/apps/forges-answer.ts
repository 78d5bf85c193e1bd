/** Answers a request that nobody sent it. */
import { attack } from "../attack.ts";
import { frame, inject, untilEnded } from "../frames.ts";

export default attack(() => ({
  it: async () => {
    inject(frame({ type: 7, flags: 1, stream: 4711, payload: Buffer.alloc(8) }));
    await untilEnded();
  },
}));
