/** Reads the code of another app. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { attack } from "../attack.ts";

export default attack(({ neighbour }) => ({
  "list of its files": () => void readdirSync(neighbour.artifact),
  "its code": () => void readFileSync(join(neighbour.artifact, "levain.config.json")),
}));
