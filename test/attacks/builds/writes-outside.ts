/** A build that leaves something behind: for other builds, for the node, for the machine. */
import { appendFileSync, mkdtempSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { each } from "../attack.ts";
import { attackBuild } from "../build-attack.ts";

await attackBuild(({ dataDir, otherBuild, neighbour }) => ({
  "folders of the machine": () =>
    each(["/tmp", "/var/tmp", "/dev/shm", "/run", "/etc", "/"], (folder) => {
      rmdirSync(mkdtempSync(join(folder, "levain-attack-")));
    }),
  "the data directory": () => writeFileSync(join(dataDir, "planted.json"), "{}"),
  "the programs of builds": () => writeFileSync(join(dataDir, "builds/.programs/planted"), "x"),
  "another app's project": () => writeFileSync(join(otherBuild.project, "planted.ts"), "x"),
  "another app's packages": () => appendFileSync(join(otherBuild.packages, "index.js"), "x"),
  "another app's artifact": () => writeFileSync(join(neighbour.artifact, "planted.js"), "x"),
  "the runtime": () => appendFileSync(process.execPath, ""),
}));
