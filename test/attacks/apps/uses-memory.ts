/** Keeps more and more on the heap. */
import { attack } from "../attack.ts";

const kept: Uint8Array[] = [];

export default attack(() => ({
  it: async () => {
    // Ends by itself where nothing holds it, so that it does no harm there.
    for (let mebibytes = 0; mebibytes < 600; mebibytes += 8) {
      kept.push(new Uint8Array(8 * 1024 * 1024).fill(1));
      // Slowly enough for who only looks now and then.
      await Bun.sleep(30);
    }
    return `got ${kept.length * 8} MiB`;
  },
}));
