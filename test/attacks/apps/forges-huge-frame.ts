/** Announces a frame of four gigabytes, for which a node might make room. */
import { attack } from "../attack.ts";
import { frame, inject, untilEnded } from "../frames.ts";

export default attack(() => ({
  it: async () => {
    inject(frame({ type: 2, claimedBytes: 0xffff_ffff, payload: Buffer.alloc(64) }));
    await untilEnded();
  },
}));
