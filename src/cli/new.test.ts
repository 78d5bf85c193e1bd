/** Goal: what `levain new` writes, and what it refuses to. Method: the command line as a process, real folders. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cli } from "./cli-process-for-tests.ts";

const ROOT = join(import.meta.dir, "../..");

/** A folder to make projects in. */
function place(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "levain-new-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

test("without arguments the templates are listed", async () => {
  const run = await cli(["new", "--json"]);

  const { templates } = JSON.parse(run.stdout).data;
  expect(templates.map(({ name }: { name: string }) => name)).toEqual(["api", "web", "worker"]);
  expect(run.code).toBe(0);
});

test.each(["api", "web", "worker"])(
  "%s has the name it was given and nothing of the template's",
  async (template) => {
    using at = place();

    const run = await cli(["new", template, "my-shop", "--json"], { cwd: at.path });

    const { folder, files } = JSON.parse(run.stdout).data;
    expect(folder).toBe(join(at.path, "my-shop"));
    expect(files).toContain(".github/workflows/ci.yml");
    for (const path of files) {
      expect(readFileSync(join(folder, path), "utf8"), path).not.toContain("levain-template");
    }
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    expect(manifest).toMatchObject({ name: "my-shop", levain: { template } });
    const versions = { ...manifest.dependencies, ...manifest.devDependencies };
    for (const version of Object.values(versions))
      expect(version).toMatch(/^(\d+\.\d+\.\d+|file:.*)$/);
  },
);

test("packages are pinned as Levain itself has them", async () => {
  const own = await Bun.file(join(ROOT, "package.json")).json();
  for (const template of readdirSync(join(ROOT, "templates"))) {
    const { dependencies, devDependencies } = await Bun.file(
      join(ROOT, "templates", template, "package.json"),
    ).json();
    const { levain: _levain, ...pinned } = { ...dependencies, ...devDependencies };
    expect({ ...own.dependencies, ...own.devDependencies }).toMatchObject(pinned);
  }
});

test("a folder that is not empty is left as it is, unless --force; and then only files of the same name change", async () => {
  using at = place();
  mkdirSync(join(at.path, "shop"));
  await Bun.write(join(at.path, "shop/README.md"), "mine");
  await Bun.write(join(at.path, "shop/notes.txt"), "mine too");

  const refused = await cli(["new", "api", "shop", "--json"], { cwd: at.path });
  expect(JSON.parse(refused.stdout).error.code).toBe("PROJECT_FOLDER_TAKEN");
  expect(refused.code).toBe(1);
  expect(readdirSync(join(at.path, "shop")).sort()).toEqual(["README.md", "notes.txt"]);

  const forced = await cli(["new", "api", "shop", "--force", "--json"], { cwd: at.path });
  expect(forced.code).toBe(0);
  expect(readFileSync(join(at.path, "shop/README.md"), "utf8")).toStartWith("# shop");
  expect(readFileSync(join(at.path, "shop/notes.txt"), "utf8")).toBe("mine too");
});

test.each([
  [["new", "api"], "say where"],
  [["new", "nothing", "x"], "there are api, web, worker"],
  [["new", "api", "x", "--name", "Not A Name"], "lower-case"],
  [["new", "api", "___"], "--name"],
])("%p is refused with what to do", async (words, part) => {
  using at = place();

  const run = await cli(words, { cwd: at.path });

  expect(run.stderr).toContain(part);
  expect(run.code).toBe(2);
  expect(existsSync(join(at.path, "x"))).toBe(false);
});
