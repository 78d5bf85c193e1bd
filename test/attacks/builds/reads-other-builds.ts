/** A build that wants what other apps are made of, while it is made and afterwards. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { attackBuild } from "../build-attack.ts";

await attackBuild(({ dataDir, otherBuild, neighbour }) => ({
  "another app's project": () => void readFileSync(join(otherBuild.project, "index.ts")),
  "another app's packages": () => void readFileSync(join(otherBuild.packages, "index.js")),
  "which builds there are": () => void readdirSync(join(dataDir, "builds")),
  "another app's artifact": () => void readFileSync(join(neighbour.artifact, "index.js")),
  "another app's files": () => void readFileSync(join(neighbour.run, "home/kept.txt")),
}));
