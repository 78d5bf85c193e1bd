/**
 * Gets a runtime from npm's registry: a package manager of its own process does it, so that the registry, its password,
 * proxies and certificates are those that npm is configured with, and what came is what the registry's manifest says.
 */
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, PlatformError } from "../base/errors.ts";
import { outputCharactersMax, reasonCharactersMax } from "./limits.ts";
import { packageFor, type RuntimeMachine, versionOf } from "./runtime-name.ts";

export interface FetchedRuntime {
  /** Path of the program, in the folder that was given. */
  program: string;
  /** Name of the package it came in. */
  package: string;
  /** Of the package, as the registry's manifest had it and the package manager checked it; null: it did not say. */
  integrity: string | null;
}

export interface FetchRuntimeOptions {
  name: string;
  /** Empty, and nobody else's. What is in it afterwards is the caller's to remove. */
  folder: string;
  signal: AbortSignal;
  env?: Readonly<Record<string, string | undefined>>;
}

/** @throws {PlatformError} `RUNTIME_UNKNOWN`, `RUNTIME_FETCH_FAILED`; the signal's reason */
export async function fetchRuntime(options: FetchRuntimeOptions): Promise<FetchedRuntime> {
  const { name, folder, signal, env = process.env } = options;
  const version = versionOf(name);
  const packageName = packageFor(thisMachine());
  signal.throwIfAborted();
  // Without one of its own it would look for a project in the folders above.
  await writeFile(join(folder, "package.json"), '{"private":true}\n');
  const child = Bun.spawn(
    [
      process.execPath,
      ...["--no-orphans", "--no-env-file", "add", "--exact", "--ignore-scripts", "--no-progress"],
      `--cache-dir=${join(folder, ".cache")}`,
      `${packageName}@${version}`,
    ],
    {
      cwd: folder,
      env: { ...registryEnvironment(env), BUN_BE_BUN: "1", NO_COLOR: "1", TMPDIR: folder },
      stdio: ["ignore", "ignore", "pipe"],
      signal,
      killSignal: "SIGKILL",
    },
  );
  const output = await endOf(child.stderr);
  const code = await child.exited;
  signal.throwIfAborted();
  if (code !== 0) throw failureOf(name, packageName, version, output);
  const program = join(folder, "node_modules", packageName, "bin", "bun");
  return { program, package: packageName, integrity: await integrityIn(folder, packageName) };
}

/** What says where registries are and how to reach them, and no secret that is for something else. */
const PASSED_ON =
  /^(PATH|HOME|LANG|XDG_.*|NPM_.*|npm_config_.*|BUN_CONFIG_.*|(HTTPS?|NO|https?|no)_(PROXY|proxy)|NODE_EXTRA_CA_CERTS|SSL_CERT_.*)$/;

function registryEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const passed = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && PASSED_ON.test(entry[0]),
  );
  return Object.fromEntries(passed);
}

function failureOf(name: string, packageName: string, version: string, output: string) {
  if (output.includes(`No version matching "${version}"`) || output.includes(" - 404"))
    return new PlatformError("RUNTIME_UNKNOWN", [name, packageName]);
  const lines = output
    .split("\n")
    .filter((line) => /^(error|warn): /.test(line))
    .map((line) => line.replace(/^\w+: /, ""));
  const said = (lines.length > 0 ? lines : output.trim().split("\n").slice(-2)).join("; ");
  // An address may have a password in it.
  const reason = said.replaceAll(/\/\/[^/@\s]*@/g, "//").slice(0, reasonCharactersMax);
  return new PlatformError("RUNTIME_FETCH_FAILED", [name, reason || "it gave no reason"]);
}

/** Its last characters. */
async function endOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text = (text + decoder.decode(chunk, { stream: true })).slice(-outputCharactersMax);
  }
  return text;
}

/** What was checked is in the lockfile. */
async function integrityIn(folder: string, packageName: string): Promise<string | null> {
  try {
    const text = await readFile(join(folder, "bun.lock"), "utf8");
    const line = text.split("\n").find((one) => one.includes(`"${packageName}": [`));
    return /"(sha\d+-[A-Za-z0-9+/=]+)"/.exec(line ?? "")?.[1] ?? null;
  } catch (error) {
    throw new PlatformError("RUNTIME_FETCH_FAILED", [packageName, messageOf(error)]);
  }
}

let machine: RuntimeMachine | null = null;

/** This one. Looked at once. */
export function thisMachine(): RuntimeMachine {
  machine ??= {
    arch: process.arch,
    hasAvx2: process.arch !== "x64" || /^flags\s.*\bavx2\b/m.test(textOf("/proc/cpuinfo")),
    isMusl: textOf("/proc/self/maps").includes("ld-musl"),
  };
  return machine;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
