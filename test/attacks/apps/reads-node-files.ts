/** Reads the node's own files: its token, its database password, its route table, its sockets, its logs. */
import { readFileSync } from "node:fs";
import { attack, each } from "../attack.ts";

export default attack(({ nodeFiles }) => ({
  "any file of the data directory": () => each(nodeFiles, (path) => void readFileSync(path)),
}));
