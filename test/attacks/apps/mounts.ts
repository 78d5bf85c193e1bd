/** Changes what is mounted, or where its root folder is. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

const MS_BIND = 4096;
const AT_FDCWD = -100;
const OPEN_TREE_CLONE = 1;

export default attack(() => {
  // In its own folder: where it works, nothing of anybody else's is covered.
  const own = mkdtempSync(join(process.env["TMPDIR"]!, "mounts-"));
  return {
    "a folder over another": () => call("mount", own, own, 0, MS_BIND, 0),
    "a file system": () => call("mount", "none", own, "tmpfs", 0, 0),
    "by the new calls": () => call("fsopen", "proc", 0),
    "a copy of a tree": () => call("open_tree", AT_FDCWD, "/", OPEN_TREE_CLONE),
    chroot: () => call("chroot", own),
    pivot_root: () => call("pivot_root", own, own),
  };
});
