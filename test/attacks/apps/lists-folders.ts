/** Looks around: what apps are there, who runs, what is on the machine. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { attack } from "../attack.ts";

export default attack(({ dataDir, neighbour }) => ({
  "the data directory": () => void readdirSync(dataDir),
  "all artifacts": () => void readdirSync(join(dataDir, "artifacts")),
  "all run folders": () => void readdirSync(join(dataDir, "run")),
  "the neighbour's run folder": () => void readdirSync(neighbour.run),
  "/": () => void readdirSync("/"),
  "/tmp": () => void readdirSync("/tmp"),
  "/home": () => void readdirSync("/home"),
}));
