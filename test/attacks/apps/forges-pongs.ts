/** Answers pings that were not sent, without end. */
import { attack } from "../attack.ts";
import { frame, inject, untilEnded } from "../frames.ts";

export default attack(() => ({
  it: async () => {
    const pongs = Buffer.concat(
      Array.from({ length: 1000 }, () => frame({ type: 10, payload: Buffer.alloc(4) })),
    );
    for (let round = 0; round < 20; round++) inject(pongs);
    await untilEnded();
  },
}));
