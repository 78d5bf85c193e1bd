/** Reaches files by the magic links of its own /proc folder. */
import { openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attack } from "../attack.ts";

const O_PATH = 0x20_0000;

export default attack(({ dataDir, neighbour }) => ({
  "root folder": () => void readFileSync(join("/proc/self/root", dataDir, "route-table.json")),
  "up from its working directory": () =>
    void readFileSync("/proc/self/cwd/../../../route-table.json"),
  "a folder held by O_PATH": () => {
    const fd = openSync(neighbour.run, O_PATH);
    return void readFileSync(`/proc/self/fd/${fd}/home/kept.txt`);
  },
  "its own file, held for reading, opened for writing": () => {
    const fd = openSync(join(process.cwd(), "levain.config.json"), "r");
    writeFileSync(`/proc/self/fd/${fd}`, "{}");
  },
  "its program, opened for writing": () => void openSync("/proc/self/exe", "r+"),
  "another task's folder": () => void readdirSync(`/proc/self/task/../../${neighbour.pid}/fd`),
  "its out-of-memory score": () => writeFileSync("/proc/self/oom_score_adj", "-1000"),
}));
