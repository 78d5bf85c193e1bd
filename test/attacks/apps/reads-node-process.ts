/** Reads the node's environment and memory by way of /proc. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { attack, each } from "../attack.ts";

export default attack(({ nodePid }) => ({
  "environment, command line, memory": () =>
    each(
      ["environ", "cmdline", "maps", "mem", "auxv", "status"],
      (name) => void readFileSync(`/proc/${nodePid}/${name}`),
    ),
  "open files": () => void readdirSync(`/proc/${nodePid}/fd`),
  "a file it has open": () => void readFileSync(`/proc/${nodePid}/fd/1`),
  "its root folder": () => void readdirSync(`/proc/${nodePid}/root/`),
  "where it works": () => void readlinkSync(`/proc/${nodePid}/cwd`),
}));
