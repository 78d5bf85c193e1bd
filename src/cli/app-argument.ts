/**
 * Which app a command is about when it does not say: the one that the current folder is deployed as. Reads files and
 * runs nothing; where only running the config could tell, it asks for the name.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { appNameFrom } from "../deploy/names.ts";
import { usageError } from "./failure.ts";
import type { Call } from "./verb.ts";

/**
 * The verb's first argument, or the app of the current folder.
 *
 * @throws {PlatformError} `INPUT_INVALID` when the folder is none that an app's name can be read from.
 */
export async function appArgument(call: Call): Promise<string> {
  return call.args[0] ?? (await appOfFolder(call.io.cwd));
}

/** In the order of a deploy: the config's `name`, the name in package.json, the folder's own. */
export async function appOfFolder(folder: string): Promise<string> {
  const config = await nameInConfig(folder);
  if (config !== null) return config;
  const manifest = await read(join(folder, "package.json"));
  const app = nameInJson(manifest) ?? appNameFrom(basename(folder));
  if (app === null) throw usageError("say which app: this folder has no name to take it from");
  return app;
}

async function nameInConfig(folder: string): Promise<string | null> {
  const source = await read(join(folder, "levain.config.ts"));
  if (source === null) return nameInJson(await read(join(folder, "levain.config.json")));
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const names = [...code.matchAll(/\bname\b/g)];
  if (names.length === 0) return null;
  const plain = /\bname\s*:\s*(["'`])([a-z0-9-]+)\1/.exec(code)?.[2];
  if (names.length > 1 || plain === undefined) {
    throw usageError('say which app: its name is not a plain `name: "…"` in levain.config.ts');
  }
  return plain;
}

function nameInJson(text: string | null): string | null {
  if (text === null) return null;
  try {
    const { name } = JSON.parse(text) as { name?: unknown };
    return typeof name === "string" ? appNameFrom(name) : null;
  } catch {
    return null;
  }
}

async function read(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return null;
  }
}
