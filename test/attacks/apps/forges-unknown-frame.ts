/** Sends the node a frame of a type that does not exist. */
import { attack } from "../attack.ts";
import { frame, inject, untilEnded } from "../frames.ts";

export default attack(() => ({
  it: async () => {
    inject(frame({ type: 99, payload: Buffer.from("?") }));
    await untilEnded();
  },
}));
