/** Loads the hooks that the configuration names. Everything that is wrong with a module is found here, before a port is bound. */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { HookContext, Hooks, RequestHook, ResponseHook } from "../../sdk/src/hooks.ts";
import { didYouMean } from "../base/did-you-mean.ts";
import { messageOf, PlatformError } from "../base/errors.ts";
import { hookLoadTimeoutMs } from "./limits.ts";
import { problemOf } from "./load-problem.ts";
import type { HookSource, LoadedHook } from "./loaded-hook.ts";

export type { HookSource, LoadedHook } from "./loaded-hook.ts";

/** Modules that come with Levain. */
const SHIPPED_PREFIX = "levain/hooks/";
const shippedFolder = join(import.meta.dir, "..", "..", "hooks");

/**
 * Imports the modules one after the other, in order, and sets up those that take options.
 *
 * @throws {PlatformError} `HOOK_NOT_LOADED` that names the module, and the export or the place in a file
 */
export async function loadHooks(
  sources: readonly HookSource[],
  context: HookContext,
): Promise<LoadedHook[]> {
  const hooks: LoadedHook[] = [];
  for (const source of sources) hooks.push(await loadHook(source, context));
  return hooks;
}

async function loadHook(source: HookSource, context: HookContext): Promise<LoadedHook> {
  const { module } = source;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    const why = new Error(`it was not ready after ${hookLoadTimeoutMs} ms`);
    timer = setTimeout(() => reject(why), hookLoadTimeoutMs);
  });
  try {
    return await Promise.race([importHook(source, context), tooLong]);
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw new PlatformError("HOOK_NOT_LOADED", [module, whyNotLoaded(error, source)], {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

function whyNotLoaded(thrown: unknown, { module, folder }: HookSource): string {
  // Of one of ours, the options are wrong.
  if (module.startsWith(SHIPPED_PREFIX) || !existsSync(folder)) return messageOf(thrown);
  return problemOf(thrown, realpathSync(folder));
}

async function importHook(source: HookSource, context: HookContext): Promise<LoadedHook> {
  const { module, options } = source;
  const exported = (await import(pathOf(source))) as Record<string, unknown>;
  const setUp = exported["default"];
  if (setUp === undefined) {
    if (options !== undefined) {
      throw new Error("it was given options, and has no default export that takes them");
    }
    return hookOf(module, exported, "it exports");
  }
  if (typeof setUp !== "function") {
    throw new Error(`its default export is ${kindOf(setUp)}, must be a function`);
  }
  if ("onRequest" in exported || "onResponse" in exported) {
    throw new Error("it has a default export beside `onRequest` or `onResponse`; keep one of them");
  }
  const hooks: unknown = await (setUp as (options: unknown, context: HookContext) => unknown)(
    options,
    context,
  );
  if (typeof hooks !== "object" || hooks === null) {
    throw new Error(`its default export returned ${kindOf(hooks)}, must return an object`);
  }
  return hookOf(module, hooks as Record<string, unknown>, "its default export returned");
}

function hookOf(name: string, from: Record<string, unknown>, who: string): LoadedHook {
  const { onRequest, onResponse } = from as Partial<Record<keyof Hooks, unknown>>;
  for (const [key, value] of Object.entries({ onRequest, onResponse })) {
    if (value !== undefined && typeof value !== "function") {
      throw new Error(`${who} an \`${key}\` that is ${kindOf(value)}, must be a function`);
    }
  }
  if (onRequest === undefined && onResponse === undefined) {
    throw new Error(`${who} neither \`onRequest\` nor \`onResponse\``);
  }
  return {
    name,
    onRequest: (onRequest as RequestHook | undefined) ?? null,
    onResponse: (onResponse as ResponseHook | undefined) ?? null,
  };
}

/** @throws when there is no such module. */
function pathOf({ module, folder }: HookSource): string {
  if (module.startsWith(SHIPPED_PREFIX)) {
    const name = module.slice(SHIPPED_PREFIX.length);
    const path = join(shippedFolder, `${name}.ts`);
    if (/^[a-z-]+$/.test(name) && existsSync(path)) return path;
    throw new Error(`Levain has no hook of this name; ${nearestTo(name)}`);
  }
  const isFile = isAbsolute(module) || /^\.\.?\//.test(module);
  if (isFile && !existsSync(resolve(folder, module))) {
    throw new Error(`there is no file ${resolve(folder, module)}`);
  }
  if (!isFile && existsSync(resolve(folder, module))) {
    throw new Error(`this names a package; write "./${module}" for the file`);
  }
  return Bun.resolveSync(module, folder);
}

/** Which of the hooks that come with Levain was probably meant. */
function nearestTo(name: string): string {
  const names = readdirSync(shippedFolder).flatMap((file) => /^(.+)\.ts$/.exec(file)?.[1] ?? []);
  const nearest = didYouMean(name, names);
  if (nearest !== null) return `did you mean "${SHIPPED_PREFIX}${nearest}"?`;
  return `it has ${names.sort().join(", ")}`;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  const type = typeof value;
  return type === "undefined" ? "nothing" : `${type === "object" ? "an" : "a"} ${type}`;
}
