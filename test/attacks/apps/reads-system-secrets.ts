/** Reads what the machine keeps from ordinary users, and what it keeps from nobody but is no business of an app's. */
import { readdirSync, readFileSync } from "node:fs";
import { attack } from "../attack.ts";

export default attack(() => ({
  "/etc/shadow": () => void readFileSync("/etc/shadow"),
  "root's home": () => void readdirSync("/root"),
  "the system's logs": () => void readdirSync("/var/log"),
  "/sys": () => void readdirSync("/sys/class/net"),
  "the kernel's symbols": () => void readFileSync("/proc/kallsyms"),
}));
