/** Which of the values that are set for an app a branch gets. */
import { expect, test } from "bun:test";
import type { EnvScope } from "../store/env-values.ts";
import { setValuesFor } from "./resolve.ts";

const value = (scope: EnvScope, branch: string, when: "run" | "build" = "run") => ({
  name: "A",
  scope,
  branch,
  atRun: when === "run",
  atBuild: when === "build",
  setAtMs: 0,
  setBy: null,
});
const all = value("all", "");
const previews = value("previews", "");
const main = value("branch", "main");
const fix = value("branch", "fix");

test.each([
  ["main", [all, previews, main, fix], main],
  ["main", [previews, all, fix], all],
  ["main", [previews, fix], undefined],
  ["fix", [main, previews, fix, all], fix],
  ["fix", [all, previews, main], previews],
  ["other", [fix, main, all], all],
  ["other", [fix, main], undefined],
])("%s gets the nearest, and nothing of another branch", (branch, values, expected) => {
  for (const given of [values, values.toReversed()]) {
    expect(setValuesFor(given, branch, "run").get("A")).toBe(expected);
  }
});

test("a value for builds is none for the app, and the other way round", () => {
  const build = value("branch", "fix", "build");

  expect(setValuesFor([build, all], "fix", "run").get("A")).toBe(all);
  expect(setValuesFor([build, all], "fix", "build").get("A")).toBe(build);
});
