import { expect, test } from "bun:test";
import { comparePackages, isUnchanged } from "./package-changes.ts";
import type { InstalledPackage, PackageList } from "./package-list.ts";

function listOf(...packages: (Partial<InstalledPackage> & { name: string })[]): PackageList {
  return {
    format: 1,
    uses: [],
    leftOut: 0,
    packages: packages.map((found) => ({
      version: "1.0.0",
      license: null,
      integrity: null,
      resolved: null,
      isDevelopment: false,
      isLocal: false,
      scripts: [],
      uses: [],
      ...found,
    })),
  };
}

test("added, removed and changed packages are told apart", () => {
  const before = listOf({ name: "a" }, { name: "b" }, { name: "c", version: "1.0.0" });
  const after = listOf({ name: "a" }, { name: "c", version: "2.0.0" }, { name: "d" });

  expect(comparePackages(before, after, 6)).toMatchObject({
    since: 6,
    added: { total: 1, named: [{ name: "d", version: "1.0.0" }] },
    removed: { total: 1, named: [{ name: "b" }] },
    changed: { total: 1, named: [{ name: "c", from: "1.0.0", to: "2.0.0" }] },
  });
  expect(isUnchanged(comparePackages(after, after, 7))).toBe(true);
});

test("scripts that came with a new or a newer package are named, those that were there are not", () => {
  const scripts = ["postinstall"];
  const before = listOf({ name: "a", scripts }, { name: "b" });
  const after = listOf(
    { name: "a", version: "2.0.0", scripts },
    { name: "b", version: "1.1.0", scripts },
    { name: "c", scripts },
  );

  const { named } = comparePackages(before, after, 1).scripts;

  expect(named.map(({ name }) => name)).toEqual(["b", "c"]);
});

test("other bytes under the same version are told, a hash that was not known is not", () => {
  const before = listOf({ name: "a", integrity: "sha512-1" }, { name: "b" });
  const after = listOf({ name: "a", integrity: "sha512-2" }, { name: "b", integrity: "sha512-3" });

  expect(comparePackages(before, after, 1).replaced).toEqual({
    total: 1,
    named: [{ name: "a", version: "1.0.0" }],
  });
});

test("however much changes, few are named and all are counted", () => {
  const many = listOf(...Array.from({ length: 3000 }, (_, index) => ({ name: `p${index}` })));

  const { added } = comparePackages(listOf(), many, 1);

  expect(added.total).toBe(3000);
  expect(added.named.length).toBe(20);
});

test("a project's own workspaces are no packages that change", () => {
  const before = listOf({ name: "own", isLocal: true });
  const after = listOf({ name: "own", version: "2.0.0", isLocal: true });

  expect(isUnchanged(comparePackages(before, after, 1))).toBe(true);
});
