/** Sends a control message that has no end, for the node to collect. */
import { attack } from "../attack.ts";
import { frame, inject, untilEnded } from "../frames.ts";

export default attack(() => ({
  it: async () => {
    const piece = frame({ type: 6, payload: Buffer.alloc(100_000, 0x61) });
    for (let sent = 0; sent < 100; sent++) inject(piece);
    await untilEnded();
  },
}));
