/** Which file of a project configures it, and the value of one that is no code. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { SourceQuery } from "./builder.ts";
import { readSmall } from "./project-files.ts";

const CONFIG_FILES = ["levain.config.ts", "levain.config.json"];

/** Name of the project's config file, or null. @throws {PlatformError} `CONFIG_INVALID` when there are two */
export function findConfigFile(folder: string): string | null {
  const [file, second] = CONFIG_FILES.filter((name) => existsSync(join(folder, name)));
  if (file !== undefined && second !== undefined)
    throw new PlatformError("CONFIG_INVALID", [file, `there is ${second} too; keep one`]);
  return file ?? null;
}

/** @throws {PlatformError} `CONFIG_INVALID` */
export async function readJsonConfig(source: string, file: string): Promise<unknown> {
  const text = await readSmall(join(source, file));
  try {
    return JSON.parse(text ?? "");
  } catch (error) {
    throw new PlatformError("CONFIG_INVALID", [file, "it cannot be read as JSON"], {
      cause: error,
    });
  }
}

/** What a deploy gives with its flags goes before the file; both are checked alike. */
export function withOverrides(raw: unknown, { overrides = {} }: SourceQuery): unknown {
  const given = Object.entries(overrides).filter(([, value]) => value !== undefined);
  if (given.length === 0 || typeof raw !== "object" || raw === null) return raw;
  return { ...raw, ...Object.fromEntries(given) };
}
