import { afterEach, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { filesLinkedMax } from "./limits.ts";
import { linkArtifact } from "./linked-artifact.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function setup(files: number) {
  const folder = mkdtempSync(join(tmpdir(), "levain-linked-"));
  folders.push(folder);
  const [artifact, target] = [join(folder, "artifact"), join(folder, "app")];
  mkdirSync(join(artifact, "public"), { recursive: true });
  mkdirSync(target);
  for (let index = 0; index < files; index++)
    writeFileSync(join(artifact, "public", `${index}`), `${index}`);
  return { artifact, target };
}

test("an artifact's files are the very files, in folders of their own", () => {
  const { artifact, target } = setup(3);
  symlinkSync("public/1", join(artifact, "one"));

  expect(linkArtifact(artifact, target)).toBe(true);

  expect(readFileSync(join(target, "one"), "utf8")).toBe("1");
  expect(readdirSync(join(target, "public")).sort()).toEqual(["0", "1", "2"]);
  expect(statSync(join(target, "public/2")).ino).toBe(statSync(join(artifact, "public/2")).ino);
});

test("an artifact with too many files leaves the folder empty", () => {
  const { artifact, target } = setup(filesLinkedMax);

  expect(linkArtifact(artifact, target)).toBe(false);

  expect(readdirSync(target)).toEqual([]);
  expect(readdirSync(join(artifact, "public"))).toHaveLength(filesLinkedMax);
});
