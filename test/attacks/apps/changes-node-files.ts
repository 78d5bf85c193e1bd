/** Changes, without opening them, the modes and times of files that belong to the node. */
import { chmodSync, chownSync, lutimesSync } from "node:fs";
import { attack, each } from "../attack.ts";

export default attack(({ nodeFiles, dataDir }) => ({
  // What they are set to is what a node's files have anyway.
  "mode of the data directory": () => chmodSync(dataDir, 0o700),
  "mode of its files": () => each(nodeFiles, (path) => chmodSync(path, 0o600)),
  "times of its files": () => each(nodeFiles, (path) => lutimesSync(path, 1e9, 1e9)),
  owner: () => each(nodeFiles, (path) => chownSync(path, process.getuid!(), process.getgid!())),
}));
