/** `levain export`: an app as one archive, written as it comes. */
import { open, rename, rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { usageError } from "./failure.ts";
import { showBytes } from "./units.ts";
import type { Verb } from "./verb.ts";

export const exportVerb: Verb = {
  name: "export",
  group: "Deploy",
  asksNode: true,
  summary: "Write an app with its versions to an archive",
  description:
    "A gzipped tar with what the app is, its branches, the versions that are live and those that branches would be rolled " +
    "back to, how they were built, their artifacts, and the names of its environment values, never the values. The layout is " +
    "in docs/operating.md.",
  arguments: [["<app>", "name of the app"]],
  flags: [
    ["--output <file>", "where to write (default: <app>.tar.gz)"],
    ["--all", "every version, not only those that are needed"],
  ],
  examples: [
    ["levain export shop", "to shop.tar.gz"],
    ["levain export shop --all --output backup/shop.tar.gz", "with every version that is kept"],
  ],
  async run(call) {
    const [app = ""] = call.args;
    const { output } = call.flags;
    const given = typeof output === "string" ? output : `${app}.tar.gz`;
    const path = resolve(call.io.cwd, given);
    if ((await stat(path).catch(() => null)) !== null) {
      throw usageError(`there is a file ${path} already`);
    }
    const query = { all: call.flags.all === true };
    const signal = call.io.interrupt();
    const archive = call.client.download("export", { app, query, signal });
    const bytes = await save(archive, path);
    return {
      data: { app, path, bytes },
      text: () => `${call.paint.green("✔")} ${app} is in ${path} (${showBytes(bytes)})`,
    };
  },
};

/** The file is there whole, or not at all. @returns its bytes */
async function save(archive: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const partial = `${path}.partial`;
  let bytes = 0;
  try {
    // Somebody's code, and how it is configured.
    await using file = await open(partial, "w", 0o600);
    for await (const piece of archive) {
      await file.writeFile(piece);
      bytes += piece.byteLength;
    }
    await file.sync();
    await rename(partial, path);
    return bytes;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
