/** Looks at a process that stands ready to become another app, and at what it will get. */
import { readdirSync, readFileSync } from "node:fs";
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

export default attack(({ sparePid }) => ({
  "its open files": () => void readdirSync(`/proc/${sparePid}/fd`),
  "its environment": () => void readFileSync(`/proc/${sparePid}/environ`),
  "its memory": () => void readFileSync(`/proc/${sparePid}/mem`),
  "its wire": () => call("pidfd_getfd", call("pidfd_open", sparePid, 0), 3, 0),
  "its limits": () => call("prlimit64", sparePid, 7, 0, new BigUint64Array(2)),
}));
