/** Finds out who talks to whom on the machine. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { attack } from "../attack.ts";

export default attack(({ port, dataDir }) => ({
  "ports in /proc/self/net/tcp": () => {
    const hex = port.toString(16).toUpperCase().padStart(4, "0");
    return readFileSync("/proc/self/net/tcp", "latin1").includes(`:${hex} `) ? "got" : "nothing";
  },
  "paths in /proc/self/net/unix": () =>
    readFileSync("/proc/self/net/unix", "latin1").includes(dataDir) ? "got" : "nothing",
  "mounts in /proc/self/mountinfo": () =>
    readFileSync("/proc/self/mountinfo", "latin1").length > 0 ? "got" : "nothing",
  "addresses of the machine": () =>
    Object.keys(networkInterfaces()).length > 0 ? "got" : "nothing",
}));
