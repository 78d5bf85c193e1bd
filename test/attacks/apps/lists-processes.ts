/** Finds out who else runs on the machine. */
import { readdirSync, readFileSync } from "node:fs";
import { attack } from "../attack.ts";

export default attack(({ neighbour }) => ({
  "all of /proc": () => void readdirSync("/proc"),
  "the neighbour's command line": () => void readFileSync(`/proc/${neighbour.pid}/cmdline`),
  "the neighbour's environment": () => void readFileSync(`/proc/${neighbour.pid}/environ`),
  "process 1": () => void readFileSync("/proc/1/cmdline"),
}));
