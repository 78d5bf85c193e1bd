/** Sends the node what only a node sends: a version to become. */
import { attack } from "../attack.ts";
import { frame, inject } from "../frames.ts";

export default attack(() => ({
  it: async () => {
    const message = {
      type: "load",
      root: "/",
      entry: "etc/passwd",
      ephemeral: false,
      env: {},
      socketPath: "/x",
    };
    inject(frame({ type: 6, flags: 1, payload: Buffer.from(JSON.stringify(message)) }));
    return "sent, and nothing came of it";
  },
}));
