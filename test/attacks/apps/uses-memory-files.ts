/** Keeps memory in files without a name, which are not part of a process's own memory. */
import { attack, stay } from "../attack.ts";
import { call } from "../kernel.ts";

export default attack(() => ({
  it: async () => {
    const fd = call("memfd_create", "kept", 0);
    const piece = new Uint8Array(8 * 1024 * 1024).fill(1);
    let bytes = 0;
    while (bytes < 600 * 1024 * 1024) {
      bytes += call("write", fd, piece, piece.length);
      await Bun.sleep(2);
    }
    return stay(`got ${bytes / 1024 / 1024} MiB`);
  },
}));
