/** Moves to a group of processes without limits. */
import { readFileSync, writeFileSync } from "node:fs";
import { attack, each } from "../attack.ts";

export default attack(() => ({
  "another group": () =>
    each(
      ["/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified"],
      (folder) => writeFileSync(`${folder}/cgroup.procs`, String(process.pid)),
    ),
  "where it is": () => (readFileSync("/proc/self/cgroup", "latin1").length > 0 ? "got" : "nothing"),
}));
