import { expect, test } from "bun:test";
import { join } from "node:path";
import { envBytesMax } from "../secrets/limits.ts";
import { appConfigSchema, GROUPS, parseAppConfig } from "./app-config.ts";
import {
  DATABASE_NUMBERS,
  IDLE_KEYS,
  INSTANCE_KEYS,
  LIMIT_KEYS,
  MIGRATE_NUMBERS,
} from "./config-numbers.ts";
import { concurrencyMaxEphemeralDefault } from "./limits.ts";

const text = await Bun.file(join(import.meta.dir, "../../docs/configuration.md")).text();
/** The table of keys: key → the other cells. */
const rows = new Map(
  [...text.matchAll(/^\| `([\w.]+)` \| (.*) \|$/gm)].map(([, key = "", cells = ""]) => [
    key,
    cells.split("|").map((cell) => cell.trim()),
  ]),
);

test("docs/configuration.md has every key of the schema, and no other", () => {
  const keys = Object.keys(appConfigSchema.shape).flatMap((key) =>
    key in GROUPS ? Object.keys(GROUPS[key]!).map((inner) => `${key}.${inner}`) : [key],
  );

  expect([...rows.keys()].sort()).toEqual(keys.sort());
});

test("docs/configuration.md has the defaults and ranges of the schema", () => {
  const numbers = [
    ...Object.entries(LIMIT_KEYS).map(([key, row]) => [`limits.${key}`, row] as const),
    ...Object.entries(INSTANCE_KEYS).map(([key, row]) => [`instances.${key}`, row] as const),
    ...Object.entries(IDLE_KEYS),
    ...Object.entries(DATABASE_NUMBERS).map(([key, row]) => [`database.${key}`, row] as const),
    ...Object.entries(MIGRATE_NUMBERS).map(([key, row]) => [`migrate.${key}`, row] as const),
  ];
  for (const [key, { default: assumed, smallest, largest, unit }] of numbers) {
    const least = key === "instances.max" ? ", or `min`" : "";
    const without = key === "idleStopMs" ? "0, or " : "";
    const allowed = key === "idleStopMs" ? " when `standby` allows it" : "";
    const ephemeral = key.endsWith("concurrencyMax")
      ? `, or ${concurrencyMaxEphemeralDefault} when \`ephemeral\``
      : "";
    expect(rows.get(key), key).toEqual([
      unit,
      `${without}${assumed}${allowed}${ephemeral}${least}`,
      `${smallest} to ${largest}`,
    ]);
  }
  const { ephemeral, healthPath, standby } = parseAppConfig({}, "");
  expect(rows.get("ephemeral")?.[1]).toBe(`\`${ephemeral}\``);
  expect(rows.get("healthPath")?.[1]).toBe(`\`${healthPath}\``);
  expect(rows.get("standby")?.[1]).toContain(`\`${standby}\``);
  expect(rows.get("env")?.[2]).toContain(`${envBytesMax} bytes`);
});

test("docs/configuration.md explains every key", () => {
  const headings = [...text.matchAll(/^### (.+)$/gm)].flatMap(([, heading = ""]) =>
    heading.split(/, | and /),
  );

  expect(headings.sort()).toEqual(Object.keys(appConfigSchema.shape).sort());
});
