/** Fills the disk with bytes. */
import { closeSync, openSync, writeSync } from "node:fs";
import { attack, stay } from "../attack.ts";

export default attack(() => ({
  it: async () => {
    const piece = new Uint8Array(1024 * 1024).fill(1);
    let mebibytes = 0;
    for (let file = 0; mebibytes < 192; file++) {
      const fd = openSync(`${process.env["TMPDIR"]}/full-${file}`, "w");
      for (let written = 0; written < 16; written++, mebibytes++) writeSync(fd, piece);
      closeSync(fd);
      await Bun.sleep(50);
    }
    return stay(`got ${mebibytes} MiB`);
  },
}));
