/** Puts links to files of others into its own folder and opens those. */
import { linkSync, mkdtempSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { attack } from "../attack.ts";

export default attack(({ dataDir, neighbour }) => {
  const folder = mkdtempSync(join(process.env["TMPDIR"]!, "links-"));
  const link = (to: string, name: string) => {
    symlinkSync(to, join(folder, name));
    return void readFileSync(join(folder, name));
  };
  return {
    "symlink to the node's table": () => link(join(dataDir, "route-table.json"), "table"),
    "symlink to the neighbour": () => link(join(neighbour.run, "home/kept.txt"), "kept"),
    "symlink through /proc/self/root": () =>
      link(join("/proc/self/root", neighbour.run, "home/kept.txt"), "root"),
    "hard link to the neighbour": () =>
      linkSync(join(neighbour.run, "home/kept.txt"), join(folder, "hard")),
  };
});
