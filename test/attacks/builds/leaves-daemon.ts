/** A build that leaves a process behind: in a session of its own, without an environment, adopted by nobody it knows. */
import { attackBuild } from "../build-attack.ts";

await attackBuild(() => ({
  "pid of the daemon": async () => {
    // It goes by itself, should nobody end it.
    const daemon = "(setsid env -i sleep 300 </dev/null >/dev/null 2>&1 & echo $!)";
    const { stdout } = Bun.spawnSync(["/bin/sh", "-c", daemon]);
    await Bun.sleep(500);
    return stdout.toString().trim();
  },
}));
