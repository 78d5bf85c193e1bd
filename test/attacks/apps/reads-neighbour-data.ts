/** Reads and changes what another app keeps in its home and its temporary folder. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attack } from "../attack.ts";

export default attack(({ neighbour }) => {
  const kept = join(neighbour.run, "home/kept.txt");
  return {
    read: () => void readFileSync(kept),
    overwrite: () => writeFileSync(kept, "changed"),
    add: () => writeFileSync(join(neighbour.run, "tmp/added.txt"), "added"),
    rename: () => renameSync(kept, `${kept}.moved`),
    remove: () => rmSync(kept),
  };
});
