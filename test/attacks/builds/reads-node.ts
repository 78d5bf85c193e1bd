/** A build that looks for the node's secrets: in its files and in its process. */
import { openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { each } from "../attack.ts";
import { attackBuild } from "../build-attack.ts";

await attackBuild(({ dataDir, nodeFiles, nodePid }) => ({
  "the admin token": () => void readFileSync(join(dataDir, "admin-token")),
  "any file of the data directory": () => each(nodeFiles, (path) => void readFileSync(path)),
  "the data directory": () => void readdirSync(dataDir),
  "the node's environment": () => void readFileSync(`/proc/${nodePid}/environ`),
  "the node's memory": () => void openSync(`/proc/${nodePid}/mem`, "r"),
  "the node's open files": () => void readdirSync(`/proc/${nodePid}/fd`),
}));
