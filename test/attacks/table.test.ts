/** SECURITY.md says what the attacks are held to. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ATTACKS, PENDING } from "./attacks.ts";
import { withTables } from "./table.ts";

test("the tables of SECURITY.md are those of the expectations", async () => {
  const security = await Bun.file(join(import.meta.dir, "../../SECURITY.md")).text();

  // `bun test/attacks/table.ts --write` makes them anew.
  expect(withTables(security)).toBe(security);
});

test("every hostile app is let loose, and there are enough of them", () => {
  const apps = readdirSync(join(import.meta.dir, "apps")).map((file) => file.replace(/\.ts$/, ""));

  expect([...ATTACKS, ...PENDING].map(({ app }) => app).sort()).toEqual(apps.sort());
  expect(ATTACKS.length).toBeGreaterThanOrEqual(40);
});
