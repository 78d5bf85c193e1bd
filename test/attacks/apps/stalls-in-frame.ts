/** Sends half of a frame and nothing more: everything behind it waits. */
import { attack } from "../attack.ts";
import { frame, inject, untilEnded } from "../frames.ts";

export default attack(() => ({
  it: async () => {
    inject(frame({ type: 2, claimedBytes: 1000, payload: Buffer.alloc(10) }));
    await untilEnded();
  },
}));
