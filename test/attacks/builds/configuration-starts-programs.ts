/** A configuration file that has other programs do it, and leaves one behind. */
import { join } from "node:path";
import { attackBuild } from "../build-attack.ts";

await attackBuild(({ dataDir }) => ({
  "cat of the admin token": () => {
    const { exitCode } = Bun.spawnSync(["/bin/cat", join(dataDir, "admin-token")]);
    return exitCode === 0 ? "got" : "refused";
  },
  "pid of the daemon": async () => {
    const daemon = "(setsid env -i sleep 300 </dev/null >/dev/null 2>&1 & echo $!)";
    const { stdout } = Bun.spawnSync(["/bin/sh", "-c", daemon]);
    await Bun.sleep(500);
    return stdout.toString().trim();
  },
}));

export default {};
