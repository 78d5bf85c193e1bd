/** Leaves files everywhere but in its own folders. */
import { mkdtempSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attack, each } from "../attack.ts";

export default attack(({ dataDir }) => ({
  "folders of the machine": () =>
    each(["/tmp", "/var/tmp", "/dev/shm", "/run", "/etc", "/"], (folder) => {
      rmdirSync(mkdtempSync(join(folder, "levain-attack-")));
    }),
  "the data directory": () => writeFileSync(join(dataDir, "planted.json"), "{}"),
  "its own run folder": () => writeFileSync(join(process.env["HOME"]!, "../process.json"), "{}"),
}));
