/** Finds out by `stat` and `access`, which open nothing, whether files of others exist, and how large they are. */
import { accessSync, statSync } from "node:fs";
import { join } from "node:path";
import { attack } from "../attack.ts";

export default attack(({ dataDir, neighbour }) => ({
  "the node's route table": () => void statSync(join(dataDir, "route-table.json")),
  "the neighbour's file": () => void statSync(join(neighbour.run, "home/kept.txt")),
  "whether it may be read": () => void accessSync(join(neighbour.run, "home/kept.txt")),
}));
