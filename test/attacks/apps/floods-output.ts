/** Prints without end: for the log's disk and the node's time. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

export default attack(() => ({
  it: async () => {
    const lines = Buffer.from(`${"x".repeat(99)}\n`.repeat(640));
    const until = performance.now() + 1500;
    while (performance.now() < until) {
      try {
        call("write", 1, lines, lines.length);
      } catch {
        await Bun.sleep(1); // full for now
      }
    }
    return "printed";
  },
}));
