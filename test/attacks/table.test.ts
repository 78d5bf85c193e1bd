/** SECURITY.md says what the attacks are held to. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ATTACKS } from "./attacks.ts";
import { buildAttacks } from "./rows/deploys.ts";
import { withTables } from "./table.ts";

test("the tables of SECURITY.md are those of the expectations", async () => {
  const security = await Bun.file(join(import.meta.dir, "../../SECURITY.md")).text();

  // `bun test/attacks/table.ts --write` makes them anew.
  expect(withTables(security)).toBe(security);
});

test("every hostile app and build is let loose, and there are enough of them", () => {
  const named = (folder: string) =>
    readdirSync(join(import.meta.dir, folder)).map((file) => file.replace(/\.ts$/, ""));

  expect(ATTACKS.map(({ app }) => app).sort()).toEqual(named("apps").sort());
  expect(buildAttacks.map(({ name }) => name).sort()).toEqual(named("builds").sort());
  expect(ATTACKS.length).toBeGreaterThanOrEqual(40);
});
