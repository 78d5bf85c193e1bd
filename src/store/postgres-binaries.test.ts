import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { preparePrograms } from "./postgres-binaries.ts";
import type { PostgresUser } from "./postgres-user.ts";

const self: PostgresUser = { name: "self", uid: 0, gid: 0, isOther: false };
/** A user that owns nothing here. */
const other: PostgresUser = { name: "other", uid: 54321, gid: 54321, isOther: true };

let folder: string;
let packageFolder: string;
let copiesFolder: string;
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "levain-programs-")));
  packageFolder = join(folder, "package");
  copiesFolder = join(folder, "copies");
  const files: [path: string, mode: number][] = [
    ["bin/postgres", 0o755],
    ["bin/initdb", 0o755],
    ["lib/libpq.so.5.18", 0o600],
    ["lib/libpq.a", 0o644],
    ["lib/postgresql/plpgsql.so", 0o755],
    ["share/postgresql/postgres.bki", 0o644],
  ];
  for (const [path, mode] of files) {
    const file = join(packageFolder, "native", path);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, path, { mode });
  }
  await writeFile(
    join(packageFolder, "native/pg-symlinks.json"),
    JSON.stringify([{ source: "native/lib/libpq.so.5.18", target: "native/lib/libpq.so.5" }]),
  );
  await writeFile(join(packageFolder, "package.json"), '{ "version": "18.4.0-beta.17" }');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("the programs are used where they lie, with the links of the package added once", async () => {
  const programs = await preparePrograms({ copiesFolder, user: self, packageFolder });
  const again = await preparePrograms({ copiesFolder, user: self, packageFolder });

  expect(programs.postgres).toBe(join(packageFolder, "native/bin/postgres"));
  expect(again).toEqual(programs);
  expect(readlinkSync(join(packageFolder, "native/lib/libpq.so.5"))).toBe("libpq.so.5.18");
  expect(existsSync(copiesFolder)).toBe(false);
});

test("two nodes can add the links at the same time", async () => {
  const options = { copiesFolder, user: self, packageFolder };

  const both = await Promise.all([preparePrograms(options), preparePrograms(options)]);

  expect(both[0]).toEqual(both[1]);
});

test("programs out of another user's reach are copied so that everybody can run them", async () => {
  await chmod(packageFolder, 0o700);

  const programs = await preparePrograms({ copiesFolder, user: other, packageFolder });

  const native = join(copiesFolder, "18.4.0-beta.17/native");
  expect(programs.postgres).toBe(join(native, "bin/postgres"));
  expect(statSync(programs.postgres).mode & 0o777).toBe(0o755);
  expect(statSync(join(native, "lib")).mode & 0o777).toBe(0o755);
  expect(statSync(join(native, "lib/libpq.so.5")).mode & 0o777).toBe(0o644);
  expect(existsSync(join(native, "lib/libpq.a"))).toBe(false);
});

test("a complete copy is used again, an unfinished one and those of other versions go", async () => {
  await chmod(packageFolder, 0o700);
  const options = { copiesFolder, user: other, packageFolder };
  await mkdir(join(copiesFolder, "18.3.0/native"), { recursive: true });
  await mkdir(join(copiesFolder, "18.4.0-beta.17.unfinished/native/old"), { recursive: true });
  const first = await preparePrograms(options);
  await writeFile(first.postgres, "marked");

  await preparePrograms(options);

  expect(await Bun.file(first.postgres).text()).toBe("marked");
  expect(await readdir(copiesFolder)).toEqual(["18.4.0-beta.17"]);
});

test("the package for this machine is installed", async () => {
  const { postgres } = await preparePrograms({ copiesFolder, user: self });

  expect(Bun.spawnSync([postgres, "--version"]).stdout.toString()).toStartWith(
    "postgres (PostgreSQL) 18.",
  );
});
