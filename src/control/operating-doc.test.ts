/** Goal: docs/operating.md says what the code does. Method: its table of settings is read and compared. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { postgresRestartMs, postgresRestartMsMax } from "../store/limits.ts";
import { dataDirBytesMax } from "./limits.ts";
import { OTHER_VARIABLES, SETTINGS, VARIABLES } from "./node-settings.ts";

const text = await Bun.file(join(import.meta.dir, "../../docs/operating.md")).text();

/** Cells of each row of the table of settings, without the code marks. */
const rows = [...text.matchAll(/^\| `([\w.]+)` \| `(\w+)` \| (.+?) \| (.+?) \| .+ \|$/gm)].map(
  ([, key = "", variable = "", fallback = "", takes = ""]) => ({
    key,
    variable,
    fallback: fallback.replaceAll("`", ""),
    takes: takes.replaceAll("`", ""),
  }),
);

test("the table has every setting in the order of the schema", () => {
  // Those of a broker stand in docs/warm-starts.md.
  const keys = Object.keys(SETTINGS).filter((key) => !key.startsWith("broker."));
  expect(rows.map(({ key }) => key)).toEqual(keys);
});

test.each(rows)("$key stands there with its variable, default and range", (row) => {
  const shape = SETTINGS[row.key] ?? {};

  expect(VARIABLES[row.variable]).toBe(row.key);
  if (shape.default !== undefined) expect(row.fallback).toBe(JSON.stringify(shape.default));
  else expect(["none", "see below"]).toContain(row.fallback);
  if (shape.type === "integer") expect(row.takes).toBe(`${shape.minimum} to ${shape.maximum}`);
});

test("numbers and names in the text are those of the code", () => {
  for (const name of OTHER_VARIABLES) expect(text).toContain(`\`${name}\``);
  expect(text).toContain(`at most ${dataDirBytesMax} bytes`);
  expect(text).toContain(`after ${postgresRestartMs / 1000} seconds`);
  expect(text).toContain(`up to ${postgresRestartMsMax / 1000} seconds`);
});
