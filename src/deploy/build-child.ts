/**
 * The part of a build that runs the project's code: a process of its own that reads `levain.config.ts` or bundles, and
 * writes what came of it to a file, since stdout belongs to the project.
 *
 *   bun build-child.ts <request as JSON> <path of the result>
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { prepareFiles, rowsFile } from "../assets/prepare.ts";
import { bundle } from "./bundle.ts";
import { checkedPrefix } from "./checked-values.ts";
import type { ChildRequest, ChildResult } from "./child-result.ts";
import { bundleSchemas, checkEnv, readConfig } from "./config-child.ts";
import { installedPackages } from "./installed-packages.ts";
import { lockfileBytesMax } from "./limits.ts";

const [requestText = "", resultPath = ""] = process.argv.slice(2);
const request = JSON.parse(requestText) as ChildRequest;

let result: ChildResult;
try {
  result = await perform(request);
} catch (error) {
  result = { ok: false, problem: "error", message: describe(error) };
}
writeFileSync(resultPath, JSON.stringify(result));
// The config may have left a timer or a socket; nobody waits for those.
process.exit(0);

async function perform(request: ChildRequest): Promise<ChildResult> {
  switch (request.task) {
    case "config":
      return { ok: true, task: "config", value: await readConfig(request.file) };
    case "env": {
      const { file, names } = request;
      const valueFor = (name: string) => process.env[checkedPrefix + name];
      return { ok: true, task: "env", ...(await checkEnv(file, names, valueFor)) };
    }
    case "schemas":
      await bundleSchemas(request);
      return { ok: true, task: "schemas" };
    case "bundle":
      return await bundle(request);
    case "packages": {
      const { root, folder, lockfile } = request;
      const text = lockfile === null ? null : readText(join(root, lockfile));
      const locked = lockfile === null || text === null ? null : { name: lockfile, text };
      return { ok: true, task: "packages", list: installedPackages(root, locked, folder) };
    }
    case "assets": {
      const rows = JSON.stringify(prepareFiles(request));
      writeFileSync(join(request.outdir, rowsFile), rows);
      return { ok: true, task: "assets" };
    }
  }
}

/** Null for what is no plain file, or far too large for one. */
function readText(path: string): string | null {
  try {
    const facts = statSync(path);
    return facts.isFile() && facts.size <= lockfileBytesMax ? readFileSync(path, "utf8") : null;
  } catch {
    return null;
  }
}

/** Message with file and line, when the error knows them. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join("; ");
  const position = (
    error as { position?: { file: string; line: number; column: number } | null } | null
  )?.position;
  const message =
    error instanceof Error
      ? error.message
      : String((error as { message?: unknown })?.message ?? error);
  return position ? `${position.file}:${position.line}:${position.column} ${message}` : message;
}
