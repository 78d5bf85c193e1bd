/**
 * Reads `levain.config.ts` in the build child, and holds an environment to the schemas of the app's own that are in it.
 *
 * A config is read before anything is installed. A package that it imports and that is not there yet (zod, for its
 * schemas) is stood in for by something that takes every call and gives itself: what comes of it in `env` is known to be a
 * schema, which is asked after the install. Anywhere else in the config it is refused, as code is.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as sdk from "levain";
import { schemasFile } from "./checked-values.ts";
import type { SchemasRequest } from "./child-result.ts";

/** The config as plain data. */
export async function readConfig(file: string): Promise<unknown> {
  const value = await importConfig(file, true);
  if (value === undefined) throw new Error("it has no default export");
  return JSON.parse(JSON.stringify(withPlainEnv(value), plainOnly));
}

export interface EnvIssue {
  name: string;
  /** What its schema says, without the value. */
  rules: string[];
}

/**
 * What the app's own schemas say of an environment.
 *
 * @param names those whose rule is a schema
 * @param valueFor a value that is set, or undefined
 */
export async function checkEnv(
  file: string,
  names: readonly string[],
  valueFor: (name: string) => string | undefined,
): Promise<{ issues: EnvIssue[]; defaults: Record<string, string> }> {
  const config = (await importConfig(file, false)) as { env?: Record<string, unknown> };
  const issues: EnvIssue[] = [];
  const defaults: Record<string, string> = {};
  for (const name of names) {
    const standard = standardOf(config.env?.[name]);
    if (standard === null) {
      issues.push({ name, rules: ["what its schema says, which cannot be found any more"] });
      continue;
    }
    const text = valueFor(name);
    const result = await standard.validate(text);
    if (result.issues !== undefined) {
      issues.push({ name, rules: result.issues.map(({ message }) => String(message)) });
    } else if (text === undefined && isPlain(result.value)) {
      defaults[name] = String(result.value);
    }
  }
  return { issues, defaults };
}

/** The config with what it imports, but for what Levain offers, as one file. */
export async function bundleSchemas({ file, outdir }: SchemasRequest): Promise<void> {
  const built = await Bun.build({
    entrypoints: [file],
    outdir,
    target: "bun",
    format: "esm",
    external: ["levain"],
    naming: { entry: schemasFile },
    throw: false,
  });
  if (!built.success) throw new AggregateError(built.logs, "the config cannot be bundled");
}

interface Standard {
  validate(
    value: unknown,
  ):
    | { value?: unknown; issues?: { message: unknown }[] }
    | Promise<{ value?: unknown; issues?: { message: unknown }[] }>;
}

function standardOf(given: unknown): Standard | null {
  if ((typeof given !== "object" && typeof given !== "function") || given === null) return null;
  const standard = (given as { "~standard"?: Partial<Standard> })["~standard"];
  return typeof standard?.validate === "function" ? (standard as Standard) : null;
}

function isPlain(value: unknown): boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}

function withPlainEnv(value: unknown): unknown {
  const { env } = (value ?? {}) as { env?: unknown };
  if (typeof env !== "object" || env === null || standardOf(env) !== null) return value;
  const plain = Object.entries(env).map(([name, given]) => [
    name,
    standardOf(given) === null ? given : { type: "standard" },
  ]);
  return { ...(value as object), env: Object.fromEntries(plain) };
}

function plainOnly(key: string, inner: unknown): unknown {
  if (typeof inner === "function" || typeof inner === "bigint" || typeof inner === "symbol") {
    throw new Error(`\`${key}\` is a ${typeof inner}; the config must be plain data`);
  }
  return inner;
}

/** Packages that are stood in for at most; a config that imports more is a program. */
const standInsMax = 20;

async function importConfig(file: string, mayStandIn: boolean): Promise<unknown> {
  // A project need not have installed the package that its config is typed with.
  offer("levain", { ...sdk });
  const stoodIn = new Set<string>();
  for (;;) {
    try {
      // A module that failed once is not tried again under its name.
      const query = stoodIn.size === 0 ? "" : `?${stoodIn.size}`;
      return await (await import(file + query)).default;
    } catch (error) {
      const name = missingPackage(error);
      const isKnown = name !== null && mayStandIn && isDependency(name, file);
      if (!isKnown || stoodIn.has(name) || stoodIn.size >= standInsMax) throw error;
      stoodIn.add(name);
      const stand = standIn();
      const names = importedNames(readFileSync(file, "utf8"), name);
      offer(name, { default: stand, ...Object.fromEntries(names.map((each) => [each, stand])) });
    }
  }
}

/** Whether the project will have it once its packages are installed. */
function isDependency(name: string, file: string): boolean {
  try {
    const manifest = JSON.parse(readFileSync(join(dirname(file), "package.json"), "utf8"));
    const lists = [manifest.dependencies, manifest.devDependencies];
    return lists.some((list) => Object.hasOwn(list ?? {}, packageOf(name)));
  } catch {
    return false;
  }
}

/** `zod/v4` is of package `zod`. */
function packageOf(name: string): string {
  return name.split("/", name.startsWith("@") ? 2 : 1).join("/");
}

function offer(name: string, exports: Record<string, unknown>): void {
  Bun.plugin({
    name,
    setup: (build) => {
      build.module(name, () => ({ loader: "object", exports }));
    },
  });
}

/** Name of a package that an import did not find; null for any other failure. */
function missingPackage(error: unknown): string | null {
  const { message = "" } = (error ?? {}) as { message?: string };
  const [, name = ""] = /Cannot find (?:package|module) ['"]([^'"]+)['"]/.exec(message) ?? [];
  return name === "" || name.startsWith(".") || name.startsWith("/") ? null : name;
}

/** What a module's text imports from a package by name, also through `* as`. */
function importedNames(text: string, from: string): string[] {
  const names = new Set<string>();
  for (const [, clause = "", specifier] of text.matchAll(
    /\bimport\s+([^"';]+?)\s+from\s+["']([^"']+)["']/g,
  )) {
    if (specifier !== from) continue;
    for (const [, name = ""] of (/\{([^}]*)\}/.exec(clause)?.[1] ?? "").matchAll(
      /(?:^|,)\s*(?:type\s+)?([\w$]+)/g,
    )) {
      names.add(name);
    }
    const [, space] = /\*\s+as\s+([\w$]+)/.exec(clause) ?? [];
    if (space === undefined) continue;
    const members = new RegExp(`\\b${space.replaceAll("$", "\\$")}\\s*\\.\\s*([\\w$]+)`, "g");
    for (const [, name = ""] of text.matchAll(members)) names.add(name);
  }
  return [...names];
}

/** Takes every call and gives itself. In `env`, it is a schema. */
function standIn(): unknown {
  const stand: unknown = new Proxy(() => {}, {
    get(_target, key) {
      if (key === "~standard") return { version: 1, vendor: "later", validate: () => ({}) };
      if (typeof key === "symbol" || key === "then" || key === "toJSON") return undefined;
      return stand;
    },
    apply: () => stand,
    construct: () => stand as object,
    has: (_target, key) => key === "~standard",
  });
  return stand;
}
