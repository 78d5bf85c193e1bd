/** Goal: no mode and no depth keeps a folder from being removed. Method: real folders, removed by an ordinary user. */
import { afterAll, expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeFolder } from "./remove-folder.ts";

const isRoot = process.getuid?.() === 0;
const nobody = 65534;

const dir = mkdtempSync(join(tmpdir(), "levain-remove-"));
if (isRoot) chownSync(dir, nobody, nobody);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs a shell script in `dir`, and then removes `folder` there, as a user whom modes mean something to. */
async function removeWhat(script: string): Promise<string> {
  const program = `
    const { spawnSync } = await import("node:child_process");
    const { removeFolder } = await import(${JSON.stringify(join(import.meta.dir, "remove-folder.ts"))});
    if (process.getuid() === 0) { process.setgid(${nobody}); process.setuid(${nobody}); }
    const made = spawnSync("/bin/sh", ["-ec", process.env.SCRIPT], { encoding: "utf8" });
    if (made.status !== 0) throw new Error(made.stderr);
    await removeFolder("folder").catch((error) => console.log(error.code));`;
  const child = Bun.spawn([process.execPath, "-e", program], {
    cwd: dir,
    env: { PATH: process.env["PATH"], SCRIPT: script },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return out + error;
}

test("folders that their owner may not list, enter or change go with all that is in them", async () => {
  const said = await removeWhat(`
    for mode in 000 300 500 555; do mkdir -p folder/$mode/in; echo x > folder/$mode/in/file; done
    for mode in 000 300 500 555; do chmod $mode folder/$mode/in folder/$mode; done`);

  expect(said).toBe("");
  expect(existsSync(join(dir, "folder"))).toBe(false);
});

test("closed folders go where no path leads, too", async () => {
  const chain = Array.from({ length: 15 }, () => "d".repeat(200)).join("/");
  const said = await removeWhat(`
    mkdir -p folder/a/${chain} b/${chain}/closed/in
    chmod 0 b/${chain}/closed
    mv b folder/a/${chain}/b`);

  expect(said).toBe("");
  expect(existsSync(join(dir, "folder"))).toBe(false);
});

test("what a link leads to stays as it is", async () => {
  mkdirSync(join(dir, "elsewhere"), { mode: 0o500 });
  if (isRoot) chownSync(join(dir, "elsewhere"), nobody, nobody);

  const said = await removeWhat(`
    mkdir -p folder/closed/in; ln -s ../elsewhere folder/link; chmod 0 folder/closed`);

  expect(said).toBe("");
  expect(existsSync(join(dir, "folder"))).toBe(false);
  expect(statSync(join(dir, "elsewhere")).mode & 0o777).toBe(0o500);
});

test("a folder that is not there is fine", async () => {
  await removeFolder(join(dir, "never made"));
});
