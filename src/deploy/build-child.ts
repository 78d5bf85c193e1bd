/**
 * The part of a build that runs the project's code: a process of its own that reads `levain.config.ts` or bundles, and
 * writes what came of it to a file, since stdout belongs to the project.
 *
 *   bun build-child.ts <request as JSON> <path of the result>
 */
import { writeFileSync } from "node:fs";
import * as sdk from "levain";
import { bundle } from "./bundle.ts";
import type { ChildRequest, ChildResult } from "./child-result.ts";

const [requestText = "", resultPath = ""] = process.argv.slice(2);
const request = JSON.parse(requestText) as ChildRequest;

let result: ChildResult;
try {
  result =
    request.task === "config"
      ? { ok: true, task: "config", value: await readConfig(request.file) }
      : await bundle(request);
} catch (error) {
  result = { ok: false, problem: "error", message: describe(error) };
}
writeFileSync(resultPath, JSON.stringify(result));
// The config may have left a timer or a socket; nobody waits for those.
process.exit(0);

async function readConfig(file: string): Promise<unknown> {
  // A project need not have installed the package that its config is typed with.
  Bun.plugin({
    name: "levain",
    setup: (build) => {
      build.module("levain", () => ({ loader: "object", exports: { ...sdk } }));
    },
  });
  const value = await (await import(file)).default;
  if (value === undefined) throw new Error("it has no default export");
  return JSON.parse(
    JSON.stringify(value, (key, inner) => {
      if (typeof inner === "function" || typeof inner === "bigint" || typeof inner === "symbol") {
        throw new Error(`\`${key}\` is a ${typeof inner}; the config must be plain data`);
      }
      return inner;
    }),
  );
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
