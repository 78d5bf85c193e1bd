/** Changes the files it was started from, so that the next instance runs something else. */
import { chmodSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attack } from "../attack.ts";

export default attack(() => {
  const own = join(process.cwd(), "levain.config.json");
  return {
    overwrite: () => writeFileSync(own, "{}"),
    append: () => writeFileSync(own, " ", { flag: "a" }),
    add: () => writeFileSync(join(process.cwd(), "added.ts"), ""),
    rename: () => renameSync(own, `${own}.moved`),
    remove: () => rmSync(own),
    link: () => symlinkSync("/etc", join(process.cwd(), "linked")),
    // The same mode and the present time: where it works, nothing is harmed.
    "change its mode": () => chmodSync(own, 0o644),
    "change its times": () => utimesSync(own, new Date(), new Date()),
  };
});
