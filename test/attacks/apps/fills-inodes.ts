/** Makes empty files until the disk can name no more. */
import { mkdirSync, writeFileSync } from "node:fs";
import { attack, stay } from "../attack.ts";

export default attack(() => ({
  it: async () => {
    let files = 0;
    for (let folder = 0; files < 6000; folder++) {
      const path = `${process.env["TMPDIR"]}/${folder}`;
      mkdirSync(path);
      for (let file = 0; file < 1000; file++, files++) writeFileSync(`${path}/${file}`, "");
      await Bun.sleep(20);
    }
    return stay(`got ${files} files`);
  },
}));
