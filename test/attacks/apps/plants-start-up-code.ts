/**
 * Plants what a runtime reads when it starts: `bunfig.toml` with a preload, `.env`, a preloaded library. The next
 * process must not run it before it is sandboxed, and the node never.
 */
import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attack } from "../attack.ts";

export default attack(({ dataDir }) => ({
  // bunfig.toml beside this file, in the artifact, names it.
  "preload of its artifact": () =>
    (globalThis as { wasPreloaded?: boolean }).wasPreloaded === true ? "ran" : "did not run",
  ".env of its home": () => {
    writeFileSync(join(process.env["HOME"]!, ".env"), "PLANTED=1\n");
    return process.env["PLANTED"] === undefined ? "not read" : "read";
  },
  "a library for every program": async () => {
    const child = Bun.spawn(["/bin/cat", `${dataDir}/route-table.json`], {
      env: { LD_PRELOAD: join(process.env["TMPDIR"]!, "missing.so") },
      stdio: ["ignore", "ignore", "ignore"],
    });
    return (await child.exited) === 0 ? "got" : "refused";
  },
  // Opened, not written: where it works, nothing is harmed.
  "the list of libraries of the machine": () => void openSync("/etc/ld.so.cache", "r+"),
}));
