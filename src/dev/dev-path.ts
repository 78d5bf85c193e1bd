import { dirname, join } from "node:path";

/**
 * `PATH` for what a project runs while it is worked on: its own tools first, then the Bun that we run on, as in a build on
 * a node, also where none is installed.
 */
export function devPath(folder: string): string {
  const inherited = process.env["PATH"] ?? "";
  return [join(folder, "node_modules/.bin"), dirname(process.execPath), inherited].join(":");
}
