/** A configuration file that is code, and does more than say what the app is. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { each } from "../attack.ts";
import { attackBuild } from "../build-attack.ts";
import { connectTo, inet } from "../sockets.ts";

await attackBuild(({ dataDir, nodeFiles, nodePid, otherBuild, outside, victim }) => ({
  "the admin token": () => void readFileSync(join(dataDir, "admin-token")),
  "any file of the data directory": () => each(nodeFiles, (path) => void readFileSync(path)),
  "the node's environment": () => void readFileSync(`/proc/${nodePid}/environ`),
  "another app's project": () => void readFileSync(join(otherBuild.project, "index.ts")),
  "its own project, for writing": () => writeFileSync("planted.ts", "x"),
  "a service of this machine": () => connectTo(inet(outside.port)),
  "end another app": () => process.kill(victim.pid, "SIGKILL"),
}));

export default {};
