/** Was a process without an app before, which any app could have become: looks for what it had then, and for others. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { attack, each } from "../attack.ts";

export default attack(({ dataDir, neighbour, victim }) => {
  const code = process.cwd();
  const own = dirname(process.env["HOME"]!);
  return {
    "where its code lies": () => (dirname(code) === own ? "in its own folder" : code),
    "what lies there": () =>
      readdirSync(code).sort().join() === "index.js,levain.config.json" ? "its own" : "got more",
    "what its home and its temporary folder hold": () =>
      [process.env["HOME"]!, process.env["TMPDIR"]!].flatMap((path) => readdirSync(path)).join() ||
      "nothing",
    "one more file beside its code": () => writeFileSync(join(code, "added.ts"), ""),
    "what else is in its folder": () => void readdirSync(own),
    "folders of others": () =>
      each([dirname(own), neighbour.run, victim.run], (path) => void readdirSync(path)),
    "code of others": () =>
      each([join(dataDir, "artifacts"), neighbour.artifact], (path) => void readdirSync(path)),
    "variables of others": () =>
      Object.entries(process.env).some(([, value]) => value?.includes(basename(neighbour.run)))
        ? "got"
        : "none",
    "its own note": () => void readFileSync(join(own, "process.json")),
  };
});
