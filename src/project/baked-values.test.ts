import { expect, test } from "bun:test";
import { describeBakedNames, findBakedNames } from "./baked-values.ts";

const find = (text: string, prefixes = ["VITE_", "PUBLIC_"]) => [
  ...findBakedNames([["src/a.ts", text]], prefixes).keys(),
];

test("names are found however they are read, and only those with a prefix", () => {
  expect(find("import.meta.env.VITE_A + process.env.VITE_B")).toEqual(["VITE_A", "VITE_B"]);
  expect(find('import.meta.env["VITE_A"]; import.meta.env?.VITE_B')).toEqual(["VITE_A", "VITE_B"]);
  expect(find("<title>%VITE_TITLE%</title>")).toEqual(["VITE_TITLE"]);
  expect(find('import { PUBLIC_A as a, PUBLIC_B } from "$env/static/public"')).toEqual([
    "PUBLIC_A",
    "PUBLIC_B",
  ]);
  expect(find("import.meta.env.MODE; process.env.SECRET; VITE_X")).toEqual([]);
  expect(find("import.meta.env.VITE_A", [])).toEqual([]);
});

test("what has no value is told by where it is read, what has one by what that means", () => {
  const names = findBakedNames(
    [["a.ts", "import.meta.env.VITE_A + import.meta.env.VITE_B + import.meta.env.VITE_C"]],
    ["VITE_"],
  );

  const told = describeBakedNames(names, new Set(["VITE_C"]), new Set(["VITE_B"]));

  expect(told).toEqual([
    "a.ts reads VITE_A when pages are built, and it has no value: `levain env set VITE_A=… --build`",
    "a.ts reads VITE_B when pages are built, and it is set for the app, but not for builds: `levain env set VITE_B=… --build`",
    "VITE_C: its value is written into the pages, for everybody to read; a change takes a deploy, not a promote",
  ]);
});
